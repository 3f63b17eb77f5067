/// One result of a scenario, or two and what changed between them, as a page that needs nothing but itself.
package struct ScenarioPage {
    let results: [ScenarioResult]
    private let comparison: ScenarioComparison?

    /// - Throws: `ScenarioComparisonError` for two results that cannot be compared.
    /// - Precondition: there are one or two results.
    package init(_ results: [ScenarioResult]) throws(ScenarioComparisonError) {
        precondition((1...2).contains(results.count), "\(results.count) results")
        self.results = results
        comparison =
            results.count == 2
            ? try ScenarioComparison(
                results[0], results[1], by: [.tenant], confidence: 0.95) : nil
    }

    private var latest: ScenarioResult { results[results.count - 1] }

    /// The whole file.
    package var html: String {
        let name = Markup.escape(latest.scenario.name)
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(name): load test</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            \(heading(name))
            \(tiles)
            \(comparisonSection)
            <h2>Plots</h2>
            \(plots)
            \(results.map(figures).joined(separator: "\n"))
            \(results.map(errors).joined(separator: "\n"))
            \(fairness)
            \(asked)
            </body>
            </html>

            """
    }

    private func heading(_ name: String) -> String {
        let machine = latest.machine
        let runs = results.enumerated().map { index, result in
            let label = results.count > 1 ? (index == 0 ? "Before: " : "After: ") : ""
            return """
                <p class="faint">\(label)\(Markup.escape(result.program)), \(Markup.escape(result.startedAt)), \
                \(LoadReport.number(result.measuredSeconds)) s measured after \
                \(LoadReport.number(result.scenario.warmupSeconds)) s of warm-up, seed \(result.scenario.seed)</p>
                """
        }
        // Those of two results are said where they are compared.
        let warnings = results.filter { _ in comparison == nil }.compactMap(\.generator.warning).map {
            "<p class=\"warning\">\(Markup.escape($0)).</p>"
        }
        return """
            <h1>\(name)</h1>
            \(runs.joined(separator: "\n"))
            <p class="faint">\(machine.coreCount) cores, \(Markup.escape(machine.architecture)), \
            \(Markup.escape(machine.operatingSystem))</p>
            \(warnings.joined(separator: "\n"))
            """
    }

    private var tiles: String {
        let all = latest.all
        func time(_ microseconds: Double?) -> String { microseconds.map(LoadReport.time) ?? "-" }
        var tiles = [
            ("calls a second", LoadReport.number(all.callsPerSecond)),
            ("good calls", all.goodputShare.map(percent) ?? "-"), ("failed calls", "\(all.failed)"),
            ("latency, p50", time(all.latency?.p50Microseconds)),
            ("latency, p99", time(all.latency?.p99Microseconds)),
        ]
        if all.tokensPerSecond > 0 { tiles.insert(("tokens a second", LoadReport.number(all.tokensPerSecond)), at: 1) }
        let boxes = tiles.map { "<div class=\"tile\"><b>\(Markup.escape($0.1))</b><span>\($0.0)</span></div>" }
        let label = results.count > 1 ? "<p class=\"faint\">All tenants, after:</p>" : ""
        return "\(label)<div class=\"tiles\">\(boxes.joined())</div>"
    }

    private var comparisonSection: String {
        guard let comparison else { return "" }
        var rows: [[String]] = []
        var group = ""
        for change in comparison.changes {
            if change.group != group {
                group = change.group
                rows.append([Markup.escape(group)])
            }
            let mark = change.mark(limit: nil)
            rows.append([
                "<span class=\"indent\">\(Markup.escape(change.figure.name))</span>",
                change.figure.text(change.before), change.figure.text(change.after), change.changeText,
                change.intervalText, mark.isEmpty ? "" : "<span class=\"\(mark)\">\(mark)</span>",
            ])
        }
        let warnings = comparison.warnings.map { "<p class=\"warning\">\(Markup.escape($0)).</p>" }
        let head = [
            "", "before", "after", "change", "\(LoadReport.decimal(comparison.confidence * 100, 0)) % interval", "",
        ]
        return """
            <h2>What changed</h2>
            \(warnings.joined(separator: "\n"))
            <p class="faint">Marked are changes whose interval leaves out 0; one figure in twenty is marked by chance. \
            Intervals come from windows of \(LoadReport.number(latest.windowSeconds)) s, drawn with replacement in \
            blocks, and Student's t. pp are percentage points; the time per token is the average of a call after its \
            first one.</p>
            \(Markup.table(head, rows))
            """
    }

    private func title(_ title: String, _ result: ScenarioResult) -> String {
        guard results.count > 1 else { return title }
        return "\(title), \(result == results[0] ? "before" : "after")"
    }

    private func figures(_ result: ScenarioResult) -> String {
        let head = [
            "", "calls/s", "tokens/s", "calls", "failed", "good", "p50", "p90", "p99", "p99.9", "ttft p50", "ttft p99",
            "token p50", "token p99",
        ]
        var rows = [Self.row("<strong>all</strong>", result.all)]
        for tenant in result.tenants {
            rows.append(Self.row("<strong>\(Markup.escape(tenant.name))</strong>", tenant.figures))
            for load in result.loads where load.tenant == tenant.name {
                rows.append(
                    Self.row("<span class=\"indent\">\(Markup.escape(load.name))</span>", load.figures))
            }
        }
        for model in result.models { rows.append(Self.row("model \(Markup.escape(model.name))", model.figures)) }
        return """
            <h2>\(title("Figures", result))</h2>
            <p class="faint">Latency and time to first token count from when a call was due. A good call kept to all \
            of its objectives; ttft is the time to the first token.</p>
            \(Markup.table(head, rows))
            """
    }

    private static func row(_ name: String, _ figures: LoadFigures) -> [String] {
        func time(_ microseconds: Double?) -> String { microseconds.map(LoadReport.time) ?? "" }
        let share = figures.goodputShare
        let meter = share.map { share in
            let width = LoadReport.decimal(min(max(share, 0), 1) * 100, 1)
            return "<span class=\"meter\"><i style=\"width:\(width)%\"></i></span>\(percent(share))"
        }
        return [
            name, LoadReport.number(figures.callsPerSecond),
            figures.tokensPerSecond > 0 ? LoadReport.number(figures.tokensPerSecond) : "", "\(figures.calls)",
            "\(figures.failed)", meter ?? "", time(figures.latency?.p50Microseconds),
            time(figures.latency?.p90Microseconds), time(figures.latency?.p99Microseconds),
            time(figures.latency?.p999Microseconds), time(figures.firstToken?.p50Microseconds),
            time(figures.firstToken?.p99Microseconds), time(figures.betweenTokens?.p50Microseconds),
            time(figures.betweenTokens?.p99Microseconds),
        ]
    }

    private func errors(_ result: ScenarioResult) -> String {
        let rows = result.tenants.flatMap { tenant in
            tenant.figures.failures.map { failure in
                [
                    Markup.escape(tenant.name), Markup.escape(failure.code), Markup.escape(failure.reason ?? ""),
                    Markup.escape(failure.firstMessage), "\(failure.count)",
                ]
            }
        }
        let pauses = result.loads.filter { $0.figures.standstillSeconds > 0 }.map { load in
            """
            <p>\(Markup.escape("\(load.tenant)/\(load.name)")) stood still for \
            \(LoadReport.time(load.figures.standstillSeconds * 1e6)): there was no server.</p>
            """
        }
        guard !rows.isEmpty || !pauses.isEmpty else { return "" }
        let table =
            rows.isEmpty
            ? ""
            : Markup.table(["tenant", "code", "reason", "the first of them said", "count"], rows, textColumnCount: 4)
        return "<h2>\(title("Errors", result))</h2>\n\(table)\n\(pauses.joined(separator: "\n"))"
    }

    private var fairness: String {
        guard latest.tenants.count > 1 else { return "" }
        func index(_ value: Double?) -> String { value.map { LoadReport.decimal($0, 3) } ?? "-" }
        let isAnswers = latest.fairness.service == "answers"
        let compute = latest.tenants.map { Double($0.figures.measuredUsage.computeMicroseconds) / 1e6 }
        let rows = latest.tenants.indices.map { index in
            let tenant = latest.tenants[index]
            return [
                Markup.escape(tenant.name), Axis.trimmed(tenant.weight), LoadReport.number(compute[index]) + " s",
                LoadReport.number(compute[index] / max(tenant.weight, 1e-9)) + " s",
                tenant.figures.goodputShare.map(percent) ?? "-",
            ]
        }
        return """
            <h2>Fairness</h2>
            <p>Jain's index of \(isAnswers ? "answers" : "compute time") by weight: \
            <strong>\(index(latest.fairness.ofService))</strong>; of the share of good calls: \
            <strong>\(index(latest.fairness.ofGoodput))</strong>.</p>
            <p class="faint">(Σx)² / (n · Σx²) over the tenants: 1 when all have as much, 1/n when one has everything \
            (Jain, Chiu and Hawe 1984). A tenant that asks for less than its share makes the first one smaller without \
            being treated badly; the second one says whether everybody got what they asked for.</p>
            \(Markup.table(["tenant", "weight", "compute time", "by weight", "good"], rows))
            """
    }

    private var asked: String {
        let generator = latest.generator
        let lateness = generator.lateness.map {
            " Calls went out late by \(LoadReport.time($0.p99Microseconds)) at the 99th percentile, "
                + "\(LoadReport.time($0.maximumMicroseconds)) at most; \(generator.lateCalls) by more than 1 ms."
        }
        return """
            <h2>Load generator</h2>
            <p>\(LoadReport.number(generator.coresBusy)) cores busy on \
            \(generator.threads == 1 ? "1 thread" : "\(generator.threads) threads").\(lateness ?? "") \
            \(generator.heldBackCalls) calls were held back until others had ended.</p>
            <h2>Scenario</h2>
            <pre>\(Markup.escape(latest.scenario.file))</pre>
            """
    }
}
