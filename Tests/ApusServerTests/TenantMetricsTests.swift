import Telemetry
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
