import Compute
import Engine
import Models
import TLS
import Vocabulary

/// A digest of what models have answered to a call, for callers that want to see that the same request has the same
/// bits: alone, among others, on another thread count.
///
/// It covers what the models gave and nothing of when: of tensors name, type, shape and bytes, in their order; of each
/// answer to a prompt tokens, text and the reason of its end, whatever pieces it came in.
///
/// - Isolation: the handler of the call, on the loop of its connection.
package final class OutputDigest: @unchecked Sendable {
    // @unchecked: the handler of one call uses it, and a handler runs on one loop.
    private let hash = SHA256()
    private var texts: [Int: (tokens: [Int32], text: String)] = [:]

    /// The metadata key by which callers ask for it, with the value 1.
    static let requestKey: StaticString = "x-deterministic"
    /// The trailer that has it.
    static let trailerName = "apus-output-sha256"

    func add(_ output: InferenceOutput) {
        for named in output.tensors {
            let tensor = named.tensor
            add("\(named.name) \(tensor.dataType.wireName) \(tensor.shape)")
            tensor.data.withUnsafeBytes { add($0) }
        }
    }

    /// Rows of numbers, one behind the other.
    func add(vectors: [[Float]]) {
        add("vectors \(vectors.count)")
        for vector in vectors { vector.withUnsafeBytes { add($0) } }
    }

    func add(_ piece: GenerationPiece) {
        texts[piece.answer, default: ([], "")].tokens += piece.tokens
        texts[piece.answer, default: ([], "")].text += piece.text
    }

    func end(answer: Int, _ reason: EngineFinishReason) {
        texts[answer, default: ([], "")].text += "\0\(reason.rawValue)"
    }

    /// The digest of all that was added; ends it.
    func finish() -> String {
        for (answer, content) in texts.sorted(by: { $0.key < $1.key }) {
            add("answer \(answer)")
            content.tokens.withUnsafeBytes { add($0) }
            add(content.text)
        }
        return hash.finish()
    }

    private func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// With its length in front, so that no two lists of parts look alike.
    private func add(_ bytes: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update($0) }
        hash.update(bytes)
    }
}
