extension ScenarioResult {
    /// The result for people: lines without a break at the end.
    package var table: String {
        let blocks = [headline, figureLines, failureLines, pauseLines, fairnessLines, generatorLines]
        return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var headline: [String] {
        let time = LoadReport.number(measuredSeconds)
        return [
            """
            \(scenario.name): \(tenants.count == 1 ? "1 tenant" : "\(tenants.count) tenants"), \
            \(loads.count == 1 ? "1 load" : "\(loads.count) loads"), \(time) s measured after \
            \(LoadReport.number(scenario.warmupSeconds)) s of warm-up, seed \(scenario.seed), \(machine.coreCount) cores
            """
        ]
    }

    private var figureLines: [String] {
        var table = TextTable()
        table.add([
            "", "calls/s", "tokens/s", "failed", "good", "p50", "p99", "ttft p50", "ttft p99", "token p50", "p99",
        ])
        table.add(Self.row("all", all))
        for tenant in tenants {
            table.add(Self.row("tenant \(tenant.name)", tenant.figures))
            for load in loads where load.tenant == tenant.name { table.add(Self.row("  \(load.name)", load.figures)) }
        }
        for model in models { table.add(Self.row("model \(model.name)", model.figures)) }
        return table.lines
    }

    private static func row(_ name: String, _ figures: LoadFigures) -> [String] {
        func times(_ summary: LatencySummary?) -> [String] {
            [summary?.p50Microseconds, summary?.p99Microseconds].map { $0.map(LoadReport.time) ?? "-" }
        }
        return [
            name, LoadReport.number(figures.callsPerSecond),
            figures.tokensPerSecond > 0 ? LoadReport.number(figures.tokensPerSecond) : "-", "\(figures.failed)",
            figures.goodputShare.map { percent($0) } ?? "-",
        ] + times(figures.latency) + times(figures.firstToken) + times(figures.betweenTokens)
    }

    private var failureLines: [String] {
        guard all.failed > 0 else { return [] }
        var table = TextTable()
        var messages: [String] = []
        for tenant in tenants {
            for failure in tenant.figures.failures {
                table.add(["  \(tenant.name)  \(failure.code) \(failure.reason ?? "")", "\(failure.count)"])
                messages.append(failure.firstMessage.printable)
            }
        }
        let head = gotOnlyErrors ? "no call was answered; all \(all.failed) failed" : "failed"
        let lines = zip(table.lines, messages).map { "\($0)  \($1)" }
        let givenUp = "  of these, \(all.givenUp) were never sent"
        return [head] + lines + (all.givenUp > 0 ? [givenUp] : [])
    }

    private var pauseLines: [String] {
        loads.flatMap { load in
            let name = "\(load.tenant)/\(load.name)"
            var lines: [String] = []
            if load.figures.standstillSeconds > 0 {
                let time = LoadReport.time(load.figures.standstillSeconds * 1e6)
                lines.append("\(name) stood still for \(time): there was no server")
            }
            if load.figures.pushbackSeconds > 0 {
                let time = LoadReport.time(load.figures.pushbackSeconds * 1e6)
                lines.append("\(name) sent nothing for \(time): the server asked for it")
            }
            return lines
        }
    }

    private var fairnessLines: [String] {
        guard tenants.count > 1 else { return [] }
        func index(_ value: Double?) -> String { value.map { LoadReport.decimal($0, 3) } ?? "-" }
        let service = fairness.service == "answers" ? "answers" : "compute time"
        return [
            "fairness (Jain's index, 1 is even)  \(index(fairness.ofService)) of \(service) by weight, "
                + "\(index(fairness.ofGoodput)) of the share of good calls"
        ]
    }

    private var generatorLines: [String] {
        var parts = ["\(LoadReport.number(generator.coresBusy)) cores busy"]
        if let lateness = generator.lateness {
            parts.append(
                "calls sent late by p99 \(LoadReport.time(lateness.p99Microseconds)), "
                    + "at most \(LoadReport.time(lateness.maximumMicroseconds))")
        }
        if generator.heldBackCalls > 0 { parts.append("\(generator.heldBackCalls) held back") }
        let warning = generator.warning.map { ["warning: \($0)"] } ?? []
        return ["load generator  \(parts.joined(separator: ", "))"] + warning
    }
}

/// A share for people, such as `99.8 %`; not 100 % unless it is all.
func percent(_ share: Double) -> String {
    let percent = share * 100
    guard percent >= 99.95, share < 1 else { return "\(LoadReport.decimal(percent, 1)) %" }
    return "\(LoadReport.decimal(min(percent, 99.99), 2)) %"
}
