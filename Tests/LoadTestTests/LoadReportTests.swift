import Foundation
import Testing
import Vocabulary

@testable import LoadTest

@Suite("LoadReport")
struct LoadReportTests {
    private func report(_ load: LoadPlan.Load, hasFailures: Bool = true, hasTokens: Bool = true) -> LoadReport {
        var statistics = LoadStatistics()
        for number in 1...1000 as ClosedRange<UInt64> {
            let call = LoadCall(intendedTime: MonotonicTime(nanoseconds: 0), isMeasured: true)
            let end = MonotonicTime(nanoseconds: number * 1_000_000)
            statistics.callEnded(call, .answered, at: end, isInWindow: true)
            statistics.messageArrived(byteCount: 100, isInWindow: true)
            if hasTokens { statistics.tokensArrived(call, count: 1, previous: nil, at: end, isInWindow: true) }
            if hasFailures, number <= 3 {
                statistics.callEnded(call, .failed(.unavailable, message: "gone"), at: end, isInWindow: true)
            }
        }
        return LoadReport(
            statistics, measuredNanoseconds: 4_000_000_000,
            configuration: LoadReport.Configuration(
                target: "127.0.0.1:8461", isPlaintext: false, model: "digits", method: "Vision/Classify",
                request: "1 picture file", requestByteCount: 311, load: load, connections: 2, warmupSeconds: 2,
                durationSeconds: 4, timeoutSeconds: 30),
            machine: MachineFacts(coreCount: 2, architecture: "x86_64", operatingSystem: "Linux"))
    }

    @Test("JSON has configuration, machine, counts, failures and percentiles under stable keys")
    func json() throws {
        let json = try report(.open(callsPerSecond: 300, seed: 9)).json()
        let root = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(
            root.keys.sorted() == [
                "configuration", "counts", "failures", "first_token", "latency", "machine", "measured_seconds",
                "throughput",
            ])
        let configuration = try #require(root["configuration"] as? [String: Any])
        #expect(configuration["load"] as? String == "open")
        #expect(configuration["calls_per_second"] as? Double == 300)
        #expect(configuration["seed"] as? Int == 9)
        #expect(configuration["concurrency"] == nil)
        #expect((root["machine"] as? [String: Any])?["core_count"] as? Int == 2)
        let counts = try #require(root["counts"] as? [String: Any])
        #expect(counts["calls"] as? Int == 1003)
        #expect(counts["answered"] as? Int == 1000)
        #expect(counts["failed"] as? Int == 3)
        let latency = try #require(root["latency"] as? [String: Any])
        #expect(
            latency.keys.sorted() == [
                "count", "maximum_microseconds", "mean_microseconds", "minimum_microseconds", "p50_microseconds",
                "p90_microseconds", "p999_microseconds", "p99_microseconds",
            ])
        let failures = try #require(root["failures"] as? [[String: Any]])
        #expect(failures.first?["code"] as? String == "UNAVAILABLE")
        #expect((root["throughput"] as? [String: Any])?["calls_per_second"] as? Double == 250)
    }

    @Test("the table says throughput, percentiles in their columns, and failures only when there are any")
    func table() {
        let table = report(.closed(callerCount: 8)).table
        #expect(table.contains("8 calls at a time over 2 connections"))
        #expect(table.contains("answered            1000 of 1003 calls"))
        #expect(table.contains("throughput          250 calls/s"))
        #expect(table.contains("latency                  500 ms     900 ms     990 ms"))
        #expect(table.contains("UNAVAILABLE"))
        #expect(!report(.closed(callerCount: 8), hasFailures: false).table.contains("failed"))
        #expect(!report(.closed(callerCount: 8), hasTokens: false).table.contains("token"))
    }

    @Test(
        "times are written in the unit that suits them",
        arguments: [
            (0.5, "0.50 µs"), (37.26, "37.3 µs"), (999.4, "999 µs"), (1000, "1.00 ms"), (62_140, "62.1 ms"),
            (1_500_000, "1.50 s"), (3_600_000_000, "3600 s"), (9.999, "10.00 µs"),
            (1e300, "1e+294 s"),
        ])
    func times(microseconds: Double, text: String) {
        #expect(LoadReport.time(microseconds) == text)
    }

    @Test(
        "a share is 100 % only when it is all",
        arguments: [(1, "100.0 %"), (0.99999, "99.99 %"), (0.9996, "99.96 %"), (0.5, "50.0 %"), (0, "0.0 %")])
    func shares(share: Double, text: String) {
        #expect(percent(share) == text)
    }

    @Test("what a server says cannot command the terminal")
    func printable() {
        #expect("a\u{1B}[2J\nb\u{9B}c é".printable == "a [2J b c é")
    }

    @Test("nothing measured is a report too")
    func empty() throws {
        let nothing = LoadReport(
            LoadStatistics(), measuredNanoseconds: 0, configuration: report(.closed(callerCount: 1)).configuration,
            machine: .current())
        #expect(nothing.table.contains("no call was answered"))
        #expect(nothing.throughput.callsPerSecond == 0)
        #expect(nothing.standstillSeconds == nil)
        #expect(try nothing.json().contains("\"measured_seconds\" : 0"))
        #expect(nothing.machine.coreCount >= 1)
    }
}
