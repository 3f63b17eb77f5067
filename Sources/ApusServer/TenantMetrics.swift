import Engine
import Synchronization
import Telemetry
import Vocabulary

/// How the engine's time is divided among tenants, as metrics.
///
/// - Isolation: any thread.
final class TenantMetrics: Sendable {
    private let index: FractionGauge
    private let compute: MetricFamily<DurationCounter>
    private let last = Mutex(EngineFairness())

    init(metrics: MetricsRegistry) {
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
