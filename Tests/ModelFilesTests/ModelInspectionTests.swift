import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("ModelInspection")
struct ModelInspectionTests {
    private func fixture(_ path: String) -> String {
        URL(filePath: #filePath).appending(path: "../../Fixtures/\(path)").standardizedFileURL.path
    }

    @Test("a Hugging Face folder says what it holds")
    func folder() throws {
        let found = try ModelInspection(path: fixture("Decoders/qwen3"))
        #expect(found.format == "safetensors")
        #expect(found.architecture == "Qwen3ForCausalLM")
        #expect(found.contextLength == 64)
        #expect(found.layerCount == 3)
        #expect(found.types.map(\.type) == ["BF16"])
        #expect(found.types[0].tensorCount == found.tensors.count)
        #expect(found.parameterCount * 2 == found.byteCount)
        #expect(found.warnings == ["there is no tokenizer.json, tokenizer.model or vocab.txt"])
    }

    @Test("a GGUF file says what it holds")
    func gguf() throws {
        let found = try ModelInspection(path: GGUFFixture.path("llama3-scaled"))
        #expect(found.format == "GGUF version 3")
        #expect(found.architecture == "llama")
        #expect(found.contextLength == 64)
        #expect(found.layerCount == 3)
        #expect(Set(found.types.map(\.type)) == ["BF16", "F32"])
        #expect(found.tensors.first?.name == "output_norm.weight")
        #expect(found.warnings == ["there is no tokenizer in the file"])
    }

    @Test("an encoder is shown as one, and what keeps it from being served")
    func encoder() throws {
        let file = try ModelInspection(path: GGUFFixture.path("mixed"))
        #expect(file.architecture == "bert" && file.contextLength == 48 && file.layerCount == 2)
        #expect(file.tokenizer == "WordPiece, in the file" && file.pooling == "mean of all tokens")
        #expect(Set(file.types.map(\.type)) == ["F32", "F16", "BF16", "Q8_0", "Q4_0"] && file.warnings == [])
        let first = try ModelInspection(path: GGUFFixture.path("distilbert"))
        #expect(first.pooling == "first token" && first.warnings == ["there is no tokenizer in the file"])
        let folder = try ModelInspection(path: fixture("Encoders/words"))
        #expect(folder.architecture == "bert" && folder.tokenizer == "WordPiece, tokenizer.json")
        #expect(folder.pooling == "mean of all tokens" && folder.warnings == [])
        #expect(try ModelInspection(path: fixture("Decoders/qwen3")).pooling == nil)
        var writer = GGUFWriter()
        writer.values = [("general.architecture", .string("bert")), ("bert.attention.head_count", .uint32(1))]
        let path = FileManager.default.temporaryDirectory.appending(path: "inspect-\(UUID().uuidString).gguf").path
        try Data(writer.file).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(
            try ModelInspection(path: path).warnings.contains(
                "\(path): metadata \"bert.embedding_length\": is missing"))
    }

    @Test("missing tensors, unknown ones and types that cannot be read are warned of")
    func warnings() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "inspect-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .string("qwen2")), ("qwen2.block_count", .uint32(4)),
            ("qwen2.attention.head_count", .uint32(1)), ("tokenizer.ggml.model", .string("gpt2")),
        ]
        for layer in 0..<3 where layer != 1 { writer.add("blk.\(layer).ffn_up.weight", shape: [1], [1]) }
        for layer in 0..<3 { writer.add("blk.\(layer).ffn_down.weight", shape: [1], [1]) }
        writer.data += [UInt8](repeating: 0, count: 32 - writer.data.count % 32)
        writer.tensors.append(.init("blk.2.ffn_gate.weight", [256], type: 23, offset: UInt64(writer.data.count)))
        writer.data += [UInt8](repeating: 0, count: 136)
        let path = folder.appending(path: "m.gguf").path
        try Data(writer.file).write(to: URL(filePath: path))
        let found = try ModelInspection(path: folder.path)
        #expect(found.tokenizer == "byte-level BPE, in the file")
        #expect(
            found.warnings == [
                "\(path): tensor \"token_embd.weight\": is missing", "1 tensors are IQ4_XS, which Apus cannot read",
                "layer 3 of 4 has no tensors", "tensor blk.1.ffn_up.weight is missing",
            ])
    }

    @Test("what is no model is refused by name")
    func refusals() {
        #expect(throws: ModelFileError(file: "/nowhere", problem: "no such file")) {
            try ModelInspection(path: "/nowhere")
        }
        #expect(throws: ModelFileError.self) { try ModelInspection(path: fixture("make_gguf.py")) }
        #expect(throws: ModelFileError.self) { try ModelInspection(path: fixture("")) }
    }
}
