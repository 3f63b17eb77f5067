import Compute
import VisionModels

/// What `model.yaml` says about a model; each value but the platform has a default.
struct ModelSettings: Sendable {
    /// What runs the model.
    enum Platform: String, CaseIterable, Sendable {
        /// A text model in a Hugging Face directory; its `config.json` says of which family.
        case text
        /// The same, by the name of the first family there was.
        case llama
        /// An ONNX graph over pictures.
        case onnx
        /// Graph convolution or attention layers.
        case graph
        /// Gives its inputs back.
        case identity
        /// Gives its inputs back after a while.
        case delay
    }

    let platform: Platform
    /// Which of its versions are served.
    var versionPolicy = VersionPolicy.latest(1)
    /// Other names that lead to it.
    var aliases: [ModelAlias] = []
    /// Requests that are answered before anybody else's.
    var warmUp: [WarmUpRequest] = []
    /// Most samples in one execution, at least 1.
    var batchSizeMax = 32
    /// How long a request waits for company while the engine is free.
    var queueDelayMaxNanoseconds: UInt64 = 0
    /// Requests that may wait, at least 1.
    var queueCapacity = 1024
    /// Names of the classes, one a line of the file named by `labels`.
    var labels: [String] = []
    var delayMilliseconds = 10
    /// How pictures become the model's input; nil for values in 0...1, resized to the model's size.
    var preprocessing: Preprocessing?
    /// Bytes for what tenants change of the graph that a graph model holds; 0 for no changes.
    var graphUpdateByteCountMax = 0
    /// How the weights of a text model are stored; nil for bf16, or the file's own formats for GGUF.
    var weights: WeightFormat?
    /// How the cache of a text model holds keys and values; nil for what suits its weights.
    var cacheFormat: CacheFormat?
    /// Most tokens of a sequence; nil for what the model was made for.
    var contextLength: Int?
    /// A file beside `model.yaml` with the chat template, or `off`; nil for the template of the model's own files.
    var chatTemplate: String?
    /// Of text models, with `queueCapacity` among them.
    var text = TextLimits()

    init(platform: Platform) { self.platform = platform }
}
