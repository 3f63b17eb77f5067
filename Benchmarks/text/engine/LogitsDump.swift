import Compute
import Models
import TextModels

/// Prints what a decoder computes, for comparison with other programs: `{"logits": […], "tokens": […]}`.
///
/// The logits are those after the prompt, the tokens the likeliest ones that follow it.
struct LogitsDump {
    let model: DecoderModel
    let gang: ComputeGang

    /// - Parameters:
    ///   - prompt: token ids with commas between them.
    ///   - count: tokens that follow.
    /// - Throws: `ComputeError` when there is no memory for the cache.
    func run(prompt: String, count: Int) throws {
        let tokens = prompt.split(separator: ",").compactMap { Int32($0) }
        let vocabulary = Int32(model.properties.vocabularySize)
        guard !tokens.isEmpty, tokens.allSatisfy({ (0..<vocabulary).contains($0) }) else {
            fail("--logits: expected ids of tokens below \(vocabulary), got \(prompt)")
        }
        try model.allocateCache(pageCount: 1, tokensPerPage: tokens.count + count)
        var logits = step(tokens, at: 0)
        let first = logits
        var written: [Int32] = []
        while written.count < count {
            let best = logits.indices.max { logits[$0] < logits[$1] }!
            written.append(Int32(best))
            logits = step([Int32(best)], at: tokens.count + written.count - 1)
        }
        print("{\"logits\": \(first), \"tokens\": \(written)}")
    }

    private func step(_ tokens: [Int32], at position: Int) -> [Float] {
        var result: [Float] = []
        model.step(
            [TokenSpan(tokens: tokens, startPosition: position, pages: [0], result: .lastLogits)], on: gang
        ) { _, values in result = Array(values) }
        return result
    }
}
