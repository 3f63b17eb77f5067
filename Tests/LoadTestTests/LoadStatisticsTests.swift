import Testing
import Vocabulary

@testable import LoadTest

@Suite("LoadStatistics")
struct LoadStatisticsTests {
    private func call(_ milliseconds: UInt64, isMeasured: Bool = true) -> LoadCall {
        LoadCall(intendedTime: time(milliseconds), isMeasured: isMeasured)
    }

    private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test("percentiles are right to three digits, and none exceeds the maximum")
    func percentiles() throws {
        var histogram = LatencyHistogram()
        for microseconds in 1...10_000 as ClosedRange<UInt64> { histogram.record(microseconds * 1000) }
        let summary = try #require(histogram.summary)
        #expect(summary.count == 10_000)
        for (value, expected) in [
            (summary.minimumMicroseconds, 1), (summary.p50Microseconds, 5000), (summary.p90Microseconds, 9000),
            (summary.p99Microseconds, 9900), (summary.p999Microseconds, 9990), (summary.maximumMicroseconds, 10_000),
            (summary.meanMicroseconds, 5000.5),
        ] as [(Double, Double)] {
            // A bucket is 1/1000 of its value wide, at least 128 ns.
            #expect(abs(value - expected) <= max(expected / 1000, 0.128), "\(value) instead of \(expected)")
            #expect(value <= summary.maximumMicroseconds)
        }
    }

    @Test("times at both ends of the range are kept", arguments: [0, 1, 127, 3_600_000_000_000, UInt64.max])
    func extremes(nanoseconds: UInt64) throws {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds)
        let summary = try #require(histogram.summary)
        #expect(summary.count == 1)
        #expect(summary.maximumMicroseconds <= 3_600_000_000 * 1.001)
        #expect(LatencyHistogram().summary == nil)
    }

    @Test("latency is asked of calls, throughput of the time they ended in")
    func windows() {
        var statistics = LoadStatistics()
        // Sent in the warm-up, answered in the window: counts for throughput only.
        statistics.callEnded(call(0, isMeasured: false), .answered, at: time(30), isInWindow: true)
        statistics.callEnded(call(20), .answered, at: time(30), isInWindow: true)
        // Sent in the window, answered after it: counts for latency only.
        statistics.callEnded(call(40), .answered, at: time(90), isInWindow: false)
        #expect(statistics.answersInWindowCount == 2)
        #expect(statistics.answeredCount == 2)
        #expect(statistics.latency.count == 2)
        #expect(statistics.failedCount == 0)
    }

    @Test("failures are counted by code, with what the first one said, and have no latency")
    func failures() {
        var statistics = LoadStatistics()
        for number in 1...3 {
            statistics.callEnded(
                call(10), .failed(.unavailable, message: "no \(number)"), at: time(20), isInWindow: true)
        }
        statistics.callEnded(call(10), .failed(.notFound, message: "who?"), at: time(20), isInWindow: true)
        statistics.callEnded(
            call(10, isMeasured: false), .failed(.notFound, message: "early"), at: time(20), isInWindow: true)
        statistics.callGivenUp(call(10))
        #expect(statistics.failures[.unavailable]?.count == 3)
        #expect(statistics.failures[.unavailable]?.firstMessage == "no 1")
        #expect(statistics.failures[.notFound]?.count == 1)
        #expect(statistics.failures[.deadlineExceeded]?.count == 1)
        #expect(statistics.failedCount == 5)
        #expect(statistics.givenUpCount == 1)
        #expect(statistics.endedCount == 5)
        #expect(statistics.answersInWindowCount == 0)
        #expect(statistics.latency.count == 0)
    }

    @Test("tokens of one message share the time since the message before; the first has its own measure")
    func tokens() throws {
        var statistics = LoadStatistics()
        let call = call(100)
        statistics.tokensArrived(call, count: 1, previous: nil, at: time(150), isInWindow: true)
        statistics.tokensArrived(call, count: 1, previous: time(150), at: time(160), isInWindow: true)
        statistics.tokensArrived(call, count: 4, previous: time(160), at: time(200), isInWindow: false)
        statistics.tokensArrived(call, count: 0, previous: time(200), at: time(300), isInWindow: true)
        let first = try #require(statistics.firstToken.summary)
        #expect(first.count == 1 && abs(first.p50Microseconds - 50_000) < 50)
        let between = try #require(statistics.betweenTokens.summary)
        #expect(between.count == 5 && abs(between.maximumMicroseconds - 10_000) < 10)
        #expect(statistics.tokensInWindowCount == 2)
    }
}
