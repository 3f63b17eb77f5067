import ModelFiles
import Testing
import TextModels
import Vocabulary

/// Hostile and unlucky files: each gives an error that names file and tensor, and nothing else happens.
@Suite struct LlamaWeightsTests {
    static let names = [
        "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight", "model.layers.1.input_layernorm.weight",
        "model.layers.1.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
        "model.layers.0.self_attn.v_proj.weight", "model.layers.1.self_attn.o_proj.weight",
        "model.layers.0.post_attention_layernorm.weight", "model.layers.1.mlp.gate_proj.weight",
        "model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight",
    ]

    @Test("a missing tensor is named", arguments: names)
    func missing(name: String) {
        var tiny = TinyLlama.filled()
        tiny.tensors[name] = nil
        expectError(tiny, naming: name, saying: "missing")
    }

    @Test("a tensor of another shape is named, with both shapes", arguments: names)
    func wrongShape(name: String) {
        var tiny = TinyLlama.filled()
        let tensor = tiny.tensors[name]!
        tiny.tensors[name] = ([tensor.values.count, 1], tensor.values)
        expectError(tiny, naming: name, saying: "expected shape \(tensor.shape)")
    }

    @Test("an element that is not finite is refused", arguments: names, [Float.nan, .infinity, -.infinity])
    func notFinite(name: String, value: Float) {
        var tiny = TinyLlama.filled()
        tiny.tensors[name]!.values[tiny.tensors[name]!.values.count - 1] = value
        expectError(tiny, naming: name, saying: "infinite or not a number")
    }

    @Test(
        "a tensor that would change the results is refused",
        arguments: [
            "model.layers.0.self_attn.q_proj.bias", "model.layers.2.self_attn.q_proj.weight", "model.layers.x.weight",
            "model.layers.0.self_attn.q_norm.weight", "model.wpe.weight",
        ])
    func unknownTensor(name: String) {
        var tiny = TinyLlama.filled()
        tiny.tensors[name] = ([1], [1])
        expectError(tiny, naming: name, saying: "not part of this architecture")
    }

    @Test("stored frequencies, and a head beside a tied table, are left alone")
    func harmlessTensors() throws {
        var tiny = TinyLlama.filled { $0.tiesEmbeddings = true }
        tiny.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ([3], [1, 2, 3])
        tiny.tensors["lm_head.weight"] = tiny.tensors["model.embed_tokens.weight"]
        _ = try tiny.load()
    }

    @Test("a file cut at any of many places is an error")
    func truncated() throws {
        let tiny = TinyLlama.filled()
        let bytes = tiny.safetensors
        for count in stride(from: 0, to: bytes.count, by: 997) {
            #expect(throws: ModelFileError.self) {
                _ = try SafetensorsFile(bytes: Bytes(bytes.prefix(count)), file: "cut")
            }
        }
    }

    private func expectError(_ tiny: TinyLlama, naming name: String, saying text: String) {
        #expect {
            try tiny.load()
        } throws: { error in
            let description = String(describing: error)
            return description.contains("model.safetensors") && description.contains("\"\(name)\"")
                && description.contains(text)
        }
    }
}
