package import ChatTemplates
package import Models
import Scheduling
package import TextModels
package import Tokenizers

/// A model ready to be given to an engine, with the limits it is served under.
package struct EngineModel: @unchecked Sendable {
    // @unchecked: whoever makes it hands the model over to the engine thread and keeps nothing of it.
    let kind: LoadedModel.Kind
    /// Bytes of its packed weights, where that is known.
    package var weightByteCount: Int?
    /// Bytes of the files it was made of, which is about what it takes where its weights are not packed.
    package var fileByteCount = 0
    /// Bytes that it may take for what tenants change of its graph.
    package var updateByteCount = 0
    /// Which versions of it are served, when it comes from a repository.
    package var versionPolicy = VersionPolicy.latest(1)
    /// Other names that lead to it.
    package var aliases: [ModelAlias] = []
    /// Requests that are answered before anybody else's.
    package var warmUp: [WarmUpRequest] = []

    /// Bytes of memory that it takes while it is there: weights, cache, graph and updates, as far as they are known.
    var residentByteCount: Int { (weightByteCount ?? fileByteCount) + (cacheByteCount ?? 0) + updateByteCount }

    /// Bytes of its cache; nil for models without one.
    var cacheByteCount: Int? {
        guard case .text(let pipeline, let limits) = kind else { return nil }
        return pipeline.model.properties.cacheBytesPerToken * limits.tokensPerPage * limits.pageCount
    }

    /// A model that answers in batches.
    ///
    /// - Parameters:
    ///   - model: not used by the caller any more.
    ///   - queueCapacity: requests that may wait, at least 1.
    ///   - queueDelayMaxNanoseconds: how long a request waits for company while the engine is free.
    package init(batch model: any BatchModel, queueCapacity: Int = 1024, queueDelayMaxNanoseconds: UInt64 = 0) {
        // A model that does not batch runs one request at a time, which counts as one sample.
        kind = .batch(
            model,
            BatchLimits(
                batchSizeMax: max(1, model.description.batchSizeMax), queueCapacity: queueCapacity,
                queueDelayMaxNanoseconds: queueDelayMaxNanoseconds))
    }

    /// A model that continues texts.
    ///
    /// - Parameters:
    ///   - model: not used by the caller any more.
    ///   - tokenizer: the model's own.
    ///   - endOfSequence: the tokens by which the model says that a text ends.
    ///   - limits: of its queue, its steps and its cache.
    ///   - chatTemplate: how it wants a conversation written; nil if it knows none.
    package init(
        text model: any TokenModel, tokenizer: any Tokenizer, endOfSequence: Set<Int32>,
        limits: TextLimits = TextLimits(), chatTemplate: ChatTemplate? = nil
    ) {
        kind = .text(
            TextPipeline(
                model: model, tokenizer: tokenizer, endOfSequence: endOfSequence,
                sharedPrefixes: limits.sharedPrefixes, chatTemplate: chatTemplate),
            limits.tokenLimits(for: model.properties))
    }

    /// A model that turns texts into vectors.
    ///
    /// - Parameters:
    ///   - model: not used by the caller any more.
    ///   - tokenizer: the model's own.
    ///   - queueCapacity: texts that may wait, at least 1.
    ///   - queueDelayMaxNanoseconds: how long a text waits for company while the engine is free.
    package init(
        encoder model: EncoderModel, tokenizer: any Tokenizer, queueCapacity: Int = 1024,
        queueDelayMaxNanoseconds: UInt64 = 0
    ) {
        kind = .encoder(
            EncoderPipeline(model: model, tokenizer: tokenizer),
            BatchLimits(
                batchSizeMax: model.tokenBudget, queueCapacity: queueCapacity,
                queueDelayMaxNanoseconds: queueDelayMaxNanoseconds))
    }
}
