import Foundation
import ModelFiles
import Models
import TestSupport
import Testing
import Vocabulary

@testable import Compute
@testable import TextModels

/// Goal: blocks of GGUF files keep their weights where they can, whatever they are packed as.
///
/// Method: `Tests/Fixtures/make_gguf.py` wrote blocks of each type, and what the `gguf` Python package makes of them.
/// The last one has the largest scale there is.
@Suite struct GGUFRepackingTests {
    @Test(
        "packed weights are those of the gguf package, bit for bit",
        arguments: [
            ("Q8_0", WeightFormat.int8), ("Q5_0", .int8), ("Q4_0", .int8), ("Q4_0", .int4), ("Q4_1", .int4),
        ])
    func exact(type: String, format: WeightFormat) throws {
        let (tensor, right) = try tensor(type)
        let (matrix, isGood) = try packed(tensor, tensor.elementType.blocks(as: format))
        // -8 times the largest scale is no number of half precision.
        let isTooLarge = type == "Q4_0" && format == .int4
        #expect(isGood == !isTooLarge)
        let count = right.count - (isTooLarge ? 32 : 0)
        // Where a level is added to a minimum, the sum of opposites is +0; the product of 0 and a negative scale is -0.
        func bits(_ weight: Float) -> UInt32 { (format == .int4 ? weight + 0 : weight).bitPattern }
        #expect(weights(of: matrix)[..<count].map(bits) == right[..<count].map(bits))
        #expect(matrix.format == format && matrix.groupSize == 32)
    }

    @Test("the scales of Q4_K are rounded to half precision")
    func roundedScales() throws {
        let (tensor, right) = try tensor("Q4_K")
        let (matrix, isGood) = try packed(tensor, tensor.elementType.blocks(as: .int4))
        #expect(!isGood)
        let scales = try #require(matrix.scaleStorage), minimums = try #require(matrix.minimumStorage)
        let found = weights(of: matrix)
        // One panel of one block: the scales of 16 outputs lie side by side.
        for index in 0..<right.count - 256 {
            let (row, column) = index.quotientAndRemainder(dividingBy: matrix.inputCount)
            let place = column / 32 * 16 + row
            let scale = Float(Float16(bitPattern: matrix.halves(of: scales)[place]))
            let minimum = Float(Float16(bitPattern: matrix.halves(of: minimums)[place]))
            // Half a unit in the last of eleven bits; below 2⁻¹⁴, half of 2⁻²⁴.
            let error = max(abs(scale), 0x1p-14) * 15 * 0x1p-11 + max(abs(minimum), 0x1p-14) * 0x1p-11
            #expect(abs(found[index] - right[index]) <= error)
        }
    }

    @Test("each type has the format that loses least")
    func ownFormats() {
        let expected: [(TensorElementType, WeightFormat)] = [
            (.float32, .float32), (.float16, .bfloat16), (.bfloat16, .bfloat16), (.q8_0, .int8), (.q5_0, .int8),
            (.q5_1, .int8), (.q5K, .int8), (.q6K, .int8), (.q4_0, .int4), (.q4_1, .int4), (.q4K, .int4),
        ]
        for (type, format) in expected { #expect(type.ownFormat == format) }
        #expect([TensorElementType.q4K, .q6K, .q4K].ownFormat == .int8)
        #expect([TensorElementType.q4_0, .float16, .q8_0].ownFormat == .bfloat16)
    }

    @Test("a scale that is no number is an error that names the tensor", arguments: [Float16.infinity, .nan])
    func badScale(scale: Float16) throws {
        var writer = MixedModel.writer()
        let head = try #require(writer.tensors.first { $0.name == Array("output.weight".utf8) })
        writer.data[Int(head.offset)] = UInt8(scale.bitPattern & 0xFF)
        writer.data[Int(head.offset) + 1] = UInt8(scale.bitPattern >> 8)
        do {
            _ = try MixedModel.weights(writer, nil)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains("\"lm_head.weight\": has a scale that is infinite, not a number or too large"))
        }
    }

    @Test("a file of several types: each matrix as its own, the widest where several are one matrix")
    func mixedFile() throws {
        let (own, right) = (try MixedModel.model(nil), try MixedModel.model(.float32))
        let (layer, head) = (own.weights.layers[0], own.weights.head)
        #expect(layer.queriesKeysValues.matrix.format == .int8 && layer.queriesKeysValues.matrix.groupSize == 32)
        #expect(layer.attentionOutput.matrix.format == .bfloat16)
        #expect(layer.gateUp.matrix.format == .int4 && layer.gateUp.matrix.groupSize == 32)
        #expect(layer.down.matrix.format == .int8 && layer.down.matrix.groupSize == 128)
        #expect(head.format == .int8 && head.groupSize == 32)
        // All but the F16 and the Q6_K tensor keep their weights.
        for (mine, exact) in [
            (layer.queriesKeysValues.matrix, right.weights.layers[0].queriesKeysValues.matrix),
            (layer.gateUp.matrix, right.weights.layers[0].gateUp.matrix), (head, right.weights.head),
        ] { #expect(weights(of: mine) == weights(of: exact)) }
        for token in Int32(0)..<Int32(MixedModel.vocabularySize) {
            var (mine, exact) = ([Float](repeating: 0, count: 256), [Float](repeating: 1, count: 256))
            own.weights.embed(token, to: &mine)
            right.weights.embed(token, to: &exact)
            #expect(mine == exact)
        }
        let gang = ComputeGang(threadCount: 2)
        func logits(_ model: DecoderModel) throws -> [Float] {
            let driver = try StepDriver(model, pageCount: 4, tokensPerPage: 16, gang: gang)
            return try driver.step([(0, [3, 1, 4, 1, 5, 9, 2, 6], .lastLogits)])[0]!
        }
        let (mine, exact) = (try logits(own), try logits(right))
        let product = zip(mine, exact).map { $0 * $1 }.reduce(0, +)
        let lengths = mine.map { $0 * $0 }.reduce(0, +) * exact.map { $0 * $0 }.reduce(0, +)
        // Activations of eight bits, a matrix of bf16 and one of Q6_K as int8.
        #expect(product / lengths.squareRoot() > 0.999)
    }

    /// Goal: the layouts of GGUF (paired rows, outputs by inputs) are those of Hugging Face once packed.
    @Test(
        "a miniature computes the same from its GGUF file",
        arguments: [
            "gemma2", "gemma3", "gpt2", "llama-linear-biased", "llama3-scaled", "mistral", "phi3", "phi3-long", "qwen3",
            "qwen3-yarn",
        ])
    func miniatures(name: String) throws {
        let fixture = try DecoderFixture(name)
        let path = fixture.directory.appending(path: "../../GGUF/\(name).gguf").standardizedFileURL.path
        let gang = ComputeGang(threadCount: 2)
        func logits(_ model: DecoderModel) throws -> [Float] {
            let driver = try StepDriver(model, pageCount: 20, tokensPerPage: 16, gang: gang)
            return try driver.step([(0, fixture.prompt, .lastLogits)])[0]!
        }
        let right = try #require(fixture.logits.last)
        #expect(fixture.positions.last == fixture.prompt.count - 1)
        let whole = try DecoderModel(directory: path, name: TinyLlama.name, version: TinyLlama.version)
        #expect(largestDifference(try logits(whole), right) < DecoderFamiliesTests.tolerance)
        let own = try DecoderModel(directory: path, name: TinyLlama.name, version: TinyLlama.version, format: nil)
        let bfloat16 = try fixture.model(.bfloat16)
        #expect(own.weights.head.format == .bfloat16)
        for (mine, other) in zip(own.weights.layers, bfloat16.weights.layers) {
            for matrix in [\DecoderWeights.Layer.queriesKeysValues, \.attentionOutput, \.gateUp, \.down] {
                #expect(weights(of: mine[keyPath: matrix].matrix) == weights(of: other[keyPath: matrix].matrix))
            }
        }
    }

    // MARK: Help

    private func tensor(_ type: String) throws -> (StoredTensor, right: [Float]) {
        let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/GGUF").standardizedFileURL
        let tensor = try #require(GGUFFile(path: folder.appending(path: "types.gguf").path)["weights.\(type)"])
        let expected = try GGUFFile(path: folder.appending(path: "expected.gguf").path)
        return (tensor, try expected.floats("weights.\(type)", shape: tensor.shape))
    }

    private func packed(
        _ tensor: StoredTensor, _ kind: QuantizedBlocks?
    ) throws -> (matrix: PackedMatrix, isGood: Bool) {
        let kind = try #require(kind)
        let part = MatrixPart(
            StoredMatrix(tensor), kind: kind, outputs: 0..<tensor.shape[0], inputCount: tensor.shape[1])
        let matrix = try PackedMatrix(
            inputCount: tensor.shape[1], outputCount: tensor.shape[0], format: kind.format, groupSize: 32,
            on: ComputeGang(threadCount: 2), filling: { part.fill($0, of: $1) })
        return (matrix, part.problem == nil)
    }

    private func weights(of matrix: PackedMatrix) -> [Float] {
        (0..<matrix.outputCount).flatMap { output in
            var row = [Float](repeating: 0, count: matrix.inputCount)
            matrix.copyWeights(ofOutput: output, to: &row)
            return row
        }
    }
}

/// A Llama of one layer whose tensors have many types.
private enum MixedModel {
    static let vocabularySize = 48
    private static let (hidden, keys, intermediate) = (256, 128, 512)

    static func model(_ format: WeightFormat?) throws -> DecoderModel {
        let writer = writer()
        let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
        return DecoderModel(
            try DecoderDescription(gguf: file), weights: try weights(writer, format), name: TinyLlama.name,
            version: TinyLlama.version)
    }

    static func weights(_ writer: GGUFWriter, _ format: WeightFormat?) throws -> DecoderWeights {
        let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
        return try DecoderWeights(GGUFModel(file), DecoderDescription(gguf: file), format: format)
    }

    static func writer() -> GGUFWriter {
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .string("llama")), ("llama.context_length", .uint32(64)),
            ("llama.embedding_length", .uint32(UInt32(hidden))), ("llama.block_count", .uint32(1)),
            ("llama.feed_forward_length", .uint32(UInt32(intermediate))), ("llama.attention.head_count", .uint32(4)),
            ("llama.attention.head_count_kv", .uint32(2)), ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)),
        ]
        var random = SeededGenerator(seed: 5)
        for name in ["blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"] {
            writer.add("\(name).weight", shape: [hidden], [Float](repeating: 1, count: hidden))
        }
        // Numbers of types; bytes of a block, its elements, and where its scale stands.
        let (f16, q4_0, q4_1, q8_0, q6K) = (
            (1, 2, 1, 0), (2, 18, 32, 0), (3, 20, 32, 0), (8, 34, 32, 0), (14, 210, 256, 208)
        )
        func add(
            _ name: String, _ rows: Int, _ columns: Int, _ type: (number: Int, bytes: Int, elements: Int, scale: Int)
        ) {
            writer.data += [UInt8](repeating: 0, count: (32 - writer.data.count % 32) % 32)
            writer.tensors.append(
                .init(
                    name, [UInt64(columns), UInt64(rows)], type: UInt32(type.number),
                    offset: UInt64(writer.data.count)))
            for _ in 0..<rows * columns / type.elements {
                var block = (0..<type.bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
                func set(_ value: Float16, at place: Int) {
                    block[place] = UInt8(value.bitPattern & 0xFF)
                    block[place + 1] = UInt8(value.bitPattern >> 8)
                }
                let factor = Float16.random(in: 0.5..<1, using: &random)
                switch type.number {
                case 1: set(Float16.random(in: -0.05..<0.05, using: &random), at: 0)
                case 14: set(factor * 1e-5, at: type.scale)
                case 8: set(factor * 1e-3, at: 0)
                default:
                    set(factor * 0.01, at: 0)
                    if type.number == 3 { set(factor * -0.075, at: 2) }
                }
                writer.data += block
            }
        }
        add("token_embd.weight", vocabularySize, hidden, q4_1)
        add("blk.0.attn_q.weight", hidden, hidden, q4_0)
        add("blk.0.attn_k.weight", keys, hidden, q8_0)
        add("blk.0.attn_v.weight", keys, hidden, q4_0)
        add("blk.0.attn_output.weight", hidden, hidden, f16)
        add("blk.0.ffn_gate.weight", intermediate, hidden, q4_0)
        add("blk.0.ffn_up.weight", intermediate, hidden, q4_1)
        add("blk.0.ffn_down.weight", hidden, intermediate, q6K)
        add("output.weight", vocabularySize, hidden, q8_0)
        return writer
    }
}
