package import Compute
package import ModelFiles
package import Models
package import Vocabulary

/// A decoder of any of the families that `DecoderDescription` describes, with a paged cache.
///
/// Norms, attention with shared key/value heads, a feed-forward part; weights from a Hugging Face directory.
///
/// - Isolation: loading on any thread, everything else on the engine thread.
/// - Source: Radford et al. 2019; Touvron et al. 2023; Ainslie et al. 2023 (shared key/value heads).
package final class DecoderModel: TokenModel {
    package let description: ModelDescription
    package let properties: TokenModelProperties
    package let decoder: DecoderDescription
    let weights: DecoderWeights
    /// How its cache holds keys and values.
    package let cacheFormat: CacheFormat
    /// What `allocateCache` made.
    private(set) var memory: Memory?
    let workspace = Workspace()
    /// Where each row of the current step belongs; kept to be used again.
    var rows: [StepRow] = []

    /// What the length of the context decides.
    struct Memory {
        let cache: DecoderCache
        /// By `DecoderDescription.Layer.rotary`; empty for learned positions.
        let rotaries: [RotaryTable]
    }

    /// Loads the model in `directory`: `config.json`, `generation_config.json` where there is one, and the weights in
    /// `model.safetensors` or in shards; or one GGUF file that holds all of it.
    ///
    /// - Parameters:
    ///   - directory: of the files.
    ///   - name: what it is called.
    ///   - version: of the files.
    ///   - contextLength: most tokens of a sequence; nil for what the model was made for.
    ///   - format: how the weights of its linear layers are stored; nil for the file's own, see `DecoderWeights`.
    ///   - cacheFormat: how its cache holds keys and values.
    ///   - progress: is told after each layer and table, on the calling thread.
    /// - Throws: `ModelFileError` naming file and field or tensor.
    package convenience init(
        directory: String, name: ModelName, version: ModelVersion, contextLength: Int? = nil,
        format: WeightFormat? = .float32, cacheFormat: CacheFormat = .float32,
        progress: (LoadProgress) -> Void = { _ in }
    ) throws(ModelFileError) {
        let file = try ModelTensors.open(path: directory)
        let decoder: DecoderDescription
        let tensors: any TensorFile
        if let gguf = file as? GGUFFile {
            decoder = try DecoderDescription(gguf: gguf, contextLength: contextLength)
            tensors = try GGUFModel(gguf)
        } else {
            decoder = try DecoderDescription(directory: directory, contextLength: contextLength)
            tensors = file
        }
        try self.init(
            decoder, weights: DecoderWeights(tensors, decoder, format: format, progress: progress), name: name,
            version: version,
            cacheFormat: cacheFormat)
    }

    /// A model of weights that were loaded already; several may share them.
    package init(
        _ decoder: DecoderDescription, weights: DecoderWeights, name: ModelName, version: ModelVersion,
        cacheFormat: CacheFormat = .float32
    ) {
        self.decoder = decoder
        self.weights = weights
        self.cacheFormat = cacheFormat
        properties = TokenModelProperties(
            vocabularySize: decoder.vocabularySize, contextLengthMax: decoder.contextLengthMax,
            hiddenSize: decoder.hiddenSize,
            cacheBytesPerToken: decoder.layerCount * decoder.keyValueHeadCount
                * cacheFormat.tokenByteCount(headSize: decoder.headSize))
        description = ModelDescription(
            name: name, version: version, modality: .text, platform: "apus_text",
            inputs: [
                TensorDescription("text_input", .bytes, shape: [1]),
                TensorDescription("max_tokens", .int32, shape: [1], isOptional: true),
                TensorDescription("stream", .bool, shape: [1], isOptional: true),
            ],
            outputs: [TensorDescription("text_output", .bytes, shape: [1])], batchSizeMax: 0)
    }

    /// Bytes of the packed matrices.
    package var weightByteCount: Int { weights.byteCount }
    /// The matrices that every step reads, which is what limits how fast one sequence is decoded.
    package var matrices: [PackedMatrix] { weights.matrices }
    /// Bytes of the cache's pages; 0 before `allocateCache`.
    package var cacheByteCount: Int { memory?.cache.byteCount ?? 0 }

    package func allocateCache(pageCount: Int, tokensPerPage: Int) throws {
        let cache = try DecoderCache(
            cacheFormat, layerCount: decoder.layerCount, keyValueHeadCount: decoder.keyValueHeadCount,
            headSize: decoder.headSize, pageCount: pageCount, tokensPerPage: tokensPerPage)
        // No sequence is longer than the whole cache.
        let positionCount = min(decoder.contextLengthMax, pageCount * tokensPerPage)
        var rotaries: [RotaryTable] = []
        if case .rotary(let embeddings) = decoder.positions {
            for embedding in embeddings {
                rotaries.append(try RotaryTable(positionCount: positionCount, embedding))
            }
        }
        memory = Memory(cache: cache, rotaries: rotaries)
    }

    /// Runs one token through the weights; does nothing before `allocateCache`, which has touched its own memory.
    package func warmUp(on gang: ComputeGang) throws {
        guard let memory, memory.cache.pageCount > 0 else { return }
        step([TokenSpan(tokens: [0], startPosition: 0, pages: [0], result: .lastLogits)], on: gang) { _, _ in }
    }
}
