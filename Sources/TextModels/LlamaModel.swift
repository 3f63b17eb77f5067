package import Compute
package import ModelFiles
package import Models
package import Vocabulary

/// A decoder of the Llama architecture with a paged float32 cache.
///
/// RMS norm, rotary embedding, attention with shared key/value heads, SwiGLU; weights from a Hugging Face directory.
///
/// - Isolation: loading on any thread, everything else on the engine thread.
/// - Source: Touvron et al. 2023; Ainslie et al. 2023 (shared key/value heads).
package final class LlamaModel: TokenModel {
    package let description: ModelDescription
    package let properties: TokenModelProperties
    package let configuration: LlamaConfiguration
    let weights: LlamaWeights
    /// What `allocateCache` made.
    private(set) var memory: Memory?
    let workspace = Workspace()
    /// Where each row of the current step belongs; kept to be used again.
    var rows: [StepRow] = []

    /// What the length of the context decides.
    struct Memory {
        let cache: LlamaCache
        let rotary: RotaryTable
    }

    /// Loads `config.json` and `model.safetensors` from `directory`, and stores the matrices as `format`.
    ///
    /// - Throws: `ModelFileError` naming file and field or tensor.
    package convenience init(
        directory: String, name: ModelName, version: ModelVersion, format: WeightFormat = .float32
    ) throws(ModelFileError) {
        let configuration = try LlamaConfiguration(path: directory + "/config.json")
        let file = try SafetensorsFile(path: directory + "/model.safetensors")
        try self.init(
            configuration, weights: LlamaWeights(file, configuration, format: format), name: name, version: version)
    }

    /// A model of weights that were loaded already; several may share them.
    package init(_ configuration: LlamaConfiguration, weights: LlamaWeights, name: ModelName, version: ModelVersion) {
        self.configuration = configuration
        self.weights = weights
        properties = TokenModelProperties(
            vocabularySize: configuration.vocabularySize, contextLengthMax: configuration.contextLengthMax,
            hiddenSize: configuration.hiddenSize,
            cacheBytesPerToken: 2 * configuration.layerCount * configuration.keyValueHeadCount
                * configuration.headSize * MemoryLayout<Float>.stride)
        description = ModelDescription(
            name: name, version: version, modality: .text, platform: "apus_llama",
            inputs: [
                TensorDescription("text_input", .bytes, shape: [1]),
                TensorDescription("max_tokens", .int32, shape: [1]),
            ],
            outputs: [TensorDescription("text_output", .bytes, shape: [1])], batchSizeMax: 0)
    }

    package func allocateCache(pageCount: Int, tokensPerPage: Int) throws {
        let cache = try LlamaCache(
            layerCount: configuration.layerCount, keyValueHeadCount: configuration.keyValueHeadCount,
            headSize: configuration.headSize, pageCount: pageCount, tokensPerPage: tokensPerPage)
        // No sequence is longer than the whole cache.
        let positionCount = min(configuration.contextLengthMax, pageCount * tokensPerPage)
        let rotary = try RotaryTable(
            positionCount: positionCount, headSize: configuration.headSize, theta: configuration.ropeTheta)
        memory = Memory(cache: cache, rotary: rotary)
    }

    /// Runs one token through the weights; does nothing before `allocateCache`, which has touched its own memory.
    package func warmUp(on gang: ComputeGang) throws {
        guard let memory, memory.cache.pageCount > 0 else { return }
        step([TokenSpan(tokens: [0], startPosition: 0, pages: [0], result: .lastLogits)], on: gang) { _, _ in }
    }
}
