import Synchronization

/// All series of one name, told apart by the values of their labels.
///
/// The number of series is limited: label values come from outside (models, tenants, methods), and every series costs
/// memory until somebody removes it. Whatever comes after the limit is counted together, under the value `other`.
///
/// - Isolation: any thread. Keep the series that a hot path needs instead of asking for it each time.
package final class MetricFamily<Series: MetricSeries>: Sendable {
    package let name: String
    package let help: String
    package let labelNames: [String]
    /// The most series that are told apart.
    package let seriesCountMax: Int
    /// Whether it appears in the exposition.
    let isExposed: Bool

    /// Of each value that `series` takes, whether it tells series apart.
    private let keptValues: [Bool]
    private let makeSeries: @Sendable () -> Series
    private let series = Mutex<[[String]: Series]>([:])

    init(
        name: String, help: String, labelNames: [String], optionalLabels: [(name: String, isKept: Bool)] = [],
        seriesCountMax: Int, isExposed: Bool = true, makeSeries: @escaping @Sendable () -> Series
    ) {
        keptValues = labelNames.map { _ in true } + optionalLabels.map(\.isKept)
        let labelNames = labelNames + optionalLabels.filter(\.isKept).map(\.name)
        precondition(isMetricName(name), "metric name \(name)")
        precondition(labelNames.allSatisfy { isMetricName($0) && $0 != "le" && !$0.contains(":") }, "\(labelNames)")
        precondition(seriesCountMax >= 1, "seriesCountMax \(seriesCountMax)")
        self.name = name
        self.help = help
        self.labelNames = labelNames
        self.seriesCountMax = seriesCountMax
        self.isExposed = isExposed
        self.makeSeries = makeSeries
    }

    /// The series with these label values, in the order of `labelNames`; made on first use.
    ///
    /// - Precondition: as many values as the family was declared with, those of optional labels last.
    package func series(_ labelValues: String...) -> Series {
        let labelValues = kept(labelValues)
        return series.withLock { series in
            if let known = series[labelValues] { return known }
            let other = labelNames.map { _ in Self.other }
            let values = series.count < seriesCountMax || labelNames.isEmpty ? labelValues : other
            if let known = series[values] { return known }
            let new = makeSeries()
            series[values] = new
            return new
        }
    }

    /// The value of every label of the series that counts whatever came after the limit.
    package static var other: String { "other" }

    /// Forgets the series with these label values, if there is one: it is exposed no more, and its place is another's.
    ///
    /// For gauges of what comes and goes. A counter that is forgotten and made again would begin at zero.
    package func remove(_ labelValues: String...) {
        let labelValues = kept(labelValues)
        series.withLock { _ = $0.removeValue(forKey: labelValues) }
    }

    /// Those of the values that tell series apart.
    private func kept(_ labelValues: [String]) -> [String] {
        precondition(labelValues.count == keptValues.count, "\(name): \(labelValues) for \(labelNames)")
        return zip(labelValues, keptValues).filter(\.1).map(\.0)
    }
}

extension MetricFamily: MetricFamilyExposition {
    func write(into output: inout String) {
        output += "# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(Series.kind)\n"
        let present = series.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (values, series) in present {
            let labels = zip(labelNames, values).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
            series.write(into: &output, name: name, labels: labels.joined(separator: ","))
        }
    }
}

/// A family as the registry keeps it, whatever its series are.
protocol MetricFamilyExposition: Sendable {
    var name: String { get }
    var isExposed: Bool { get }
    func write(into output: inout String)
}

/// Letters, digits, underscores and colons, and no digit first.
private func isMetricName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

/// Escapes backslash, line feed and, in label values, quotes.
private func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
        switch character {
        case "\\": escaped += "\\\\"
        case "\n": escaped += "\\n"
        case "\"" where quotes: escaped += "\\\""
        default: escaped.unicodeScalars.append(character)
        }
    }
    return escaped
}
