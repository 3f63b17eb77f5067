import Compute
import Models
import Scheduling
import TextModels
import Vocabulary

/// A model comes into memory and goes again.
extension LoadedModel {
    /// Makes what the model needs to run, and runs it once, so that the first caller does not wait for it.
    ///
    /// - Isolation: the one thread that has the model, before the engine thread gets it.
    func prepare(on gang: ComputeGang) throws {
        switch kind {
        case .batch(let model, _): try model.warmUp(on: gang)
        case .text(let pipeline, let limits):
            try pipeline.model.allocateCache(pageCount: limits.pageCount, tokensPerPage: limits.tokensPerPage)
            try pipeline.model.warmUp(on: gang)
            count { $0.cachePageCountTotal = limits.pageCount }
        case .encoder(let pipeline, _): try pipeline.model.warmUp(on: gang)
        case .resting: break
        }
    }

    /// Goes on counting where another one of the same name and version has stopped.
    func takeCounts(from other: LoadedModel) {
        let before = other.counters
        count { counters in
            let held = counters
            counters = before
            counters.queuedRequestCount = held.queuedRequestCount
            counters.runningSequenceCount = held.runningSequenceCount
            counters.cachePageCountUsed = held.cachePageCountUsed
            counters.cachePageCountCached = held.cachePageCountCached
            counters.cachePageCountTotal = held.cachePageCountTotal
        }
    }
}
