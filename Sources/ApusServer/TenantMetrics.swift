import Synchronization
import Telemetry
import Tenancy
import Vocabulary

/// What tenants have made of the server, as metrics.
///
/// - Isolation: any thread.
final class TenantMetrics: Sendable {
    /// Tenants that have series of their own; those that come later are counted together.
    static let tenantCountMax = 200

    private let ignoredHeaders: Counter
    private let inProgress: MetricFamily<Gauge>
    private let lastIgnored = Mutex<UInt64>(0)

    init(metrics: MetricsRegistry) {
        ignoredHeaders =
            metrics.counters(
                "apus_tenant_headers_ignored_total",
                help: "Calls with the metadata apus-tenant from others than routers; what it said was ignored."
            ).series()
        inProgress = metrics.gauges(
            "apus_tenant_calls_in_progress", help: "Calls in progress.", labels: ["tenant"],
            seriesCountMax: Self.tenantCountMax)
    }

    /// Takes over what has changed since the last time.
    func update(from gate: TenantGate) {
        let ignored = gate.ignoredHeaderCount
        ignoredHeaders.increment(
            by: lastIgnored.withLock { last in
                defer { last = ignored }
                return ignored - min(last, ignored)
            })
        for (tenant, count) in gate.callsInProgress { inProgress.series(tenant.name).set(count) }
    }
}
