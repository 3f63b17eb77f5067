import Compute
import Glibc
import Models
import TextModels
import Vocabulary

/// Measures an encoder: all texts of a file, as the server's executions take them, without padding.
///
/// The file has a text a line, its token ids separated by spaces. An execution takes texts, in order of arrival, up to
/// the model's budget of tokens.
struct EmbeddingBench {
    private let model: EncoderModel
    private let texts: [[Int32]]
    private let gang: ComputeGang
    private let rounds: Int
    private let format: WeightFormat
    /// Where the vectors go, as little-endian float32, `[texts, hidden]`; empty for nowhere.
    private let vectorFile: String

    init(_ options: Options, format: WeightFormat) throws {
        self.format = format
        model = try EncoderModel(
            directory: options.folder, name: ModelName("bench")!, version: ModelVersion(1)!, format: format)
        texts = try Self.read(options.text("embed", ""))
        gang = ComputeGang(threadCount: options.number("threads", 2))
        rounds = max(1, options.number("rounds", 5))
        vectorFile = options.text("vectors", "")
    }

    private static func read(_ path: String) throws -> [[Int32]] {
        guard let file = fopen(path, "r") else { fail("--embed: cannot read \(path)") }
        defer { fclose(file) }
        var texts: [[Int32]] = []
        while let line = readLine(from: file) {
            texts.append(
                line.split(separator: " ").map { word in
                    guard let token = Int32(word) else { fail("--embed: \(word) in \(path) is no token id") }
                    return token
                })
        }
        guard !texts.isEmpty, texts.allSatisfy({ !$0.isEmpty }) else { fail("--embed: a text of \(path) is empty") }
        return texts
    }

    private static func readLine(from file: UnsafeMutablePointer<FILE>) -> String? {
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        guard getline(&line, &capacity, file) > 0, let line else { return nil }
        return String(String(cString: line).prefix { $0 != "\n" })
    }

    func run() throws {
        var vectors: [[Float]] = []
        let times = try (0...rounds).map { _ in
            let start = seconds()
            vectors = try batches().flatMap { try model.vectors(of: $0, on: gang) }
            return seconds() - start
        }
        if !vectorFile.isEmpty { write(vectors) }
        let tokenCount = texts.reduce(0) { $0 + $1.count }
        let rate = Double(tokenCount) / median(Array(times.dropFirst()))
        let fields = [
            "\"weights\": \"\(format.rawValue)\"", "\"threads\": \(gang.threadCount)",
            "\"tier\": \"\(gang.kernels.tier)\"", "\"texts\": \(texts.count)", "\"tokens\": \(tokenCount)",
            "\"tokens_per_second\": \(rate)",
        ]
        print("{\(fields.joined(separator: ", "))}")
    }

    private func batches() -> [[[Int32]]] {
        var batches: [[[Int32]]] = []
        var tokenCount = Int.max
        for text in texts {
            if tokenCount == .max || tokenCount + text.count > model.tokenBudget {
                batches.append([])
                tokenCount = 0
            }
            batches[batches.count - 1].append(text)
            tokenCount += text.count
        }
        return batches
    }

    private func write(_ vectors: [[Float]]) {
        guard let file = fopen(vectorFile, "w") else { fail("--vectors: cannot write \(vectorFile)") }
        for vector in vectors where fwrite(vector, 4, vector.count, file) != vector.count {
            fail("--vectors: cannot write \(vectorFile)")
        }
        guard fclose(file) == 0 else { fail("--vectors: cannot write \(vectorFile)") }
    }
}
