import Glibc

extension ScenarioPage {
    /// Tenants beyond these have no lines; the tables have everybody.
    private static let tenantCountMax = LinePlot.colorCount

    private var shownTenants: [String] {
        var names: [String] = []
        for result in results {
            for tenant in result.tenants where !names.contains(tenant.name) { names.append(tenant.name) }
        }
        return Array(names.prefix(Self.tenantCountMax))
    }

    /// All plots that the results have something for.
    var plots: String {
        let plots = [
            percentiles("Latency", \.latency), percentiles("Time to first token", \.firstToken),
            percentiles("Time per token", \.betweenTokens, note: "after the first, by percent of the calls"),
            overTime("Answers", "a second", \.answered), overTime("Good calls", "a second", \.good),
            overTime("Failed calls", "a second", \.failed), overTime("Tokens", "a second", \.tokens),
        ].compactMap(\.self)
        let rest = Set(results.flatMap { $0.tenants.map(\.name) }).count - shownTenants.count
        let note = rest > 0 ? "<p class=\"faint\">\(rest) more tenants are in the tables only.</p>" : ""
        return "\(note)<div class=\"plots\">\n\(plots.joined(separator: "\n"))\n</div>"
    }

    /// One line for each tenant and result that has something to show.
    private func lines(
        _ points: (ScenarioResult, String) -> [(x: Double, y: Double)?]
    ) -> [LinePlot.Series] {
        shownTenants.enumerated().flatMap { color, tenant in
            results.enumerated().compactMap { index, result in
                let points = points(result, tenant)
                guard points.contains(where: { $0 != nil }) else { return nil }
                let suffix = results.count > 1 ? (index == 0 ? ", before" : ", after") : ""
                return LinePlot.Series(
                    name: tenant + suffix, color: color, isDashed: results.count > 1 && index == 0, points: points)
            }
        }
    }

    private func percentiles(
        _ title: String, _ times: KeyPath<LoadWindow, BucketCounts>, note: String = "by percent of the calls"
    ) -> String? {
        var callCountMax: UInt64 = 0
        let series = lines { result, tenant in
            var sum = BucketCounts()
            for window in result.windows(where: { $0.tenant == tenant }) { sum.add(window[keyPath: times]) }
            guard sum.count > 0 else { return [] }
            callCountMax = max(callCountMax, sum.count)
            let top = 100 - 100 / Double(max(sum.count, 10))
            return Self.percentiles.filter { $0 <= top }.map { percent in
                sum.percentileNanoseconds(percent).map { (percent, $0 / 1000) }
            }
        }
        guard !series.isEmpty else { return nil }
        let values = series.flatMap(\.points).compactMap { $0?.y }
        return LinePlot(
            title: title, note: note, x: .percentiles(callCount: callCountMax), y: .times(title, values),
            series: series
        ).html
    }

    /// Even steps on the axis of percentiles: 0 to 99.99.
    private static let percentiles: [Double] = (0...80).map { step in
        let rest: Double = pow(10, -Double(step) / 20)
        return 100 * (1 - rest)
    }

    /// More points than this in a line are noise to the eye.
    private static let pointCountMax = 60

    private func overTime(_ title: String, _ note: String, _ column: KeyPath<LoadWindow, UInt64>) -> String? {
        let series = lines { result, tenant in
            let counts = result.windows { $0.tenant == tenant }.map { Double($0[keyPath: column]) }
            guard counts.contains(where: { $0 > 0 }) else { return [] }
            let step = max(1, (counts.count + Self.pointCountMax - 1) / Self.pointCountMax)
            return stride(from: 0, to: counts.count, by: step).map { first in
                let group = counts[first..<min(first + step, counts.count)]
                let middle = Double(first) + Double(group.count) / 2
                let seconds = Double(group.count) * result.windowSeconds
                return (middle * result.windowSeconds, group.reduce(0, +) / seconds)
            }
        }
        guard !series.isEmpty else { return nil }
        let values = series.flatMap(\.points).compactMap { $0?.y }
        return LinePlot(
            title: title, note: note, x: .seconds(upTo: results.map(\.measuredSeconds).max() ?? 1),
            y: .linear(title, upTo: values.max() ?? 1) { $0 >= 10_000 ? LoadReport.number($0) : Axis.trimmed($0) },
            series: series
        ).html
    }
}
