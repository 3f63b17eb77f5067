import Synchronization
import Telemetry

/// Gauges of what comes and goes, one each by the value of the family's label: those of what is gone have no series,
/// and those past the family's limit are added up.
///
/// Why: a server whose tenants or shards change for years would otherwise show those that were there once, and not
/// those that are there.
///
/// - Isolation: any thread.
final class PresentGauges: Sendable {
    private let family: MetricFamily<Gauge>
    private let shown = Mutex<Set<String>>([])

    init(_ family: MetricFamily<Gauge>) {
        self.family = family
    }

    /// Shows what holds now.
    func update(_ values: [(label: String, value: Int)]) {
        let present = Set(values.map(\.label))
        let gone = shown.withLock { shown in
            defer { shown = present }
            return shown.subtracting(present)
        }
        for label in gone { family.remove(label) }
        // Made anew for whoever is still over the limit.
        family.remove(MetricFamily<Gauge>.other)
        var sums: [ObjectIdentifier: (gauge: Gauge, sum: Int)] = [:]
        for (label, value) in values {
            let gauge = family.series(label)
            sums[ObjectIdentifier(gauge), default: (gauge, 0)].sum += value
        }
        for (gauge, sum) in sums.values { gauge.set(sum) }
    }
}
