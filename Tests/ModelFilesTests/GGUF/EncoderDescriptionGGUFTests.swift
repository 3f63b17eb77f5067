import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

/// Goal: an encoder is described by a GGUF file as by its folder, and what would change the result unseen is an error
/// that names the key.
@Suite("EncoderDescription of GGUF files")
struct EncoderDescriptionGGUFTests {
    private func folder(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../../Fixtures/Encoders/\(name)").standardizedFileURL.path
    }

    @Test("the metadata describes the encoder that config.json describes")
    func words() throws {
        let file = try GGUFFile(path: GGUFFixture.path("words"))
        #expect(try EncoderDescription(gguf: file) == EncoderDescription(directory: folder("words")))
        #expect(
            try EncoderDescription(gguf: file, contextLength: 9)
                == EncoderDescription(directory: folder("words"), contextLength: 9))
    }

    @Test("families without a name of their own differ in their tables")
    func families() throws {
        let roberta = try EncoderDescription(gguf: GGUFFile(path: GGUFFixture.path("roberta")))
        #expect(roberta.family == .bert && roberta.positionCount == 44 && roberta.firstPosition == 0)
        #expect(roberta.tokenTypeCount == 1 && roberta.pooling == .mean && roberta.epsilon == 1e-12)
        let distil = try EncoderDescription(gguf: GGUFFile(path: GGUFFixture.path("distilbert")))
        #expect(distil.tokenTypeCount == 0 && distil.pooling == .firstToken && distil.headSize == 10)
    }

    @Test("which folders hold encoders")
    func describes() throws {
        #expect(try EncoderDescription.describes(directory: folder("words")))
        #expect(try EncoderDescription.describes(directory: GGUFFixture.path("words")))
        #expect(try !EncoderDescription.describes(directory: GGUFFixture.path("qwen2")))
        #expect(try !EncoderDescription.describes(directory: folder("../Decoders/qwen2")))
        #expect(try !EncoderDescription.describes(directory: "/nowhere"))
    }

    /// A file with all keys, but for those changed: nil leaves one out.
    private func description(
        changing changes: [String: GGUFWriter.Value?] = [:], tokens: [Int] = [4, 8], positions: [Int] = [6, 8],
        types: [Int]? = [2, 8]
    ) throws -> EncoderDescription {
        var writer = GGUFWriter()
        var values: [String: GGUFWriter.Value] = [
            "general.architecture": .string("bert"), "bert.context_length": .uint32(6),
            "bert.embedding_length": .uint32(8), "bert.block_count": .uint32(1),
            "bert.feed_forward_length": .uint32(16),
            "bert.attention.head_count": .uint32(2), "bert.attention.layer_norm_epsilon": .float(1e-12),
        ]
        for (key, value) in changes { values[key] = value }
        writer.values = values.map { (key: $0.key, value: $0.value) }
        for (name, shape) in [("token_embd", tokens), ("position_embd", positions), ("token_types", types ?? [])] {
            guard !shape.isEmpty else { continue }
            writer.add("\(name).weight", shape: shape, [Float](repeating: 0, count: shape.reduce(1, *)))
        }
        return try EncoderDescription(gguf: GGUFFile(bytes: Bytes(writer.file), file: "m"))
    }

    @Test("without a kind of pooling the vector is the mean; a longer context than the table is that of the table")
    func usual() throws {
        let plain = try description()
        #expect(plain.pooling == .mean && plain.lengthMax == 6 && plain.activation == .gelu && !plain.lowercases)
        #expect(try description(changing: ["bert.pooling_type": .uint32(2)]).pooling == .firstToken)
        #expect(try description(changing: ["bert.context_length": .uint32(512)]).lengthMax == 6)
        #expect(try description(changing: ["bert.context_length": .uint32(3)]).lengthMax == 3)
        #expect(try description(types: nil).tokenTypeCount == 0)
        #expect(try description(changing: ["bert.attention.head_count_kv": .uint32(2)]).headCount == 2)
    }

    @Test(
        "hostile metadata is refused by the name of the key",
        arguments: [
            ("general.architecture", .string("nomic-bert"), "expected one of llama"),
            ("general.architecture", .string("gpt2"), "\"gpt2\" makes no vectors of texts, expected \"bert\""),
            ("bert.context_length", nil, "is missing"), ("bert.context_length", .uint32(0), "expected 1...1048576"),
            ("bert.embedding_length", nil, "is missing"),
            ("bert.embedding_length", .uint32(1 << 20), "expected 1...16384, got 1048576"),
            ("bert.embedding_length", .string("8"), "expected a whole number"),
            ("bert.block_count", .uint32(4_000_000_000), "expected 1...1024, got 4000000000"),
            ("bert.feed_forward_length", .uint32(0), "expected 1...262144, got 0"),
            ("bert.attention.head_count", .uint32(3), "3 does not divide embedding_length 8"),
            ("bert.attention.head_count", .int32s([2, 2]), "expected a whole number"),
            ("bert.attention.head_count", .uint32(16), "expected 1...8, got 16"),
            ("bert.attention.head_count_kv", .uint32(1), "expected 2, got 1"),
            ("bert.attention.key_length", .uint32(8), "expected 4, got 8"),
            ("bert.attention.layer_norm_epsilon", nil, "is missing"),
            ("bert.attention.layer_norm_epsilon", .float(2), "expected less than 1, got 2.0"),
            ("bert.attention.layer_norm_epsilon", .float(.nan), "expected a number"),
            ("bert.attention.causal", .bool(true), "expected false, got true"),
            ("bert.attention.causal", .uint32(0), "expected true or false"),
            ("bert.pooling_type", .uint32(0), "expected 1 (mean) or 2 (first token), got 0 (none)"),
            ("bert.pooling_type", .uint32(4), "expected 1 (mean) or 2 (first token), got 4 (rank)"),
            ("bert.pooling_type", .uint32(9), "expected 1 (mean) or 2 (first token), got 9"),
            ("bert.pooling_type", .string("mean"), "expected a whole number"),
            ("split.count", .uint32(2), "is one of 2 files, got no more than 1"),
        ] as [(String, GGUFWriter.Value?, String)])
    func refused(key: String, value: GGUFWriter.Value?, problem: String) throws {
        let error = #expect(throws: ModelFileError.self) { try description(changing: [key: value]) }
        #expect(error?.field == "metadata \"\(key)\"")
        #expect(error?.problem.hasPrefix(problem) == true, "\(error?.problem ?? "")")
    }

    @Test("tables that cannot be are refused by the name of the tensor")
    func tables() throws {
        let missing = #expect(throws: ModelFileError.self) { try description(positions: []) }
        #expect(missing?.field == "tensor \"position_embd.weight\"" && missing?.problem == "is missing")
        let flat = #expect(throws: ModelFileError.self) { try description(tokens: [4]) }
        #expect(flat?.field == "tensor \"token_embd.weight\"")
        let many = #expect(throws: ModelFileError.self) { try description(types: [1025, 8]) }
        #expect(many?.problem == "expected 1...1024 rows, got [1025, 8]")
    }
}
