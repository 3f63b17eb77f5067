import Engine
import Foundation
import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Tokenizers

/// Goal: a folder with one GGUF file and nothing else is a model that writes text.
@Suite("A GGUF file in a repository")
struct GGUFRepositoryTests {
    @Test("is served with its own vocabulary")
    func isServed() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-gguf-\(UUID().uuidString)")
        let version = folder.appending(path: "tiny/1")
        try FileManager.default.createDirectory(at: version, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("platform: text\nweights: f32\n".utf8).write(to: folder.appending(path: "tiny/model.yaml"))
        try Data(Self.tinyLlama().file).write(to: version.appending(path: "model.gguf"))
        let contents = ModelRepository(path: folder.path).load()
        #expect(contents.problems == [])
        let engine = makeEngine()
        for entry in contents.models { try await engine.load(entry.model) }
        let request = GenerationRequest(prompt: .text("hi"), tokenCountMax: 3, ignoresEndOfSequence: true)
        let text = try await WholeText.read(engine.generate(selector("tiny"), request))
        #expect(text.tokens.count == 3)
        #expect(text.usage.promptTokenCount == 1)
        await engine.shutdown()
    }

    /// A Llama of one layer that knows all bytes, "hi" and an end.
    private static func tinyLlama() -> GGUFWriter {
        let (vocabularySize, hidden, intermediate) = (258, 16, 32)
        var writer = GGUFWriter()
        let tokens = ByteLevelAlphabet.characters.map { String($0) } + ["hi", "<|endoftext|>"]
        writer.values = [
            ("general.architecture", .string("llama")), ("llama.context_length", .uint32(64)),
            ("llama.embedding_length", .uint32(UInt32(hidden))), ("llama.block_count", .uint32(1)),
            ("llama.feed_forward_length", .uint32(UInt32(intermediate))), ("llama.attention.head_count", .uint32(2)),
            ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)), ("tokenizer.ggml.model", .string("gpt2")),
            ("tokenizer.ggml.pre", .string("gpt-2")), ("tokenizer.ggml.tokens", .strings(tokens)),
            ("tokenizer.ggml.merges", .strings(["h i"])), ("tokenizer.ggml.eos_token_id", .uint32(257)),
        ]
        var random = SeededGenerator(seed: 3)
        func add(_ name: String, _ shape: [Int]) {
            let elements = (0..<shape.reduce(1, *)).map { _ in
                shape.count == 1 ? 1 : Float.random(in: -0.5..<0.5, using: &random)
            }
            writer.add(name, shape: shape, elements)
        }
        add("token_embd.weight", [vocabularySize, hidden])
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"] { add("blk.0.\(name).weight", [hidden, hidden]) }
        for name in ["ffn_gate", "ffn_up"] { add("blk.0.\(name).weight", [intermediate, hidden]) }
        add("blk.0.ffn_down.weight", [hidden, intermediate])
        for name in ["blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"] { add("\(name).weight", [hidden]) }
        add("output.weight", [vocabularySize, hidden])
        return writer
    }
}
