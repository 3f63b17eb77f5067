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

    /// Goal: an encoder from a GGUF file is served as its Hugging Face folder is: with the same bits, and as loudly.
    @Test("an encoder answers as its Hugging Face folder does, and loading both is reported")
    func encoder() async throws {
        let fixtures = URL(filePath: #filePath).appending(path: "../../../Fixtures").standardizedFileURL
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-gguf-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["file", "folder"] {
            let model = folder.appending(path: name)
            try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
            try Data("platform: text\nweights: f32\n".utf8).write(to: model.appending(path: "model.yaml"))
        }
        try FileManager.default.createDirectory(at: folder.appending(path: "file/1"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: fixtures.appending(path: "GGUF/words.gguf"), to: folder.appending(path: "file/1/model.gguf"))
        try FileManager.default.copyItem(
            at: fixtures.appending(path: "Encoders/words"), to: folder.appending(path: "folder/1"))
        var (progressed, byteCounts): ([ModelName], [ModelName: Int]) = ([], [:])
        let contents = ModelRepository(path: folder.path).load { event in
            switch event {
            case .progresses(let name, _): progressed.append(name)
            case .ends(let name, let byteCount): byteCounts[name] = byteCount
            case .begins, .fails: break
            }
        }
        #expect(contents.problems == [])
        let names = [ModelName("file")!, ModelName("folder")!]
        #expect(Set(progressed) == Set(names) && progressed.count >= 8)
        #expect(byteCounts[names[0]] == byteCounts[names[1]] && byteCounts[names[0]] ?? 0 > 0)
        let engine = makeEngine()
        for entry in contents.models { try await engine.load(entry.model) }
        let texts = ["The CAT's naïve café!", "東京の駅 cat", "", "unaffordables [MASK] <query>😀"]
        let file = try await engine.embed(selector("file"), texts: texts)
        let right = try await engine.embed(selector("folder"), texts: texts)
        #expect(file.vectors == right.vectors && file.usage.promptTokenCount == right.usage.promptTokenCount)
        #expect(Set(file.vectors).count == texts.count)
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
