import Compute
import Foundation
import ModelFiles
import TextModels
import Vocabulary

/// A miniature that `Tests/Fixtures/make_encoders.py` made, and what Hugging Face transformers computed of it.
struct EncoderFixture {
    static let names = ["bert-mean", "bert-cls", "roberta", "distilbert"]

    let directory: URL
    let texts: [[Int32]]
    /// One for each text.
    let vectors: [[Double]]

    /// Reads the miniature of that name; those of its vectors are expected that stand in the file as `tensor`.
    init(_ name: String, vectors tensor: String = "vectors") throws {
        directory = URL(filePath: #filePath).appending(path: "../../Fixtures/Encoders/\(name)").standardizedFileURL
        let file = try SafetensorsFile(path: directory.appending(path: "expected.safetensors").path)
        func integers(_ name: String) throws -> [Int] {
            try file.integers(name, shape: file[name]?.shape ?? []).map(Int.init)
        }
        let tokens = try integers("tokens").map(Int32.init)
        var texts: [[Int32]] = []
        var start = 0
        for length in try integers("lengths") {
            texts.append(Array(tokens[start..<start + length]))
            start += length
        }
        self.texts = texts
        let shape = file[tensor]?.shape ?? []
        let values = try file.floats(tensor, shape: shape).map(Double.init)
        vectors = (0..<texts.count).map { Array(values[$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }

    func model(_ format: WeightFormat = .float32) throws -> EncoderModel {
        try EncoderModel(
            directory: directory.path, name: ModelName("encoder")!, version: ModelVersion(1)!, format: format)
    }
}

/// A copy of a miniature's folder whose files may be changed; removed with its last reference.
final class EncoderFolder {
    let url: URL

    init(copying name: String) throws {
        url = FileManager.default.temporaryDirectory.appending(path: "apus-encoder-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: try EncoderFixture(name).directory, to: url)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Replaces a part of a file that is there once or more.
    func replace(_ text: String, with other: String, in file: String) throws {
        let path = url.appending(path: file)
        let old = try String(contentsOf: path, encoding: .utf8)
        precondition(old.contains(text), "\(text) is not in \(file)")
        try old.replacing(text, with: other).write(to: path, atomically: true, encoding: .utf8)
    }

    func description() throws -> EncoderDescription { try EncoderDescription(directory: url.path) }
}
