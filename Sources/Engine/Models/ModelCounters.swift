package import Vocabulary

/// Where the time of an execution went, in nanoseconds.
package struct ExecutionTimes: Sendable, Equatable {
    /// Bringing the tensors of its requests together, as far as the model does not do that itself.
    package var inputNanoseconds: UInt64 = 0
    package var computeNanoseconds: UInt64 = 0
    /// Picking the outputs that each request asked for.
    package var outputNanoseconds: UInt64 = 0

    /// Goes on from zero at the end of its range, as counters may; to stop there would end the engine thread.
    static func += (sum: inout ExecutionTimes, times: ExecutionTimes) {
        sum.inputNanoseconds &+= times.inputNanoseconds
        sum.computeNanoseconds &+= times.computeNanoseconds
        sum.outputNanoseconds &+= times.outputNanoseconds
    }
}

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
    /// And where the time of those went.
    package var executionTimesBySampleCount: [ExecutionTimes] = []
    /// Requests that were answered with what the model gave.
    package var answerCount: UInt64 = 0
    /// Samples in those; for text, one each.
    package var answeredSampleCount: UInt64 = 0
    /// The time from the arrival of each to its answer.
    package var answerNanoseconds: UInt64 = 0
    /// The time that each of them waited.
    package var queueNanoseconds: UInt64 = 0
    /// The times of the executions that each of them was in.
    package var answerTimes = ExecutionTimes()
    /// When one of them was answered last; nil before the first.
    package var lastAnswerTime: MonotonicTime?
    /// The time from the arrival of requests to their failure; those that the queue had no place for count nothing.
    package var failureNanoseconds: UInt64 = 0
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
    /// The part of it that went into requests which were then cancelled, or expired before they were answered; of a
    /// text, also what its reader had got of it by then.
    package var wastedComputeNanoseconds: UInt64 = 0

    package init() {}

    /// Begins again from zero, with what the model holds now.
    mutating func forgetRequests() {
        var kept = ModelCounters()
        kept.queuedRequestCount = queuedRequestCount
        kept.runningSequenceCount = runningSequenceCount
        kept.cachePageCountUsed = cachePageCountUsed
        kept.cachePageCountCached = cachePageCountCached
        kept.cachePageCountTotal = cachePageCountTotal
        self = kept
    }

    /// Whether no request waits or runs.
    var isIdle: Bool { queuedRequestCount == 0 && runningSequenceCount == 0 }

    /// Counts one execution.
    mutating func countExecution(samples: Int, times: ExecutionTimes) {
        executionCount += 1
        sampleCount += UInt64(samples)
        computeNanoseconds &+= times.computeNanoseconds
        let missing = samples + 1 - executionCountBySampleCount.count
        if missing > 0 {
            executionCountBySampleCount.append(contentsOf: repeatElement(0, count: missing))
            executionTimesBySampleCount.append(contentsOf: repeatElement(ExecutionTimes(), count: missing))
        }
        executionCountBySampleCount[samples] += 1
        executionTimesBySampleCount[samples] += times
    }

    /// Counts a request that is about to be answered, so that whoever has the answer finds it counted.
    ///
    /// - Parameters:
    ///   - samples: in the request.
    ///   - waited: nanoseconds until its first execution began.
    ///   - times: of all executions it was in.
    ///   - arrival: of the request.
    ///   - now: when it is answered.
    mutating func countAnswer(
        samples: Int, waited: UInt64, times: ExecutionTimes, arrival: MonotonicTime, at now: MonotonicTime
    ) {
        answerCount += 1
        answeredSampleCount += UInt64(samples)
        answerNanoseconds &+= now.nanoseconds(since: arrival)
        queueNanoseconds &+= waited
        answerTimes += times
        lastAnswerTime = now
    }
}
