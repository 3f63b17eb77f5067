import Models
import Scheduling

/// How a model is served, beside what its description says.
package struct ServingTerms: Sendable, Equatable {
    /// Requests that may wait.
    package let queueCapacity: Int
    /// How long a request waits for company while the engine is free.
    package let queueDelayMaxNanoseconds: UInt64
    /// Whether requests of several callers share an execution along the first extent of their tensors.
    package let formsBatches: Bool
    /// Whether it continues texts, so that one request may have many answers.
    package let streams: Bool
    /// Bytes of its weights; nil for models that do not pack theirs.
    package let weightByteCount: Int?
    /// Bytes of its cache; nil for models without one.
    package let cacheByteCount: Int?
    package let versionPolicy: VersionPolicy
    /// Bytes of memory that it takes while it is there: weights, cache, graph and updates, as far as they are known.
    package let residentByteCount: Int

    init(_ model: EngineModel, description: ModelDescription, isImmediate: Bool) {
        switch model.kind {
        case .batch(_, let limits), .encoder(_, let limits):
            queueCapacity = limits.queueCapacity
            queueDelayMaxNanoseconds = limits.queueDelayMaxNanoseconds
            streams = false
        case .text(_, let limits):
            queueCapacity = limits.queueCapacity
            queueDelayMaxNanoseconds = 0
            streams = true
        case .resting: preconditionFailure("a model that rests is made of one that does not")
        }
        formsBatches = description.hasBatchExtent && !isImmediate
        weightByteCount = model.weightByteCount
        cacheByteCount = model.cacheByteCount
        residentByteCount = model.residentByteCount
        versionPolicy = model.versionPolicy
    }
}

extension ModelDescription {
    /// Whether the first extent of all its tensors is that of the batch.
    ///
    /// A model of graphs takes several requests in one execution too, but each of them is a graph of its own.
    package var hasBatchExtent: Bool {
        batchSizeMax > 0 && (inputs + outputs).allSatisfy { $0.shape.first == -1 }
    }
}
