import Foundation
import ModelFiles
import Testing

@Suite struct DecoderDescriptionTests {
    /// What the files of a family say, as they were published.
    static let published: [String: String] = [
        "llama": """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8, "num_key_value_heads": 4,
         "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
         "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": [2, 3], "rope_scaling": null,
         "torch_dtype": "float32", "attention_bias": false, "pretraining_tp": 1, "use_cache": true}
        """,
        "mistral": """
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 4,
         "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
         "tie_word_embeddings": false, "sliding_window": 4096, "bos_token_id": 1, "eos_token_id": 2}
        """,
        "qwen2": """
        {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
         "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "hidden_act": "silu",
         "tie_word_embeddings": true, "use_sliding_window": false, "sliding_window": 32768, "max_window_layers": 2}
        """,
        "qwen3": """
        {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
         "head_dim": 32, "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1000000,
         "hidden_act": "silu", "tie_word_embeddings": true, "use_sliding_window": false, "sliding_window": null,
         "max_window_layers": 4, "attention_bias": false}
        """,
        "gemma2": """
        {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4,
         "head_dim": 32, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "sliding_window": 4096,
         "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 224}
        """,
        "gemma3": """
        {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 8, "num_attention_heads": 4, "num_key_value_heads": 1,
         "head_dim": 32, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1000000,
         "rope_local_base_freq": 10000, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
         "hidden_activation": "gelu_pytorch_tanh", "sliding_window": 512, "sliding_window_pattern": 6,
         "attn_logit_softcapping": null, "final_logit_softcapping": null, "query_pre_attn_scalar": 256}
        """,
        "phi3": """
        {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 512, "hidden_size": 64,
         "intermediate_size": 172, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 8,
         "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "rope_scaling": null, "hidden_act": "silu", "sliding_window": 2047,
         "tie_word_embeddings": false, "attention_bias": false, "resid_pdrop": 0.0}
        """,
        "gpt2": """
        {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 512, "n_embd": 64, "n_layer": 3,
         "n_head": 8, "n_positions": 1024, "n_ctx": 1024, "activation_function": "gelu_new",
         "layer_norm_epsilon": 1e-5, "bos_token_id": 511, "eos_token_id": 511, "resid_pdrop": 0.1}
        """,
    ]

    /// Reads a published configuration with some fields replaced, or removed where the value is nil.
    private func read(_ family: String, _ changes: [String: String?] = [:]) throws -> DecoderDescription {
        var json = try #require(
            try JSONSerialization.jsonObject(with: Data(Self.published[family]!.utf8)) as? [String: Any])
        for (key, value) in changes {
            json[key] = try value.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
            }
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString).json")
        try JSONSerialization.data(withJSONObject: json).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try DecoderDescription(path: file.path)
    }

    @Test("every family is told by its model_type, or by its architecture alone", arguments: published.keys.sorted())
    func families(name: String) throws {
        let description = try read(name)
        #expect("\(description.family)" == name)
        #expect(description.vocabularySize == 512 && description.hiddenSize == 64)
        #expect(try read(name, ["model_type": nil]) == description)
    }

    @Test("the fields of a Llama configuration are read, others ignored")
    func llama() throws {
        let llama = try read("llama")
        #expect(llama.headSize == 8 && llama.headCount == 8 && llama.keyValueHeadCount == 4 && llama.layerCount == 5)
        #expect(llama.tiesEmbeddings && llama.beginOfSequence == 1 && llama.endOfSequence == [2, 3])
        #expect(llama.attention.scale == 1 / Float(8).squareRoot() && llama.biases == .init())
        #expect(llama.positions == .rotary([RotaryEmbedding(theta: 10_000, size: 8)]))
        #expect(try read("llama", ["num_key_value_heads": nil]).keyValueHeadCount == 8)
        let biased = try read("llama", ["attention_bias": "true", "mlp_bias": "true"])
        #expect(biased.biases == .init(queriesKeysValues: true, attentionOutput: true, feedForward: true))
    }

    @Test("what sets the other families apart")
    func differences() throws {
        #expect(try read("mistral").layers.allSatisfy { $0.window == 4096 })
        #expect(try read("mistral", ["sliding_window": "null"]).layers.allSatisfy { $0.window == nil })
        #expect(try read("mistral", ["sliding_window": nil]).layers.allSatisfy { $0.window == 4096 })
        #expect(try read("qwen2").layers.allSatisfy { $0.window == nil })
        #expect(try read("qwen2").biases == .init(queriesKeysValues: true))
        let windowed = try read("qwen2", ["use_sliding_window": "true", "sliding_window": "100"])
        #expect(windowed.layers.map(\.window) == [nil, nil, 100, 100])
        #expect(try read("qwen3").attention.hasQueryKeyNorms && read("qwen3").querySize == 256)
        let gemma2 = try read("gemma2")
        #expect(gemma2.layers.map(\.window) == [4096, nil, 4096, nil])
        #expect(gemma2.attention.softCap == 50 && gemma2.logitSoftCap == 30 && gemma2.embeddingScale == 8)
        #expect(gemma2.hasPostNorms && gemma2.norm.weightOffset == 1 && gemma2.tiesEmbeddings)
        #expect(try read("gemma2", ["attn_logit_softcapping": "null"]).attention.softCap == nil)
        let gemma3 = try read("gemma3")
        #expect(gemma3.layers.map(\.window) == [512, 512, 512, 512, 512, nil, 512, 512])
        #expect(gemma3.layers.map(\.rotary) == [1, 1, 1, 1, 1, 0, 1, 1])
        #expect(gemma3.attention.softCap == nil && gemma3.logitSoftCap == nil && gemma3.attention.scale == 1 / 16)
        #expect(try read("phi3").layers.allSatisfy { $0.window == 2047 })
        let gpt2 = try read("gpt2")
        #expect(gpt2.norm.kind == .layer && gpt2.positions == .learned(rowCount: 1024) && gpt2.intermediateSize == 256)
        #expect(!gpt2.feedForward.isGated && gpt2.tiesEmbeddings && gpt2.contextLengthMax == 1024)
    }

    @Test("tokens that end a text may stand in generation_config.json too")
    func generationConfiguration() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "decoder-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(Self.published["llama"]!.utf8).write(to: folder.appending(path: "config.json"))
        #expect(try DecoderDescription(directory: folder.path).endOfSequence == [2, 3])
        let file = folder.appending(path: "generation_config.json")
        try Data(#"{"eos_token_id": [3, 7], "temperature": 0.6}"#.utf8).write(to: file)
        #expect(try DecoderDescription(directory: folder.path).endOfSequence == [2, 3, 7])
        try Data(#"{"eos_token_id": 512}"#.utf8).write(to: file)
        do {
            _ = try DecoderDescription(directory: folder.path)
            Issue.record("a token outside of the vocabulary was accepted")
        } catch {
            #expect("\(error)".contains("generation_config.json: \"eos_token_id\""))
        }
    }

    static let longrope = """
        "original_max_position_embeddings": 1024, "short_factor": [1, 1, 1, 2], "long_factor": [2, 3, 4, 5]
        """

    /// The same rotation by `rope_theta` and `rope_scaling`, and by `rope_parameters`.
    @Test(
        "both ways of writing rotary parameters say the same",
        arguments: [
            ("llama", "\"rope_type\": \"default\""), ("llama", "\"rope_type\": \"linear\", \"factor\": 4.0"),
            ("llama", "\"rope_type\": \"dynamic\", \"factor\": 2"),
            (
                "llama",
                """
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64
                """
            ),
            ("llama", "\"rope_type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 128"),
            ("phi3", "\"rope_type\": \"longrope\", \(longrope)"),
        ])
    func waysOfWriting(family: String, scaling: String) throws {
        let older = try read(family, ["rope_scaling": "{\(scaling)}", "rope_theta": "5000"])
        let oldest = try read(
            family,
            ["rope_scaling": "{\(scaling.replacing("rope_type", with: "type"))}", "rope_theta": "5000"])
        let newer = try read(
            family,
            [
                "rope_scaling": nil, "rope_theta": nil, "original_max_position_embeddings": nil,
                "rope_parameters": "{\(scaling), \"rope_theta\": 5000}",
            ])
        #expect(older == newer && oldest == newer)
    }

    @Test("layer types and rotations by layer type say the same as a pattern")
    func gemma3Types() throws {
        let types = (1...8).map { $0 % 6 == 0 ? "\"full_attention\"" : "\"sliding_attention\"" }
        let newer = try read(
            "gemma3",
            [
                "sliding_window_pattern": nil, "layer_types": "[\(types.joined(separator: ","))]", "rope_scaling": nil,
                "rope_theta": nil, "rope_local_base_freq": nil,
                "rope_parameters": """
                {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000},
                 "sliding_attention": {"rope_type": "default", "rope_theta": 10000}}
                """,
            ])
        #expect(try newer == read("gemma3"))
    }

    @Test("the text part of a Gemma 3 that sees pictures, with what its file leaves out")
    func gemma3WithPictures() throws {
        let part = """
            {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
             "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}
            """
        let outer: [String: String?] = [
            "model_type": "\"gemma3\"", "architectures": "[\"Gemma3ForConditionalGeneration\"]", "text_config": part,
            "eos_token_id": "[1, 106]",
        ]
        let gemma = try read("gemma3", outer)
        #expect(gemma.vocabularySize == 262_208 && gemma.hiddenSize == 2560 && gemma.layerCount == 34)
        #expect(gemma.headCount == 8 && gemma.keyValueHeadCount == 4 && gemma.headSize == 256)
        #expect(gemma.contextLengthMax == 131_072 && gemma.endOfSequence == [1, 106] && gemma.tiesEmbeddings)
        #expect(gemma.layers[4].window == 1024 && gemma.layers[5].window == nil && gemma.attention.scale == 1 / 16)
        var broken = outer
        broken["text_config"] = "{\"num_hidden_layers\": 2}"
        #expect {
            try read("gemma3", broken)
        } throws: {
            "\($0)".contains("\"text_config.hidden_size\"")
        }
    }

    @Test("frequencies between the bands of Llama 3 go over from one to the other")
    func bands() {
        let waves = 64 / (2 * Double.pi)
        // 8, 4, 2.5, 1 and 0.5 waves in the original length.
        let plain = RotaryEmbedding(frequencies: [8, 4, 2.5, 1, 0.5].map { $0 / waves })
        let scaled = plain.scaled(by: .bands(factor: 8, lowFactor: 1, highFactor: 4, originalLength: 64))
        let expected = [8, 4, 2.5 * (0.5 + 0.5 / 8), 1.0 / 8, 0.5 / 8].map { $0 / waves }
        #expect(zip(scaled.frequencies, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test(
        "a field the decoder cannot honour is refused by name",
        arguments: [
            ("llama", "vocab_size", "0"), ("llama", "hidden_size", "-64"), ("llama", "num_key_value_heads", "3"),
            ("llama", "head_dim", "7"), ("llama", "rope_scaling", "{\"factor\": 2}"),
            ("llama", "rope_scaling", "{\"rope_type\": \"ntk\", \"factor\": 2}"),
            ("llama", "rope_scaling", "{\"rope_type\": \"yarn\"}"),
            ("llama", "rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 2, \"mscale\": 1}"),
            ("llama", "rope_scaling", "{\"rope_type\": \"linear\"}"), ("llama", "rope_scaling", "[]"),
            ("llama", "rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8}"),
            ("llama", "partial_rotary_factor", "0.5"), ("llama", "hidden_act", "\"gelu\""),
            ("llama", "attention_bias", "1"), ("llama", "rms_norm_eps", "0"), ("llama", "rms_norm_eps", "1"),
            ("llama", "rope_theta", "0"), ("llama", "rope_theta", "\"big\""), ("llama", "eos_token_id", "512"),
            ("llama", "bos_token_id", "-1"), ("llama", "model_type", "\"mamba\""),
            ("llama", "model_type", "\"mistral\""), ("llama", "architectures", "[\"LlamaForSequenceClassification\"]"),
            ("llama", "vocab_size", "\"many\""), ("llama", "vocab_size", "null"), ("llama", "vocab_size", "1e99"),
            ("llama", "num_hidden_layers", "1025"), ("llama", "max_position_embeddings", "null"),
            ("llama", "quantization_config", "{\"bits\": 4}"), ("llama", "tie_word_embeddings", "\"yes\""),
            ("mistral", "sliding_window", "0"), ("mistral", "sliding_window", "2.5"),
            ("qwen3", "layer_types", "[\"full_attention\"]"),
            ("qwen3", "layer_types", "[\"linear_attention\", \"a\", \"b\", \"c\"]"),
            ("gemma2", "hidden_activation", "\"gelu\""), ("gemma2", "query_pre_attn_scalar", "0"),
            ("gemma2", "final_logit_softcapping", "-3"), ("gemma3", "use_bidirectional_attention", "true"),
            ("gemma3", "sliding_window_pattern", "0"), ("gemma3", "rope_local_base_freq", "-1"),
            ("phi3", "attention_bias", "true"), ("phi3", "partial_rotary_factor", "0.9"),
            ("phi3", "rope_scaling", "{\"type\": \"longrope\", \"short_factor\": [1], \"long_factor\": [1]}"),
            ("gpt2", "n_head", "7"), ("gpt2", "activation_function", "\"relu\""), ("gpt2", "n_embd", "null"),
            ("gpt2", "scale_attn_by_inverse_layer_idx", "true"), ("gpt2", "scale_attn_weights", "false"),
            ("gpt2", "add_cross_attention", "true"), ("gpt2", "n_positions", "0"),
        ])
    func refuses(family: String, field: String, value: String) throws {
        do {
            _ = try read(family, [field: value])
            Issue.record("\(field) = \(value) was accepted")
        } catch let error as ModelFileError {
            // A known family that contradicts the class is as likely the one as the other.
            let names = field == "model_type" ? [field, "architectures"] : [field]
            #expect(names.contains { error.description.contains("\"\($0)") }, "\(error)")
        }
    }
}
