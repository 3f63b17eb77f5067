import Compute
import ModelFiles

/// What the tensors of a decoder are called in a Hugging Face file, without `.weight` and `.bias`.
struct DecoderTensorNames {
    /// In front of all names but the head's.
    private var prefix = "model."
    private var layers = "layers."
    private var embeddingName = "embed_tokens"
    private var positionsName: String?
    private var finalNormName = "norm"
    private(set) var head = "lm_head.weight"

    // Of a layer, behind its own prefix.
    var attentionNorm = "input_layernorm"
    /// Three layers, or one that holds all three.
    var queriesKeysValues = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    let queryNorm = "self_attn.q_norm"
    let keyNorm = "self_attn.k_norm"
    var attentionOutput = "self_attn.o_proj"
    let attentionPostNorm = "post_attention_layernorm"
    var feedForwardNorm = "post_attention_layernorm"
    /// Two layers, or one that holds both or is without a gate.
    var gateUp = ["mlp.gate_proj", "mlp.up_proj"]
    var down = "mlp.down_proj"
    let feedForwardPostNorm = "post_feedforward_layernorm"
    /// How matrices lie in the file.
    var matrixLayout = PackedMatrix.Layout.outputMajor
    /// Ends of names of tensors that say nothing new: frequencies follow from the configuration, masks are all alike.
    private var harmlessEndings = ["rotary_emb.inv_freq"]
    /// Beginnings of names of tensors that text does not pass through.
    private var harmlessBeginnings: [String] = []

    /// The names of a family.
    ///
    /// - Parameters:
    ///   - family: of the decoder.
    ///   - hasTensor: whether the file has a tensor of that name; some files leave the prefix out.
    init(_ family: DecoderFamily, prefixed hasTensor: (String) -> Bool) {
        switch family {
        case .llama, .mistral, .qwen2, .qwen3: break
        case .gemma2: feedForwardNorm = "pre_feedforward_layernorm"
        case .gemma3:
            feedForwardNorm = "pre_feedforward_layernorm"
            // The text part of a model that sees pictures too, by older and newer writers.
            if hasTensor("language_model.model.norm.weight") {
                prefix = "language_model.model."
                head = "language_model.lm_head.weight"
                harmlessBeginnings = ["vision_tower.", "multi_modal_projector."]
            } else if hasTensor("model.language_model.norm.weight") {
                prefix = "model.language_model."
                harmlessBeginnings = ["model.vision_tower.", "model.multi_modal_projector."]
            }
        case .phi3:
            queriesKeysValues = ["self_attn.qkv_proj"]
            gateUp = ["mlp.gate_up_proj"]
        case .gpt2:
            prefix = hasTensor("wte.weight") ? "" : "transformer."
            layers = "h."
            embeddingName = "wte"
            positionsName = "wpe.weight"
            finalNormName = "ln_f"
            attentionNorm = "ln_1"
            queriesKeysValues = ["attn.c_attn"]
            attentionOutput = "attn.c_proj"
            feedForwardNorm = "ln_2"
            gateUp = ["mlp.c_fc"]
            down = "mlp.c_proj"
            matrixLayout = .inputMajor
            harmlessEndings = [".attn.bias", ".attn.masked_bias"]
        }
    }

    var embedding: String { "\(prefix)\(embeddingName).weight" }
    var positions: String? { positionsName.map { prefix + $0 } }
    var finalNorm: String { prefix + finalNormName }
    func layerPrefix(_ index: Int) -> String { "\(prefix)\(layers)\(index)." }

    /// Whether a tensor that is not read may be there all the same.
    ///
    /// A head beside a tied table is a copy of it, as some writers leave it.
    func isHarmless(_ name: String) -> Bool {
        name == head || harmlessEndings.contains { name.hasSuffix($0) }
            || harmlessBeginnings.contains { name.hasPrefix($0) }
    }
}
