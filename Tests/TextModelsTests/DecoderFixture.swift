import Compute
import Foundation
import ModelFiles
import Testing
import TextModels
import Vocabulary

/// A miniature that `Tests/Fixtures/make_decoders.py` made, and what Hugging Face transformers computed of it.
struct DecoderFixture {
    static let names = [
        "gemma2", "gemma3", "gpt2", "llama", "llama-linear-biased", "llama3-scaled", "mistral", "phi3", "phi3-long",
        "phi3-short", "qwen2", "qwen3", "qwen3-yarn",
    ]

    let directory: URL
    let prompt: [Int32]
    /// After which tokens of the prompt there are logits.
    let positions: [Int]
    /// `[positions.count]` rows.
    let logits: [[Double]]
    /// What follows the prompt.
    let greedy: [Int32]

    init(_ name: String) throws {
        directory = URL(filePath: #filePath).appending(path: "../../Fixtures/Decoders/\(name)").standardizedFileURL
        let file = try SafetensorsFile(path: directory.appending(path: "expected.safetensors").path)
        func integers(_ name: String) throws -> [Int] {
            try file.integers(name, shape: file[name]?.shape ?? []).map(Int.init)
        }
        prompt = try integers("prompt").map(Int32.init)
        positions = try integers("positions")
        greedy = try integers("greedy").map(Int32.init)
        let shape = file["logits"]?.shape ?? []
        let values = try file.floats("logits", shape: shape).map(Double.init)
        logits = (0..<positions.count).map { Array(values[$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }

    /// The context to be read with; nil for the one of the file.
    var contextLength: Int? { directory.lastPathComponent == "phi3-short" ? 48 : nil }

    /// The prompt and what follows it.
    var tokens: [Int32] { prompt + greedy }

    func model(
        _ format: WeightFormat = .float32, cache: CacheFormat = .float32
    ) throws(ModelFileError) -> DecoderModel {
        try DecoderModel(
            directory: directory.path, name: TinyLlama.name, version: TinyLlama.version, contextLength: contextLength,
            format: format, cacheFormat: cache)
    }

    func description() throws(ModelFileError) -> DecoderDescription {
        try DecoderDescription(path: directory.appending(path: "config.json").path)
    }

    /// The weights with a changed header: what stands in the file of each tensor, by name.
    func weights(changing change: (inout [String: [String: Any]]) -> Void) throws -> DecoderWeights {
        let bytes = try safetensors(in: directory, changing: change)
        return try DecoderWeights(SafetensorsFile(bytes: bytes, file: "changed"), description())
    }
}

/// The `model.safetensors` of a folder with a changed header: what stands in it of each tensor, by name.
func safetensors(in folder: URL, changing change: (inout [String: [String: Any]]) -> Void) throws -> Bytes {
    let file = [UInt8](try Data(contentsOf: folder.appending(path: "model.safetensors")))
    let length = Int(file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    let json = try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: [String: Any]]
    var header = try #require(json)
    header["__metadata__"] = nil
    change(&header)
    let changed = [UInt8](try JSONSerialization.data(withJSONObject: header))
    let start = withUnsafeBytes(of: UInt64(changed.count).littleEndian) { Array($0) }
    return Bytes(start + changed + file[(8 + length)...])
}
