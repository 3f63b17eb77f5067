import Synchronization

/// The metrics of one process, and their exposition as text.
///
/// - Isolation: any thread.
/// - Source: Prometheus text exposition format, version 0.0.4.
package final class MetricsRegistry: Sendable {
    private let families = Mutex<[String: any MetricFamilyExposition]>([:])

    /// The `Content-Type` of `exposition`.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// How many series of one family are told apart unless told otherwise.
    package static let seriesCountMax = 1_000

    private let choice: InstrumentChoice

    /// - Parameter choice: which instruments and optional labels appear.
    package init(choice: InstrumentChoice = InstrumentChoice()) { self.choice = choice }

    /// Adds an instrument that counts.
    ///
    /// One that is not chosen may be recorded with, but does not appear. `series` takes the values of the labels and
    /// then of the optional labels; those that are not chosen are left out.
    ///
    /// - Precondition: the instrument's name is new.
    package func counters(
        _ instrument: Instrument, seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Counter> {
        add(instrument, seriesCountMax: seriesCountMax) { Counter() }
    }

    /// Adds an instrument that goes up and down; as for one that counts.
    package func gauges(
        _ instrument: Instrument, seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Gauge> {
        add(instrument, seriesCountMax: seriesCountMax) { Gauge() }
    }

    /// Adds an instrument that counts values by size; as for one that counts.
    ///
    /// - Precondition: `bounds` ascend.
    package func histograms(
        _ instrument: Instrument, bounds: [Double], seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Histogram> {
        add(instrument, seriesCountMax: seriesCountMax) { Histogram(bounds: bounds) }
    }

    private func add<Series>(
        _ instrument: Instrument, seriesCountMax: Int, makeSeries: @escaping @Sendable () -> Series
    ) -> MetricFamily<Series> {
        let family = MetricFamily(
            name: instrument.prometheusName(Series.self), help: instrument.help,
            labelNames: instrument.labels.map(Instrument.plain),
            optionalLabels: instrument.optionalLabels.map {
                (name: Instrument.plain($0), isKept: choice.enabledLabels.contains($0))
            }, seriesCountMax: seriesCountMax, isExposed: choice.isEnabled(instrument), makeSeries: makeSeries)
        return add(family)
    }

    /// Adds a family of counters; by custom their names end in `_total`.
    ///
    /// - Precondition: the name is legal and new.
    package func counters(
        _ name: String, help: String, labels: [String] = [], seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Counter> {
        add(
            MetricFamily(name: name, help: help, labelNames: labels, seriesCountMax: seriesCountMax) { Counter() })
    }

    /// Adds a family of gauges.
    ///
    /// - Precondition: the name is legal and new.
    package func gauges(
        _ name: String, help: String, labels: [String] = [], seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Gauge> {
        add(MetricFamily(name: name, help: help, labelNames: labels, seriesCountMax: seriesCountMax) { Gauge() })
    }

    /// Adds a family of counters of time; by custom their names end in `_seconds_total`.
    ///
    /// - Precondition: the name is legal and new.
    package func durations(
        _ name: String, help: String, labels: [String] = [], seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<DurationCounter> {
        add(
            MetricFamily(name: name, help: help, labelNames: labels, seriesCountMax: seriesCountMax) {
                DurationCounter()
            })
    }

    /// Adds a family of gauges of numbers that are not whole.
    ///
    /// - Precondition: the name is legal and new.
    package func fractions(
        _ name: String, help: String, labels: [String] = [], seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<FractionGauge> {
        add(
            MetricFamily(name: name, help: help, labelNames: labels, seriesCountMax: seriesCountMax) {
                FractionGauge()
            })
    }

    /// Adds a family of histograms; by custom their names end in the unit, such as `_seconds`.
    ///
    /// - Precondition: the name is legal and new, and `bounds` ascend.
    package func histograms(
        _ name: String, help: String, labels: [String] = [], bounds: [Double] = Histogram.secondsBounds,
        seriesCountMax: Int = MetricsRegistry.seriesCountMax
    ) -> MetricFamily<Histogram> {
        add(
            MetricFamily(name: name, help: help, labelNames: labels, seriesCountMax: seriesCountMax) {
                Histogram(bounds: bounds)
            })
    }

    /// All present values as text, families and series in the order of their names.
    package func exposition() -> String {
        // Values are read after unlocking: a slow scrape holds up nobody.
        let present = families.withLock { Array($0.values) }.sorted { $0.name < $1.name }
        var output = ""
        for family in present where family.isExposed { family.write(into: &output) }
        return output
    }

    private func add<Series>(_ family: MetricFamily<Series>) -> MetricFamily<Series> {
        families.withLock { families in
            precondition(families[family.name] == nil, "two metrics are called \(family.name)")
            families[family.name] = family
        }
        return family
    }
}
