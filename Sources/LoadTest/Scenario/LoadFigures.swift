import Vocabulary

/// What is said of one load, of a tenant's loads, of a model's, or of all together.
package struct LoadFigures: Codable, Equatable, Sendable {
    /// Measured calls that failed alike.
    package struct Failure: Codable, Equatable, Sendable {
        /// In upper snake case, as gRPC has it.
        package var code: String
        /// Of the server's `google.rpc.ErrorInfo`; absent when it gave none.
        package var reason: String?
        package var count: UInt64
        package var firstMessage: String
    }

    /// Measured calls that have ended; those that kept to their objective are `good`.
    package var calls: UInt64 = 0
    package var answered: UInt64 = 0
    package var good: UInt64 = 0
    package var failed: UInt64 = 0
    /// Of the failed: never sent, because too many were under way until the deadline.
    package var givenUp: UInt64 = 0
    /// Answers and tokens that came in the measured time, whenever they were asked for.
    package var answersInWindow: UInt64 = 0
    package var tokensInWindow: UInt64 = 0

    package var callsPerSecond: Double = 0
    package var tokensPerSecond: Double = 0
    /// Good calls a second.
    package var goodputPerSecond: Double = 0
    /// The share of calls that were good; absent without calls.
    package var goodputShare: Double?

    /// Absent when no call was answered.
    package var latency: LatencySummary?
    package var firstToken: LatencySummary?
    package var betweenTokens: LatencySummary?

    package var failures: [Failure] = []
    /// Closed loops: how long callers paused because there was no server.
    package var standstillSeconds: Double = 0
    /// How long nothing was sent because the server asked for it.
    package var pushbackSeconds: Double = 0
    /// All calls that were sent, warm-up included.
    package var sentCalls: UInt64 = 0
    /// Of all calls, warm-up included: what the server's ledger has.
    package var usage = CallUsage()
    /// Of the calls that ended in the measured time.
    package var measuredUsage = CallUsage()
}

extension LoadFigures {
    /// Sums up loads that were measured for the same time.
    init(_ results: [LoadRun.Result]) {
        var latency = LatencyHistogram()
        var firstToken = LatencyHistogram()
        var betweenTokens = LatencyHistogram()
        var kinds: [LoadAccount.Failure: LoadStatistics.Failure] = [:]
        for result in results {
            guard let account = result.account else { preconditionFailure("a load of a scenario without an account") }
            let statistics = result.statistics
            calls += statistics.endedCount
            answered += statistics.answeredCount
            good += account.goodCount
            failed += statistics.failedCount
            givenUp += statistics.givenUpCount
            answersInWindow += statistics.answersInWindowCount
            tokensInWindow += statistics.tokensInWindowCount
            latency.add(statistics.latency)
            firstToken.add(statistics.firstToken)
            betweenTokens.add(statistics.betweenTokens)
            kinds.merge(account.failures) { left, right in
                LoadStatistics.Failure(count: left.count + right.count, firstMessage: left.firstMessage)
            }
            standstillSeconds += Double(result.standstillNanoseconds) / 1e9
            pushbackSeconds += Double(result.pushbackNanoseconds) / 1e9
            sentCalls += account.sentCount
            usage += account.usage
            measuredUsage += account.measuredUsage
        }
        self.latency = latency.summary
        self.firstToken = firstToken.summary
        self.betweenTokens = betweenTokens.summary
        failures = Self.sorted(kinds)
        let seconds = Double(results.map(\.measuredNanoseconds).max() ?? 0) / 1e9
        guard seconds > 0 else { return }
        callsPerSecond = Double(answersInWindow) / seconds
        tokensPerSecond = Double(tokensInWindow) / seconds
        goodputPerSecond = Double(good) / seconds
        goodputShare = calls > 0 ? Double(good) / Double(calls) : nil
    }

    /// The most frequent first.
    private static func sorted(_ kinds: [LoadAccount.Failure: LoadStatistics.Failure]) -> [Failure] {
        kinds.map { kind, failure in
            Failure(
                code: kind.code.name, reason: kind.reason, count: failure.count, firstMessage: failure.firstMessage)
        }.sorted { ($1.count, $0.code, $0.reason ?? "") < ($0.count, $1.code, $1.reason ?? "") }
    }
}
