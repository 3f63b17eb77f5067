import Compute
import Foundation
import ModelFiles
import Testing
import TextModels
import Vocabulary

/// Goal: each tensor of each family of encoders is needed, in its shape, and made of numbers.
@Suite struct EncoderWeightsTests {
    @Test("a tensor that is missing or has another shape is named", arguments: EncoderFixture.names)
    func missingAndMisshaped(name: String) throws {
        let fixture = try EncoderFixture(name)
        for tensor in try neededTensors(fixture) {
            expectError(naming: tensor, saying: "missing") {
                try weights(fixture) { header in
                    // The bytes stay, under a name that is not of an encoder.
                    header["cls.predictions.unread"] = header[tensor]
                    header[tensor] = nil
                }
            }
            expectError(naming: tensor, saying: "expected shape") {
                try weights(fixture) { header in
                    let shape = header[tensor]?["shape"] as? [Int] ?? []
                    header[tensor]?["shape"] = [1] + shape
                }
            }
        }
    }

    @Test(
        "an element that is no number is refused by the tensor's name, in every format",
        arguments: EncoderFixture.names, [WeightFormat.float32, .bfloat16, .int8, .int4])
    func notANumber(name: String, format: WeightFormat) throws {
        let fixture = try EncoderFixture(name)
        let whole = try safetensors(in: fixture.directory) { _ in }
        let file = try SafetensorsFile(bytes: whole, file: "whole")
        for tensor in try neededTensors(fixture) {
            let data = try #require(file[tensor]).data
            let start = data.withUnsafeBytes { inner in
                whole.withUnsafeBytes { inner.baseAddress! - $0.baseAddress! }
            }
            var bytes = whole.array
            // The last element, whose 4 or 2 bytes are all ones.
            for index in start + data.count - 2..<start + data.count { bytes[index] = 0xFF }
            expectError(naming: tensor, saying: "number") {
                try EncoderWeights(
                    SafetensorsFile(bytes: Bytes(bytes), file: "changed"),
                    EncoderDescription(directory: fixture.directory.path), format: format)
            }
        }
    }

    /// Those that are read: files may have others, of the head that was trained with.
    private func neededTensors(_ fixture: EncoderFixture) throws -> [String] {
        let file = try SafetensorsFile(path: fixture.directory.appending(path: "model.safetensors").path)
        let names = file.names.filter { name in
            (try? weights(fixture) { header in
                header["cls.predictions.unread"] = header[name]
                header[name] = nil
            }) == nil
        }
        #expect(names.count > 20)
        return names
    }

    private func weights(
        _ fixture: EncoderFixture, changing change: (inout [String: [String: Any]]) -> Void
    ) throws -> EncoderWeights {
        try EncoderWeights(
            SafetensorsFile(bytes: safetensors(in: fixture.directory, changing: change), file: "changed"),
            EncoderDescription(directory: fixture.directory.path))
    }

    private func expectError(naming tensor: String, saying text: String, _ body: () throws -> EncoderWeights) {
        do {
            _ = try body()
            Issue.record("\(tensor): accepted")
        } catch {
            let description = "\(error)"
            // The table of tokens is where the family's prefix is learnt from: without it nobody knows of one.
            let table = "embeddings.word_embeddings.weight"
            let tensor = tensor.hasSuffix(table) && text == "missing" && !description.contains(tensor) ? table : tensor
            #expect(description.contains("\"\(tensor)\"") && description.contains(text), "\(tensor): \(description)")
        }
    }
}
