import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

/// Goal: a model means the same as GGUF and as a Hugging Face folder.
///
/// Method: `Tests/Fixtures/make_gguf.py` wrote the miniatures of `Tests/Fixtures/Decoders` as GGUF, with the names that
/// the `gguf` package gives to their tensors and the layouts of llama.cpp; read back, they have to be what they were.
@Suite("GGUFModel")
struct GGUFModelTests {
    static let decoders = [
        "gemma2", "gemma3", "gpt2", "llama-linear-biased", "llama3-scaled", "mistral", "phi3", "phi3-long", "qwen2",
        "qwen3", "qwen3-yarn",
    ]

    private func folder(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../../Fixtures/Decoders/\(name)").standardizedFileURL.path
    }

    @Test("weights have the names, shapes and values of the Hugging Face file", arguments: decoders)
    func weights(name: String) throws {
        let right = try SafetensorsFile(path: folder(name) + "/model.safetensors")
        let model = try GGUFModel(GGUFFile(path: GGUFFixture.path(name)))
        #expect(model.unknownNames == [])
        #expect(model.names == right.names)
        for tensor in right.names {
            let shape = try #require(right[tensor]).shape
            var expected = try right.floats(tensor, shape: shape)
            if model.architecture == .gemma2 || model.architecture == .gemma3, tensor.hasSuffix("norm.weight") {
                expected = expected.map { $0 + 1 }
            }
            #expect(try model.floats(tensor, shape: shape) == expected, "\(tensor)")
        }
    }

    @Test("the metadata describes the decoder that config.json describes", arguments: decoders)
    func descriptions(name: String) throws {
        var right = try DecoderDescription(path: folder(name) + "/config.json")
        var described = try DecoderDescription(gguf: GGUFFile(path: GGUFFixture.path(name)))
        if case .rotary(let expected) = right.positions, case .rotary(let rotaries) = described.positions {
            #expect(rotaries.count == expected.count)
            for (rotary, expected) in zip(rotaries, expected) {
                #expect(rotary.frequencies.count == expected.frequencies.count)
                // Divisors are single precision in the file.
                #expect(zip(rotary.frequencies, expected.frequencies).allSatisfy { abs($0 / $1 - 1) < 1e-6 })
                #expect(abs(rotary.amplitude / expected.amplitude - 1) < 1e-6)
            }
            described.positions = right.positions
        }
        #expect(abs(described.attention.scale / right.attention.scale - 1) < 1e-6)
        described.attention.scale = right.attention.scale
        // 1 is in the weights already.
        right.norm.weightOffset = 0
        if right.family == .mistral { right.family = .llama }
        // GGUF has no key for the windows of a Qwen 2, which no published model of that family has.
        if right.family == .qwen2 { right.layers = right.layers.map { _ in .init() } }
        #expect(described == right)
    }

    @Test("what the architecture needs and the file lacks is refused by key or tensor")
    func refusals() throws {
        func message(_ values: [(String, GGUFWriter.Value)], describe: Bool = true) -> String {
            var writer = GGUFWriter()
            writer.values = values.map { (key: $0.0, value: $0.1) }
            writer.add("blk.0.attn_q.weight", shape: [3, 1], [1, 2, 3])
            do {
                let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
                _ = describe ? try DecoderDescription(gguf: file).headCount : try GGUFModel(file).names.count
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let llama = ("general.architecture", GGUFWriter.Value.string("llama"))
        #expect(message([]).hasPrefix("m: metadata \"general.architecture\": is missing"))
        #expect(message([("general.architecture", .string("mamba"))]).contains("expected one of llama, qwen2"))
        #expect(message([("general.architecture", .string("bert"))]).contains("does not generate text"))
        #expect(
            message([llama, ("split.count", .uint32(2))]).contains(
                "\"split.count\": is one of 2 files, got no more than 1"))
        #expect(message([llama]) == "m: tensor \"token_embd.weight\": is missing")
        #expect(message([llama], describe: false) == "m: metadata \"llama.attention.head_count\": is missing")
        #expect(
            message([llama, ("llama.attention.head_count", .uint32(2))], describe: false)
                == "m: tensor \"blk.0.attn_q.weight\": [3, 1] is not rows of 2 heads of even size")
        #expect(
            message([llama, ("llama.attention.head_count", .uint32(0))], describe: false)
                .contains("\"llama.attention.head_count\": expected 1...1024, got 0"))
    }

    /// A llama of heads of 8 elements that was made for 16 tokens and is to take 64.
    private func scaled(_ values: [(String, GGUFWriter.Value)]) throws -> RotaryEmbedding {
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .string("llama")), ("llama.context_length", .uint32(64)),
            ("llama.embedding_length", .uint32(16)), ("llama.block_count", .uint32(1)),
            ("llama.feed_forward_length", .uint32(4)), ("llama.attention.head_count", .uint32(2)),
            ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)),
        ]
        writer.values += values.map { (key: "llama.rope.scaling.\($0.0)", value: $0.1) }
        writer.add("token_embd.weight", shape: [1, 16], [Float](repeating: 1, count: 16))
        let description = try DecoderDescription(gguf: GGUFFile(bytes: Bytes(writer.file), file: "m"))
        guard case .rotary(let rotaries) = description.positions else {
            throw ModelFileError(file: "m", problem: "no rotary embedding")
        }
        return rotaries[0]
    }

    @Test("YaRN has the usual turns and original length, and its factors multiply the amplitude")
    func yarn() throws {
        let yarn = [("type", GGUFWriter.Value.string("yarn")), ("factor", .float(4))]
        let amplitude = 1 + 0.1 * log(4.0)
        let usual = try scaled(yarn + [("original_context_length", .uint32(16))])
        #expect(abs(usual.amplitude - amplitude) < 1e-12)
        // In 16 tokens no frequency turns 32 times, the first two and a half, and none but the first once.
        #expect(usual.frequencies[0] == 1 && usual.frequencies[3] == pow(1e4, -0.75) / 4)
        let same: [(String, GGUFWriter.Value)] = [
            ("original_context_length", .uint32(16)), ("yarn_beta_fast", .float(32)), ("yarn_beta_slow", .float(1)),
            ("yarn_ext_factor", .float(1)), ("yarn_log_multiplier", .float(0)),
        ]
        #expect(try scaled(yarn + same) == usual)
        #expect(try scaled(yarn + same.dropLast(2) + [("yarn_ext_factor", .float(-1))]) == usual)
        let factors: [(String, GGUFWriter.Value)] = [("attn_factor", .float(3)), ("yarn_attn_factor", .float(0.5))]
        #expect(abs(try scaled(yarn + factors).amplitude - 1.5 * amplitude) < 1e-12)
        #expect(try scaled(yarn) == scaled(yarn + [("original_context_length", .uint32(64))]))
        #expect(try scaled(yarn + same.prefix(1) + [("yarn_beta_slow", .float(0.01))]) != usual)
    }

    @Test(
        "what cannot be meant of a scaling is refused by key",
        arguments: [
            ([("type", .string("yarn"))], "rope.scaling.factor\": is missing"),
            ([("type", .string("yarn")), ("factor", .float(0))], "rope.scaling.factor\": expected more than 0"),
            (
                [("type", .string("yarn")), ("factor", .float(4)), ("yarn_ext_factor", .float(0.5))],
                "rope.scaling.yarn_ext_factor\": expected 1.0, got 0.5"
            ),
            (
                [("type", .string("yarn")), ("factor", .float(4)), ("yarn_log_multiplier", .float(0.1))],
                "rope.scaling.yarn_log_multiplier\": expected 0.0"
            ),
            (
                [("type", .string("yarn")), ("factor", .float(4)), ("original_context_length", .uint32(0))],
                "rope.scaling.original_context_length\": expected 1..."
            ),
            ([("type", .string("ntk"))], "rope.scaling.type\": expected none, linear or yarn, got \"ntk\""),
        ] as [([(String, GGUFWriter.Value)], String)])
    func scalingRefusals(values: [(String, GGUFWriter.Value)], words: String) throws {
        let error = #expect(throws: ModelFileError.self) { try scaled(values) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("tensors of a BERT have their Hugging Face names")
    func bert() throws {
        var writer = GGUFWriter()
        writer.values = [("general.architecture", .string("bert")), ("bert.attention.head_count", .uint32(2))]
        let names = [
            "token_embd_norm.bias", "blk.11.attn_output_norm.weight", "blk.0.ffn_up.weight", "blk.x.ffn_up.bias",
        ]
        for name in names {
            writer.add(name, shape: [1], [1])
        }
        let model = try GGUFModel(GGUFFile(bytes: Bytes(writer.file), file: "m"))
        #expect(
            model.names == [
                "blk.x.ffn_up.bias", "embeddings.LayerNorm.bias", "encoder.layer.0.intermediate.dense.weight",
                "encoder.layer.11.attention.output.LayerNorm.weight",
            ])
        #expect(model.unknownNames == ["blk.x.ffn_up.bias"])
    }
}
