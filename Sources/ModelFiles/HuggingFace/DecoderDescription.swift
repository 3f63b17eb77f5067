/// Everything about a decoder that its arithmetic depends on, but for the weights.
///
/// One pass serves all families; what they differ in stands here as data. A layer computes
///
/// ```
/// h += postNorm(attention(norm(h)))          postNorm only with hasPostNorms
/// h += postNorm(feedForward(norm(h)))
/// ```
///
/// from `h = embeddingScale · embedding[token] (+ positions[position])`, and the logits are `cap(head(finalNorm(h)))`.
package struct DecoderDescription: Sendable, Equatable {
    package var family: DecoderFamily
    package var vocabularySize: Int
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var headCount: Int
    /// Divides `headCount`.
    package var keyValueHeadCount: Int
    /// Extent of one head.
    package var headSize: Int
    /// Most positions of a sequence.
    package var contextLengthMax: Int
    package var norm: Norm
    package var feedForward: FeedForward
    package var attention: Attention
    package var positions: Positions
    package var layers: [Layer]
    package var biases: Biases
    /// Whether what a layer's two parts give is normalised before it is added to the hidden state.
    package var hasPostNorms: Bool
    /// What embeddings are multiplied by.
    package var embeddingScale: Float
    /// Each logit becomes `cap · tanh(logit / cap)`; nil for none.
    package var logitSoftCap: Float?
    /// Whether the output head is the embedding table.
    package var tiesEmbeddings: Bool
    package var beginOfSequence: Int32?
    package var endOfSequence: Set<Int32>

    /// How hidden states are normalised.
    package struct Norm: Sendable, Equatable {
        /// What is divided by.
        package enum Kind: Sendable {
            /// The root of the mean square.
            case rms
            /// The standard deviation, after the mean was subtracted; has a bias.
            case layer
        }

        package var kind: Kind
        package var epsilon: Float
        /// Added to the stored weights: 1 where they are stored as their difference from 1.
        package var weightOffset: Float = 0

        package init(kind: Kind, epsilon: Float, weightOffset: Float = 0) {
            self.kind = kind
            self.epsilon = epsilon
            self.weightOffset = weightOffset
        }
    }

    /// The part of a layer that sees one token at a time.
    package struct FeedForward: Sendable, Equatable {
        /// What makes the part more than linear.
        package enum Activation: Sendable {
            case silu
            /// The Gaussian error linear unit by its hyperbolic tangent.
            case geluTanh
        }

        package var activation: Activation
        /// `down(activation(gate(x)) · up(x))`, or `down(activation(up(x)))`.
        package var isGated: Bool
    }

    /// The part of a layer that sees the tokens before.
    package struct Attention: Sendable, Equatable {
        /// Factor of each score.
        package var scale: Float
        /// Each score becomes `cap · tanh(score / cap)`; nil for none.
        package var softCap: Float?
        /// Whether each head's query and key is normalised before it is rotated.
        package var hasQueryKeyNorms: Bool
    }

    /// How a token knows where it stands.
    package enum Positions: Sendable, Equatable {
        /// Queries and keys are rotated; `Layer.rotary` says by which of these.
        case rotary([RotaryEmbedding])
        /// A table of so many rows is added to the embeddings; nil for `contextLengthMax` or more.
        case learned(rowCount: Int?)

        /// A table of which no more is known than that it is long enough.
        package static var learned: Positions { .learned(rowCount: nil) }
    }

    /// What differs between layers.
    package struct Layer: Sendable, Equatable {
        /// How many positions a token attends to, its own among them; nil for all.
        package var window: Int?
        /// Index into the rotary embeddings.
        package var rotary: Int

        package init(window: Int? = nil, rotary: Int = 0) {
            self.window = window
            self.rotary = rotary
        }
    }

    /// Which linear layers have a bias.
    package struct Biases: Sendable, Equatable {
        package var queriesKeysValues = false
        package var attentionOutput = false
        package var feedForward = false

        package init(queriesKeysValues: Bool = false, attentionOutput: Bool = false, feedForward: Bool = false) {
            self.queriesKeysValues = queriesKeysValues
            self.attentionOutput = attentionOutput
            self.feedForward = feedForward
        }
    }

    package var layerCount: Int { layers.count }
    /// Extent of all queries side by side.
    package var querySize: Int { headCount * headSize }
    /// Extent of all keys side by side, and of all values.
    package var keySize: Int { keyValueHeadCount * headSize }
}

/// A family of decoders, by the `model_type` of its `config.json`.
package enum DecoderFamily: String, Sendable, CaseIterable {
    case llama
    case mistral
    case qwen2
    case qwen3
    case gemma2
    case gemma3 = "gemma3_text"
    case phi3
    case gpt2

    /// The class that `architectures` names.
    var architecture: String {
        switch self {
        case .llama: "LlamaForCausalLM"
        case .mistral: "MistralForCausalLM"
        case .qwen2: "Qwen2ForCausalLM"
        case .qwen3: "Qwen3ForCausalLM"
        case .gemma2: "Gemma2ForCausalLM"
        case .gemma3: "Gemma3ForCausalLM"
        case .phi3: "Phi3ForCausalLM"
        case .gpt2: "GPT2LMHeadModel"
        }
    }
}
