import Foundation
import Models
import TestSupport
import Testing
import Vocabulary

@testable import Compute
@testable import ModelFiles
@testable import TextModels

/// Goal: an encoder computes the same from a GGUF file as from the Hugging Face folder.
///
/// Method: `Tests/Fixtures/make_encoder_gguf.py` wrote miniatures of `Tests/Fixtures/Encoders` as GGUF, with the names
/// that the `gguf` package gives to their tensors.
@Suite("Encoders from GGUF files") struct EncoderGGUFTests {
    private func path(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../Fixtures/GGUF/\(name).gguf").standardizedFileURL.path
    }

    private func model(
        _ name: String, _ format: WeightFormat?, progress: (LoadProgress) -> Void = { _ in }
    ) throws -> EncoderModel {
        try EncoderModel(
            directory: path(name), name: ModelName("encoder")!, version: ModelVersion(1)!, format: format,
            progress: progress)
    }

    @Test("the bits of the folder's vectors, in every format", arguments: ["words", "roberta", "distilbert"])
    func parity(name: String) throws {
        let fixture = try EncoderFixture(name)
        let gang = ComputeGang(threadCount: 2)
        for format in [WeightFormat.float32, .bfloat16, .int8, .int4] {
            let right = try fixture.model(format).vectors(of: fixture.texts, on: gang)
            let vectors = try model(name, format).vectors(of: fixture.texts, on: gang)
            #expect(vectors.map(bits) == right.map(bits), "\(format)")
        }
    }

    @Test(
        "what transformers computes of the weights in the file", arguments: [("words", "vectors"), ("mixed", "mixed")])
    func reference(name: String, tensor: String) throws {
        let fixture = try EncoderFixture("words", vectors: tensor)
        let vectors = try model(name, .float32).vectors(of: fixture.texts, on: ComputeGang(threadCount: 2))
        for (vector, expected) in zip(vectors, fixture.vectors) {
            let difference = zip(vector, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
            #expect(vector.count == expected.count && difference < EncoderModelTests.tolerance)
        }
    }

    /// Goal: without a format each matrix has the file's own, with the very weights of the file where it can.
    @Test("formats of their own")
    func ownFormats() throws {
        func formats(_ name: String) throws -> [WeightFormat] { try model(name, nil).weights.matrices.map(\.format) }
        #expect(try formats("words") == Array(repeating: .float32, count: 8))
        #expect(try formats("roberta") == Array(repeating: .bfloat16, count: 8))
        // Q8_0 with F16 and BF16, Q8_0, Q4_0, Q4_0; those behind a norm do not get fewer bits than bf16.
        #expect(try formats("mixed") == [.bfloat16, .int8, .bfloat16, .int4, .bfloat16, .int8, .bfloat16, .int4])
        let file = try GGUFModel(GGUFFile(path: path("mixed")))
        let layer = try model("mixed", nil).weights.layers[1]
        for (name, matrix) in [("attention.output", layer.attentionOutput.matrix), ("output", layer.down.matrix)] {
            let right = try file.floats(
                "encoder.layer.1.\(name).dense.weight", shape: [matrix.outputCount, matrix.inputCount])
            #expect(matrix.groupSize == 32 && weights(of: matrix) == right, "\(name)")
        }
        let fixture = try EncoderFixture("words", vectors: "mixed")
        let vectors = try model("mixed", nil).vectors(of: fixture.texts, on: ComputeGang(threadCount: 2))
        for (vector, expected) in zip(vectors, fixture.vectors) {
            #expect(cosine(vector.map(Double.init), expected) > 0.999)
        }
    }

    @Test("queries carry the factor of the scores, keys and values do not")
    func queryFactor() throws {
        let file = try GGUFModel(GGUFFile(path: path("words")))
        let matrix = try model("words", .float32).weights.layers[0].queriesKeysValues.matrix
        let found = weights(of: matrix)
        for (index, name) in ["query", "key", "value"].enumerated() {
            let factor = index == 0 ? 1 / Float(8).squareRoot() : 1
            let right = try file.floats("encoder.layer.0.attention.self.\(name).weight", shape: [32, 32])
            #expect(Array(found[index * 1024..<(index + 1) * 1024]) == right.map { $0 * factor })
        }
    }

    @Test("loading says how far it is, and how much memory the weights take")
    func progress() throws {
        var events: [LoadProgress] = []
        let model = try model("words", .float32) { events.append($0) }
        let done = events.map(\.doneByteCount)
        #expect(done.first == 0 && done == done.sorted() && Set(done).count >= 4)
        #expect(Set(events.map(\.totalByteCount)) == [done[done.count - 1]])
        // Every byte of the file that is weights was read before the end was reported.
        let file = try GGUFFile(path: path("words"))
        let total = file.names.reduce(0) { $0 + (file[$1]?.data.count ?? 0) }
        #expect(done.last == total)
        // 150 tokens, 48 positions; of each of two layers four matrices, whose outputs fill whole panels.
        #expect(model.weightByteCount == (150 * 32 + 48 * 32 + 2 * (4 * 32 * 32 + 2 * 32 * 64)) * 4)
    }

    @Test("a tensor that is not computed is refused by name; one of a head is not read")
    func unknownTensors() throws {
        func load(with name: String) throws -> EncoderWeights {
            let file = try GGUFFile(path: path("words"))
            let more = MoreTensors(file: try GGUFModel(file), name: name)
            return try EncoderWeights(try #require(more.model), EncoderDescription(gguf: file))
        }
        for name in ["blk.0.attn_q_norm.weight", "blk.2.attn_q.weight", "output_norm.weight"] {
            let error = #expect(throws: ModelFileError.self) { try load(with: name) }
            #expect(error?.problem == "is not part of this architecture")
        }
        _ = try load(with: "cls.weight")
    }

    private func weights(of matrix: PackedMatrix) -> [Float] {
        (0..<matrix.outputCount).flatMap { output in
            var row = [Float](repeating: 0, count: matrix.inputCount)
            matrix.copyWeights(ofOutput: output, to: &row)
            return row
        }
    }
}

/// The tensors of an encoder's file and one more, of one element.
private struct MoreTensors {
    let model: GGUFModel?

    init(file: GGUFModel, name: String) {
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .string("bert")), ("bert.attention.head_count", .uint32(4)),
        ]
        for name in file.gguf.names {
            guard let tensor = file.gguf[name], let elements = tensor.floats() else { continue }
            writer.add(name, shape: tensor.shape, elements)
        }
        writer.add(name, shape: [1], [1])
        model = try? GGUFModel(GGUFFile(bytes: Bytes(writer.file), file: "m"))
    }
}
