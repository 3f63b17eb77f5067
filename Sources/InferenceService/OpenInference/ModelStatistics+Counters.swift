import Engine
import Messages
import Models
import Vocabulary

extension ModelStatistics {
    /// What a model has done, as clients of Triton count it.
    ///
    /// The counts of `queue` and of the three parts of `compute` are all that of `success`: a request that failed is in
    /// none of them, because clients divide one by the other.
    ///
    /// - Parameters:
    ///   - model: the version.
    ///   - counters: what happened to it.
    ///   - terms: what it holds.
    ///   - lastAnswer: of the last request, in milliseconds since 1970; nil when there was none.
    ///   - responses: of its streams.
    init(
        _ model: ModelDescription, _ counters: EngineCounters, _ terms: ServingTerms, lastAnswer: Int64?,
        responses: [ResponseTally]
    ) {
        self.init(
            name: model.name.name, version: model.version.description,
            lastInference: UInt64(max(0, lastAnswer ?? 0)), inferenceCount: counters.answeredSampleCount,
            executionCount: counters.executionCount, inferenceStats: InferStatistics(counters),
            batchStats: InferBatchStatistics.all(in: counters), memoryUsage: MemoryUsage.all(in: terms),
            responseStats: Dictionary(
                uniqueKeysWithValues: responses.enumerated().map { ("\($0)", InferResponseStatistics($1)) }))
    }
}

extension InferStatistics {
    fileprivate init(_ counters: EngineCounters) {
        let count = counters.answerCount
        self.init(
            success: StatisticDuration(count: count, ns: counters.answerNanoseconds),
            fail: StatisticDuration(
                count: counters.failureCount + counters.cancellationCount, ns: counters.failureNanoseconds),
            queue: StatisticDuration(count: count, ns: counters.queueNanoseconds),
            computeInput: StatisticDuration(count: count, ns: counters.answerTimes.inputNanoseconds),
            computeInfer: StatisticDuration(count: count, ns: counters.answerTimes.computeNanoseconds),
            computeOutput: StatisticDuration(count: count, ns: counters.answerTimes.outputNanoseconds),
            cacheHit: StatisticDuration(), cacheMiss: StatisticDuration())
    }
}

extension InferBatchStatistics {
    fileprivate static func all(in counters: EngineCounters) -> [InferBatchStatistics] {
        zip(counters.executionCountBySampleCount, counters.executionTimesBySampleCount).enumerated()
            .compactMap { size, executions in
                let (count, times) = executions
                guard count > 0 else { return nil }
                return InferBatchStatistics(
                    batchSize: UInt64(size),
                    computeInput: StatisticDuration(count: count, ns: times.inputNanoseconds),
                    computeInfer: StatisticDuration(count: count, ns: times.computeNanoseconds),
                    computeOutput: StatisticDuration(count: count, ns: times.outputNanoseconds))
            }
    }
}

extension MemoryUsage {
    fileprivate static func all(in terms: ServingTerms) -> [MemoryUsage] {
        let known = [("CPU", terms.weightByteCount), ("CPU_KV_CACHE", terms.cacheByteCount)]
        return known.compactMap { type, byteCount in
            byteCount.map { MemoryUsage(type: type, byteSize: UInt64(clamping: $0)) }
        }
    }
}

extension InferResponseStatistics {
    fileprivate init(_ tally: ResponseTally) {
        self.init(
            computeInfer: StatisticDuration(count: tally.sentCount, ns: tally.sentNanoseconds),
            computeOutput: StatisticDuration(count: tally.sentCount),
            success: StatisticDuration(count: tally.sentCount, ns: tally.sentNanoseconds),
            fail: StatisticDuration(count: tally.failureCount, ns: tally.failureNanoseconds),
            emptyResponse: StatisticDuration(), cancel: StatisticDuration(count: tally.cancellationCount))
    }
}
