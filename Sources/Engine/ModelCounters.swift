/// What has happened to one model since it was loaded: a snapshot.
package struct ModelCounters: Sendable, Equatable {
    /// Requests taken or refused, but for those that failed validation.
    package var requestCount: UInt64 = 0
    /// Requests that ended in an error, refusals included; not those that the caller cancelled.
    package var failureCount: UInt64 = 0
    /// Requests that the caller cancelled.
    package var cancellationCount: UInt64 = 0
    /// Executions of the model; for text, steps.
    package var executionCount: UInt64 = 0
    /// Samples in all executions; for text, sequences in all steps.
    package var sampleCount: UInt64 = 0
    /// Executions by their number of samples: element `i` counts those of `i` samples.
    package var executionCountBySampleCount: [UInt64] = []
    /// Requests that wait now.
    package var queuedRequestCount: Int = 0
    /// Sequences that hold cache pages now.
    package var runningSequenceCount: Int = 0
    package var promptTokenCount: UInt64 = 0
    /// Those of the prompt tokens that were in the cache already.
    package var cachedTokenCount: UInt64 = 0
    package var generatedTokenCount: UInt64 = 0
    /// Tokens that were computed as guesses, and those of them that were right and so needed no step of their own.
    package var guessedTokenCount: UInt64 = 0
    package var confirmedTokenCount: UInt64 = 0
    /// Sequences whose pages were taken away for others, to be computed again.
    package var preemptionCount: UInt64 = 0
    /// Pages with tokens of earlier texts that were given to others.
    package var cacheEvictionCount: UInt64 = 0
    /// Pages of the cache that sequences hold.
    package var cachePageCountUsed: Int = 0
    /// Pages that nobody holds and that hold tokens of earlier texts.
    package var cachePageCountCached: Int = 0
    package var cachePageCountTotal: Int = 0
    /// The time of all executions.
    package var computeNanoseconds: UInt64 = 0
    /// The part of it that went into requests which were then cancelled, or expired before they were answered; of a text,
    /// also what its reader had got of it by then.
    package var wastedComputeNanoseconds: UInt64 = 0

    package init() {}

    /// Counts one execution.
    mutating func countExecution(samples: Int, nanoseconds: UInt64) {
        executionCount += 1
        sampleCount += UInt64(samples)
        computeNanoseconds += nanoseconds
        let missing = samples + 1 - executionCountBySampleCount.count
        if missing > 0 { executionCountBySampleCount.append(contentsOf: repeatElement(0, count: missing)) }
        executionCountBySampleCount[samples] += 1
    }
}
