import Foundation
import ModelFiles
import Testing

@Suite("LlamaConfiguration")
struct LlamaConfigurationTests {
    private static var good: [String: Any] {
        [
            "model_type": "llama", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 172,
            "num_hidden_layers": 5, "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 512,
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true,
            "bos_token_id": 1, "eos_token_id": [2, 3], "rope_scaling": NSNull(), "torch_dtype": "float32",
        ]
    }

    /// Reads the good configuration with some keys replaced, or removed where the value is nil.
    private func read(_ changes: [String: Any?] = [:]) throws -> LlamaConfiguration {
        var json = Self.good
        for (key, value) in changes { json[key] = value }
        let file = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString).json")
        try JSONSerialization.data(withJSONObject: json).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try LlamaConfiguration(path: file.path)
    }

    @Test("the fields of a Llama configuration are read, others ignored")
    func reads() throws {
        let configuration = try read()
        #expect(configuration.headSize == 8)
        #expect(configuration.keyValueHeadCount == 4)
        #expect(configuration.tiesEmbeddings)
        #expect(configuration.beginOfSequence == 1)
        #expect(configuration.endOfSequence == [2, 3])
        #expect(try read(["num_key_value_heads": nil as Any?]).keyValueHeadCount == 8)
    }

    @Test(
        "a field the decoder cannot honour is refused by name",
        arguments: [
            ("vocab_size", "0"), ("hidden_size", "-64"), ("num_key_value_heads", "3"), ("head_dim", "7"),
            ("rope_scaling", "{\"factor\": 2}"), ("hidden_act", "\"gelu\""), ("attention_bias", "true"),
            ("mlp_bias", "true"), ("rms_norm_eps", "0"), ("rope_theta", "0"), ("eos_token_id", "512"),
            ("model_type", "\"mistral\""), ("vocab_size", "\"many\""), ("vocab_size", "null"),
            ("num_hidden_layers", "1025"), ("max_position_embeddings", "null"),
        ])
    func refuses(field: String, value: String) throws {
        let parsed = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        do {
            _ = try read([field: parsed])
            Issue.record("\(field) = \(value) was accepted")
        } catch let error as ModelFileError {
            #expect(error.description.contains(field))
        }
    }
}
