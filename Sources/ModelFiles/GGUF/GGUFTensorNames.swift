/// What tensors of a GGUF file are called at Hugging Face, and how they lie otherwise there.
struct GGUFTensorNames {
    /// How a tensor becomes what the Hugging Face file has.
    enum Change: Equatable {
        case none
        /// The rows of each of so many heads lie in pairs (0, half, 1, half + 1, …) for rotations of neighbours, and
        /// have to be taken apart (0, 1, …, half, half + 1, …).
        case unpaired(headCount: Int)
        /// Outputs by inputs, where Hugging Face has inputs by outputs.
        case transposed
    }

    private let architecture: GGUFArchitecture
    private let headCount: Int
    private let keyValueHeadCount: Int

    init(_ architecture: GGUFArchitecture, headCount: Int, keyValueHeadCount: Int) {
        self.architecture = architecture
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
    }

    /// The Hugging Face name of the tensor that the file calls `name`; nil when it is not a weight of the architecture.
    func huggingFace(_ name: String) -> (name: String, change: Change)? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), "\(layer)" == parts[1] {
            guard let mapped = architecture.layerNames[parts[2]] else { return nil }
            return ("\(architecture.layerPrefix)\(layer).\(mapped).\(parts[3])", change(of: parts[2], parts[3]))
        }
        guard parts.count == 2, let mapped = architecture.names[parts[0]] else { return nil }
        return ("\(mapped).\(parts[1])", .none)
    }

    private func change(of part: String, _ suffix: String) -> Change {
        switch (architecture, part) {
        case (.llama, "attn_q"): .unpaired(headCount: headCount)
        case (.llama, "attn_k"): .unpaired(headCount: keyValueHeadCount)
        case (.gpt2, "attn_qkv"), (.gpt2, "attn_output"), (.gpt2, "ffn_up"), (.gpt2, "ffn_down"):
            suffix == "weight" ? .transposed : .none
        default: .none
        }
    }
}

/// An architecture of GGUF files, by the value of `general.architecture`.
package enum GGUFArchitecture: String, Sendable, CaseIterable {
    /// Llama, and Mistral with it.
    case llama
    case qwen2
    case qwen3
    case gemma2
    case gemma3
    case phi3
    case gpt2
    case bert

    /// Nil for `bert`, which does not generate.
    package var decoderFamily: DecoderFamily? {
        switch self {
        case .llama: .llama
        case .qwen2: .qwen2
        case .qwen3: .qwen3
        case .gemma2: .gemma2
        case .gemma3: .gemma3
        case .phi3: .phi3
        case .gpt2: .gpt2
        case .bert: nil
        }
    }

    /// Tensors outside the layers, without `.weight` and `.bias`.
    fileprivate var names: [String: String] {
        switch self {
        case .gpt2:
            [
                "token_embd": "transformer.wte", "position_embd": "transformer.wpe",
                "output_norm": "transformer.ln_f", "output": "lm_head",
            ]
        case .bert:
            [
                "token_embd": "embeddings.word_embeddings", "token_types": "embeddings.token_type_embeddings",
                "position_embd": "embeddings.position_embeddings", "token_embd_norm": "embeddings.LayerNorm",
            ]
        default: ["token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"]
        }
    }

    fileprivate var layerPrefix: String {
        switch self {
        case .gpt2: "transformer.h."
        case .bert: "encoder.layer."
        default: "model.layers."
        }
    }

    /// Tensors of a layer, without what stands around.
    fileprivate var layerNames: [String: String] {
        switch self {
        case .gpt2:
            return [
                "attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
                "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
            ]
        case .bert:
            return [
                "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
                "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
                "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
            ]
        case .llama, .qwen2, .qwen3, .gemma2, .gemma3, .phi3:
            var names = [
                "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
                "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
                "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
                "ffn_down": "mlp.down_proj",
            ]
            switch self {
            case .phi3:
                names["attn_qkv"] = "self_attn.qkv_proj"
                names["ffn_up"] = "mlp.gate_up_proj"
                for absent in ["attn_q", "attn_k", "attn_v", "ffn_gate"] { names[absent] = nil }
            case .gemma2, .gemma3:
                names["post_attention_norm"] = "post_attention_layernorm"
                names["ffn_norm"] = "pre_feedforward_layernorm"
                names["post_ffw_norm"] = "post_feedforward_layernorm"
            default: break
            }
            if self == .qwen3 || self == .gemma3 {
                names["attn_q_norm"] = "self_attn.q_norm"
                names["attn_k_norm"] = "self_attn.k_norm"
            }
            return names
        }
    }
}
