import Telemetry
import Tenancy
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer
@testable import Engine

@Suite("TenantMetrics")
struct TenantMetricsTests {
    @Test("the index and each tenant's time appear, and grow by what has happened since the last look")
    func tenants() {
        let registry = MetricsRegistry()
        let metrics = TenantMetrics(metrics: registry)
        var fairness = EngineFairness()
        fairness.set(index: 0.5, at: MonotonicTime(nanoseconds: 1))
        for _ in 0..<2 {
            fairness.add(TenantID("acme"), nanoseconds: 1_500_000_000)
            fairness.add(nil, nanoseconds: 500_000_000)
            metrics.update(fairness)
        }
        let text = registry.exposition()
        for line in [
            "apus_engine_fairness_index 0.5", "apus_tenant_compute_seconds_total{tenant=\"acme\"} 3.0",
            "apus_tenant_compute_seconds_total{tenant=\"-\"} 1.0",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
    }

    @Test("tenants that are forgotten have no series, and those past the limit are added up")
    func callsInProgress() throws {
        let registry = MetricsRegistry()
        let metrics = TenantMetrics(metrics: registry)
        let clock = ManualClock()
        let gate = TenantGate(TenantTable(), clocks: .init(monotonic: clock, unixSeconds: { 0 }))
        func enter(_ number: Int) throws -> TenantPass {
            try gate.enter(
                PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/t\(number)"), method: "/a.B/C", audience: .tenants)
        }
        func shown() -> [String: Int] {
            metrics.update(from: gate)
            let lines = registry.exposition().split(separator: "\n").filter {
                $0.hasPrefix("apus_tenant_calls_in_progress{")
            }
            return Dictionary(
                uniqueKeysWithValues: lines.map { line in
                    (String(line.split(separator: "\"")[1]), Int(line.split(separator: " ").last!)!)
                })
        }
        let count = TenantMetrics.tenantCountMax + 30
        var passes = try (0..<count).map(enter)
        #expect(shown().values.reduce(0, +) == count && (shown()["other"] ?? 0) >= 30)
        while passes.count > 10 { gate.leave(passes.removeLast(), .tenants) }
        // So many newcomers that the gate forgets who has nothing in progress.
        for number in count..<count + 1024 { gate.leave(try enter(number), .tenants) }
        let left = shown()
        #expect(left.values.reduce(0, +) == 10)
        #expect(!left.keys.contains("t\(count - 1)") && left.count <= TenantMetrics.tenantCountMax + 1)
    }

    @Test("tenants past the limit are counted together, and those before keep their own")
    func limit() {
        let registry = MetricsRegistry()
        let metrics = TenantMetrics(metrics: registry)
        var fairness = EngineFairness()
        for _ in 0..<2 {
            for number in 0..<EngineFairness.tenantCountMax + 50 {
                fairness.add(TenantID("t\(number)"), nanoseconds: 1_000_000_000)
            }
            metrics.update(fairness)
        }
        let lines = registry.exposition().split(separator: "\n").filter { $0.hasPrefix("apus_tenant_compute") }
        #expect(lines.count == EngineFairness.tenantCountMax + 1)
        #expect(lines.contains("apus_tenant_compute_seconds_total{tenant=\"other\"} 100.0"))
        #expect(lines.contains("apus_tenant_compute_seconds_total{tenant=\"t7\"} 2.0"))
    }
}
