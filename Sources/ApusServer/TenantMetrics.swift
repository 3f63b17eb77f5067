import Engine
import Synchronization
import Telemetry
import Tenancy
import Vocabulary

/// What tenants have made of the server, and how the engine's time is divided among them, as metrics.
///
/// - Isolation: any thread.
final class TenantMetrics: Sendable {
    /// Tenants that have series of their own; those that come later are counted together.
    static let tenantCountMax = 200

    private let ignoredHeaders: Counter
    private let inProgress: PresentGauges
    private let lastIgnored = Mutex<UInt64>(0)
    private let index: FractionGauge
    private let compute: MetricFamily<DurationCounter>
    private let last = Mutex(EngineFairness())

    init(metrics: MetricsRegistry) {
        ignoredHeaders =
            metrics.counters(
                "apus_tenant_headers_ignored_total",
                help: "Calls with the metadata apus-tenant from others than routers; what it said was ignored."
            ).series()
        inProgress = PresentGauges(
            metrics.gauges(
                "apus_tenant_calls_in_progress", help: "Calls in progress.", labels: ["tenant"],
                seriesCountMax: Self.tenantCountMax))
        index = metrics.fractions(
            "apus_engine_fairness_index",
            help: "Jain's index of compute time by weight, over the tenants that competed in the last seconds."
        ).series()
        // One more for those that the engine counts together.
        compute = metrics.durations(
            "apus_tenant_compute_seconds_total",
            help: "Time that models computed for a tenant; - is no tenant, other all behind the first ones.",
            labels: ["tenant"], seriesCountMax: EngineFairness.tenantCountMax + 1)
    }

    /// Takes over what has changed since the last time.
    func update(from gate: TenantGate) {
        let ignored = gate.ignoredHeaderCount
        ignoredHeaders.increment(
            by: lastIgnored.withLock { last in
                defer { last = ignored }
                return ignored - min(last, ignored)
            })
        // The gate forgets tenants that have none.
        inProgress.update(gate.callsInProgress.map { ($0.name, $1) })
    }

    /// Adds what has been computed since the last time.
    func update(_ fairness: EngineFairness) {
        index.set(fairness.index)
        last.withLock { last in
            for (tenant, nanoseconds) in fairness.computeNanoseconds {
                let before = last.computeNanoseconds[tenant] ?? 0
                // No tenant's name is a hyphen.
                compute.series(tenant?.name ?? "-").increment(byNanoseconds: nanoseconds - min(before, nanoseconds))
            }
            let others = fairness.otherComputeNanoseconds
            if others > last.otherComputeNanoseconds {
                compute.series("other").increment(byNanoseconds: others - last.otherComputeNanoseconds)
            }
            last = fairness
        }
    }
}
