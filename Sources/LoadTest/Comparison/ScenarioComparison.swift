import Glibc

/// Two results of the same scenario, figure by figure: what changed, and how sure that is.
///
/// The interval of a change is `change ± t · e`: `e` is the standard error of the change from those of both figures
/// (`WindowBootstrap`; for a relative change, of the logarithm of the ratio by the delta method), `t` comes from
/// Student's distribution with the degrees of freedom of Welch and Satterthwaite. A change is significant when its
/// interval leaves out 0. Of twenty figures that did not change, one is significant by chance at a confidence of 95 %.
///
/// What no interval of two runs can contain is how runs differ from each other for other reasons: another place in
/// memory, other neighbours on the machine. Runs that take turns show that.
package struct ScenarioComparison: Equatable, Sendable {
    /// What rows are made for, beside all loads together.
    package enum Grouping: String, CaseIterable, Sendable {
        case tenant, model, load
    }

    /// One figure of one group, before and after.
    package struct Change: Equatable, Sendable {
        package let group: String
        package let figure: WindowFigure
        package let before: Double
        package let after: Double
        /// Relative to the value before; for shares the difference itself.
        ///
        /// Absent when there was nothing before.
        package let change: Double?
        /// With the confidence asked for, the true change lies in here.
        package let interval: ClosedRange<Double>?

        /// Whether chance alone does not explain the change.
        package var isSignificant: Bool { interval.map { !$0.contains(0) } ?? false }

        /// Whether the figure got worse by more than `limit`, with confidence.
        package func isWorse(byMoreThan limit: Double) -> Bool {
            guard let interval else { return false }
            return figure.isBetterHigher ? interval.upperBound < -limit : interval.lowerBound > limit
        }

        package var isBetter: Bool { change.map { ($0 > 0) == figure.isBetterHigher } ?? false }
    }

    package let changes: [Change]
    /// What makes the two results hard to compare.
    package let warnings: [String]
    package let confidence: Double

    /// Compares two results.
    ///
    /// - Parameters:
    ///   - before: the first result.
    ///   - after: the second.
    ///   - groupings: what rows are made for, beside all loads together.
    ///   - confidence: of the intervals, such as 0.95.
    /// - Throws: `ScenarioComparisonError` when one of them has too few windows.
    package init(
        _ before: ScenarioResult, _ after: ScenarioResult, by groupings: [Grouping], confidence: Double
    ) throws(ScenarioComparisonError) {
        self.confidence = confidence
        var changes: [Change] = []
        for group in Self.groups(before, after, groupings) {
            let left = before.windows(where: group.isIncluded)
            let right = after.windows(where: group.isIncluded)
            for (name, windows) in [("first", left), ("second", right)]
            where windows.count < WindowBootstrap.windowCountMin {
                throw .tooFewWindows(result: name, count: windows.count)
            }
            changes += Self.changes(
                group.name, WindowSample(left, windowSeconds: before.windowSeconds),
                WindowSample(right, windowSeconds: after.windowSeconds), confidence: confidence)
        }
        self.changes = changes
        warnings = Self.warnings(before, after)
    }

    private struct Group {
        let name: String
        let isIncluded: (LoadResult) -> Bool
    }

    /// Those that both results have.
    private static func groups(
        _ before: ScenarioResult, _ after: ScenarioResult, _ groupings: [Grouping]
    ) -> [Group] {
        var groups = [Group(name: "all") { _ in true }]
        for grouping in groupings {
            let names = grouping.names(after)
            // One alone is all of them.
            guard Set(names + grouping.names(before)).count > 1 else { continue }
            for name in grouping.names(before) where names.contains(name) {
                groups.append(Group(name: "\(grouping.rawValue) \(name)") { grouping.name($0) == name })
            }
        }
        return groups
    }

    static func changes(
        _ group: String, _ before: WindowSample, _ after: WindowSample, confidence: Double,
        resampleCount: Int = WindowBootstrap.resampleCount, seed: UInt64 = 1
    ) -> [Change] {
        let figures = WindowFigure.all.filter { figure in
            let counts = [before, after].map { $0.valueCount(of: figure) }
            // A rate that fell to nothing is a change, unless it was next to nothing; a percentile of nothing is not
            // there.
            if case .rate = figure.quantity {
                return (counts.max() ?? 0) >= (counts.min() == 0 ? WindowFigure.disappearingCountMin : 1)
            }
            // Nothing failed before and nothing after: not worth a line.
            if figure == .failedShare, [before, after].allSatisfy({ $0.windows.allSatisfy { $0.failed == 0 } }) {
                return false
            }
            return (counts.min() ?? 0) >= figure.valueCountMin
        }
        let left = WindowBootstrap.estimates(of: figures, before, resampleCount: resampleCount, seed: seed)
        let right = WindowBootstrap.estimates(of: figures, after, resampleCount: resampleCount, seed: ~seed)
        return figures.indices.compactMap { index in
            guard let left = left[index], let right = right[index] else { return nil }
            return Change(group, figures[index], left, right, confidence: confidence)
        }
    }

    private static func warnings(_ before: ScenarioResult, _ after: ScenarioResult) -> [String] {
        var warnings: [String] = []
        if before.scenario.file != after.scenario.file {
            warnings.append("the scenario files differ (\(before.scenario.name), \(after.scenario.name))")
        }
        if before.machine != after.machine { warnings.append("the machines differ") }
        if before.measuredSeconds != after.measuredSeconds || before.windowSeconds != after.windowSeconds {
            warnings.append(
                "\(LoadReport.number(before.measuredSeconds)) s were measured in the first, "
                    + "\(LoadReport.number(after.measuredSeconds)) s in the second")
        }
        for grouping in Grouping.allCases {
            let names = [before, after].map { Set(grouping.names($0)) }
            let strangers = names[0].symmetricDifference(names[1]).sorted()
            guard !strangers.isEmpty else { continue }
            warnings.append("only one of them has the \(grouping.rawValue) \(strangers.joined(separator: ", "))")
        }
        for (name, result) in [("first", before), ("second", after)] {
            if let warning = result.generator.warning { warnings.append("in the \(name), \(warning)") }
        }
        return warnings
    }
}

/// Why two results cannot be compared.
package enum ScenarioComparisonError: Error, Equatable, CustomStringConvertible {
    case tooFewWindows(result: String, count: Int)

    package var description: String {
        switch self {
        case .tooFewWindows(let result, let count):
            "the \(result) result has \(count) windows; at least \(WindowBootstrap.windowCountMin) are needed to tell "
                + "change from chance: measure longer, or in shorter windows"
        }
    }
}

extension ScenarioComparison.Grouping {
    func name(_ load: LoadResult) -> String {
        switch self {
        case .tenant: load.tenant
        case .model: load.model
        case .load: "\(load.tenant)/\(load.name)"
        }
    }

    /// In the order of the result.
    func names(_ result: ScenarioResult) -> [String] {
        var names: [String] = []
        for load in result.loads where !names.contains(name(load)) { names.append(name(load)) }
        return names
    }
}

extension ScenarioComparison.Change {
    init(
        _ group: String, _ figure: WindowFigure, _ before: FigureEstimate, _ after: FigureEstimate, confidence: Double
    ) {
        self.group = group
        self.figure = figure
        self.before = before.value
        self.after = after.value
        if figure.unit == .share {
            let change = after.value - before.value
            let reach = Self.reach(before, after, scales: (1, 1), confidence)
            self.change = change
            interval = (change - reach)...(change + reach)
        } else if before.value > 0, after.value > 0 {
            // Of the logarithm of the ratio: what has doubled and what has halved are as far from no change, and
            // nothing can fall by more than all.
            let ratio = after.value / before.value
            let reach = Self.reach(before, after, scales: (1 / before.value, 1 / after.value), confidence)
            change = ratio - 1
            interval = (ratio * exp(-reach) - 1)...(ratio * exp(reach) - 1)
        } else if before.value > 0 {
            // It has fallen to nothing, and nothing has no logarithm. How sure that is depends on how sure it is that
            // there was something before: it is not for one call of a whole run.
            let reach = Self.reach(before, after, scales: (1 / before.value, 1 / before.value), confidence)
            change = -1
            interval = -1...(reach - 1)
        } else {
            change = nil
            interval = nil
        }
    }

    /// How far a change may be off to either side, for the parts that the errors of both figures have in it.
    private static func reach(
        _ before: FigureEstimate, _ after: FigureEstimate, scales: (before: Double, after: Double),
        _ confidence: Double
    ) -> Double {
        let parts = [before.standardError * scales.before, after.standardError * scales.after].map { $0 * $0 }
        let variance = parts[0] + parts[1]
        guard variance > 0 else { return 0 }
        // As Welch and Satterthwaite have it.
        let degrees =
            variance * variance
            / (parts[0] * parts[0] / before.degreesOfFreedom + parts[1] * parts[1] / after.degreesOfFreedom)
        return StudentT.criticalValue(confidence: confidence, degreesOfFreedom: degrees) * variance.squareRoot()
    }
}
