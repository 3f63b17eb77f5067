import Vocabulary

/// What came of a load, ready to be printed or written as JSON.
package struct LoadReport: Codable, Equatable, Sendable {
    /// What was asked for.
    package struct Configuration: Codable, Equatable, Sendable {
        package var target: String
        package var isPlaintext: Bool
        package var model: String
        package var method: String
        package var request: String
        package var requestByteCount: Int
        /// `closed` or `open`.
        package var load: String
        /// Of a closed loop.
        package var concurrency: Int?
        /// Of an open loop.
        package var callsPerSecond: Double?
        package var seed: UInt64?
        package var connections: Int
        package var warmupSeconds: Double
        package var durationSeconds: Double
        package var timeoutSeconds: Double

        package init(
            target: String, isPlaintext: Bool, model: String, method: String, request: String, requestByteCount: Int,
            load: LoadPlan.Load, connections: Int, warmupSeconds: Double, durationSeconds: Double,
            timeoutSeconds: Double
        ) {
            self.target = target
            self.isPlaintext = isPlaintext
            self.model = model
            self.method = method
            self.request = request
            self.requestByteCount = requestByteCount
            switch load {
            case .closed(let callerCount):
                self.load = "closed"
                concurrency = callerCount
            case .open(let callsPerSecond, let seed, _):
                self.load = "open"
                self.callsPerSecond = callsPerSecond
                self.seed = seed
            }
            self.connections = connections
            self.warmupSeconds = warmupSeconds
            self.durationSeconds = durationSeconds
            self.timeoutSeconds = timeoutSeconds
        }
    }

    /// Measured calls that failed with one code.
    package struct Failure: Codable, Equatable, Sendable {
        /// In upper snake case, as gRPC has it.
        package var code: String
        package var count: UInt64
        package var firstMessage: String
    }

    /// What became of the calls of the measured time.
    package struct Counts: Codable, Equatable, Sendable {
        package var calls: UInt64
        package var answered: UInt64
        package var failed: UInt64
        /// Of the failed: never sent, because too many were under way until the deadline.
        package var givenUp: UInt64
        package var tokens: UInt64
        package var responseBytes: UInt64
    }

    /// What was answered, by the second.
    package struct Throughput: Codable, Equatable, Sendable {
        package var callsPerSecond: Double
        /// Of text models.
        package var tokensPerSecond: Double?
        package var responseBytesPerSecond: Double
    }

    package var configuration: Configuration
    package var machine: MachineFacts
    /// Of the measured part, as it was; shorter than asked for when somebody stopped it.
    package var measuredSeconds: Double
    package var counts: Counts
    package var failures: [Failure]
    package var throughput: Throughput
    /// Absent when no call was answered.
    package var latency: LatencySummary?
    package var firstToken: LatencySummary?
    package var betweenTokens: LatencySummary?
    /// Closed loop: how long callers paused because there was no server; absent when they did not.
    package var standstillSeconds: Double?
}

extension LoadReport {
    /// Sums up what was measured in `measuredNanoseconds`.
    package init(
        _ statistics: LoadStatistics, measuredNanoseconds: UInt64, standstillNanoseconds: UInt64 = 0,
        configuration: Configuration, machine: MachineFacts
    ) {
        let seconds = Double(measuredNanoseconds) / 1e9
        func perSecond(_ count: UInt64) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
        self.configuration = configuration
        self.machine = machine
        measuredSeconds = seconds
        counts = Counts(
            calls: statistics.endedCount, answered: statistics.answeredCount, failed: statistics.failedCount,
            givenUp: statistics.givenUpCount, tokens: statistics.tokensInWindowCount,
            responseBytes: statistics.responseBytesInWindowCount)
        failures = statistics.failures.sorted { ($0.value.count, $1.key.rawValue) > ($1.value.count, $0.key.rawValue) }
            .map { Failure(code: $0.key.name, count: $0.value.count, firstMessage: $0.value.firstMessage) }
        throughput = Throughput(
            callsPerSecond: perSecond(statistics.answersInWindowCount),
            tokensPerSecond: statistics.tokensInWindowCount > 0 ? perSecond(statistics.tokensInWindowCount) : nil,
            responseBytesPerSecond: perSecond(statistics.responseBytesInWindowCount))
        latency = statistics.latency.summary
        firstToken = statistics.firstToken.summary
        betweenTokens = statistics.betweenTokens.summary
        standstillSeconds = standstillNanoseconds > 0 ? Double(standstillNanoseconds) / 1e9 : nil
    }
}
