extension ScenarioComparison {
    /// The comparison for people: lines without a break at the end; changes for the worse beyond `limit`, if there is
    /// one, are marked `WORSE`.
    package func table(limit: Double? = nil) -> String {
        var table = TextTable()
        table.add(["", "before", "after", "change", "\(LoadReport.decimal(confidence * 100, 0)) % interval", ""])
        var group = ""
        for change in changes {
            if change.group != group {
                group = change.group
                table.add([group])
            }
            table.add([
                "  \(change.figure.name)", change.figure.text(change.before), change.figure.text(change.after),
                change.changeText, change.intervalText, change.mark(limit: limit),
            ])
        }
        let significant = changes.filter(\.isSignificant)
        let better = significant.filter(\.isBetter).count
        let verdict =
            significant.isEmpty
            ? "nothing changed beyond chance"
            : "\(significant.count) of \(changes.count) figures changed beyond chance: \(better) for the better, "
                + "\(significant.count - better) for the worse"
        return (warnings.map { "warning: \($0)" } + table.lines + ["", verdict]).joined(separator: "\n")
    }

    /// Those that got worse by more than `limit`, with confidence.
    package func regressions(limit: Double) -> [Change] { changes.filter { $0.isWorse(byMoreThan: limit) } }
}

extension WindowFigure {
    /// A value for people.
    package func text(_ value: Double) -> String {
        switch unit {
        case .perSecond: LoadReport.number(value)
        case .share: percent(value)
        case .nanoseconds: LoadReport.time(value / 1000)
        }
    }
}

extension ScenarioComparison.Change {
    /// Such as `+4.2 %`, or `+4.2 pp` for percentage points of a share.
    package var changeText: String { change.map(signed) ?? "-" }

    /// Such as `+1.0 … +7.4 %`.
    package var intervalText: String {
        interval.map { "\(sign($0.lowerBound)) … \(signed($0.upperBound))" } ?? "-"
    }

    /// `better` or `worse` when it is significant, `WORSE` beyond the limit.
    package func mark(limit: Double?) -> String {
        if let limit, isWorse(byMoreThan: limit) { return "WORSE" }
        guard isSignificant else { return "" }
        return isBetter ? "better" : "worse"
    }

    private func sign(_ value: Double) -> String {
        "\(value >= 0 ? "+" : "")\(LoadReport.decimal(value * 100, 1))"
    }

    private func signed(_ value: Double) -> String { "\(sign(value)) \(figure.unit == .share ? "pp" : "%")" }
}
