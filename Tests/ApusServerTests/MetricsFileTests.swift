import Foundation
import Logging
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ApusServer

@Suite("The collector of metrics")
struct MetricsCollectorTests {
    /// What a collector has asked for.
    private final class Refreshes: Sendable {
        let count = Atomic(0)
        let counter: Counter

        init(_ metrics: MetricsRegistry) { counter = metrics.counters("refreshes", help: "").series() }

        func refresh() {
            count.add(1, ordering: .relaxed)
            counter.increment()
        }
    }

    @Test("asks the loops first, and hands a text out again while it is fresh")
    func fresh() async {
        let clock = ManualClock()
        let metrics = MetricsRegistry()
        let refreshes = Refreshes(metrics)
        let collector = MetricsCollector(metrics: metrics, clock: clock) { refreshes.refresh() }
        #expect(await collector.text().hasSuffix("refreshes 1\n"))
        clock.advance(byNanoseconds: MetricsCollector.ageNanosecondsMax - 1)
        #expect(await collector.text().hasSuffix("refreshes 1\n"))
        clock.advance(byNanoseconds: 1)
        #expect(await collector.text().hasSuffix("refreshes 2\n"))
        #expect(await collector.text(ageNanosecondsMax: 0).hasSuffix("refreshes 3\n"))
    }

    @Test("collects once for all who ask meanwhile")
    func coalesced() async {
        let metrics = MetricsRegistry()
        let refreshes = Refreshes(metrics)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let collector = MetricsCollector(metrics: metrics, clock: ManualClock()) {
            refreshes.refresh()
            for await _ in stream { break }
        }
        async let first = collector.text()
        while refreshes.count.load(ordering: .relaxed) == 0 { await Task.yield() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask { #expect(await collector.text().hasSuffix("refreshes 1\n")) }
            }
            // Those who have asked by now wait for the first; whoever asks later gets a text that is as fresh.
            group.addTask {
                for _ in 0..<100 { await Task.yield() }
                continuation.finish()
            }
        }
        #expect(await first.hasSuffix("refreshes 1\n"))
    }

    @Test("collects anew for one who wants everything up to now, although a text is being made")
    func complete() async {
        let metrics = MetricsRegistry()
        let refreshes = Refreshes(metrics)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let collector = MetricsCollector(metrics: metrics, clock: ManualClock()) {
            refreshes.refresh()
            for await _ in stream { break }
        }
        async let first = collector.text()
        while refreshes.count.load(ordering: .relaxed) == 0 { await Task.yield() }
        async let second = collector.text(ageNanosecondsMax: 0)
        for _ in 0..<100 { await Task.yield() }
        continuation.finish()
        #expect(await first.hasSuffix("refreshes 1\n"))
        #expect(await second.hasSuffix("refreshes 2\n"))
    }
}

@Suite("The metrics file")
struct MetricsFileTests {
    @Test("holds the exposition, and a folder that is gone is reported once")
    func writing() async throws {
        let recorder = LineRecorder()
        let metrics = MetricsRegistry()
        metrics.counters("apus_test_total", help: "A test.").series().increment()
        let path = FileManager.default.temporaryDirectory.appending(path: "apus-metrics-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let collector = MetricsCollector(metrics: metrics, clock: ManualClock()) {}
        await MetricsFile(path: path, metrics: collector, logger: recorder.logger()).write()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == metrics.exposition())
        #expect(recorder.lines.isEmpty)
        let lost = MetricsFile(path: "\(path)/absent/file", metrics: collector, logger: recorder.logger())
        await lost.write()
        await lost.write()
        #expect(recorder.lines.count == 1 && recorder.lines[0].contains("error metrics not written"))
    }
}
