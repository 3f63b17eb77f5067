extension LoadReport {
    /// The report for people: lines without a break at the end.
    package var table: String {
        ([headline, ""] + countLines + [""] + latencyLines + failureLines).joined(separator: "\n")
    }

    private var headline: String {
        let load =
            if let rate = configuration.callsPerSecond {
                "\(Self.number(rate)) calls/s arriving at random"
            } else {
                "\(configuration.concurrency ?? 0) calls at a time"
            }
        let connections = configuration.connections == 1 ? "1 connection" : "\(configuration.connections) connections"
        return """
            \(configuration.model) on \(configuration.target)\(configuration.isPlaintext ? " (plaintext)" : ""), \
            \(configuration.method)
            \(configuration.request); \(load) over \(connections), \(Self.number(measuredSeconds)) s measured after \
            \(Self.number(configuration.warmupSeconds)) s of warm-up, \(machine.coreCount) cores
            """
    }

    private var countLines: [String] {
        var lines = [
            Self.line("answered", "\(counts.answered) of \(counts.calls) calls"),
            Self.line("throughput", "\(Self.number(throughput.callsPerSecond)) calls/s"),
        ]
        if let tokens = throughput.tokensPerSecond {
            lines.append(Self.line("tokens", "\(Self.number(tokens)) tokens/s"))
        }
        return lines
    }

    private var latencyLines: [String] {
        let rows = [("latency", latency), ("time to first token", firstToken), ("between tokens", betweenTokens)]
            .compactMap { name, summary in summary.map { (name, $0) } }
        guard !rows.isEmpty else { return ["no call was answered"] }
        let heads = ["p50", "p90", "p99", "p99.9", "max"]
        return [Self.row("", heads)]
            + rows.map { name, summary in
                Self.row(
                    name,
                    [
                        summary.p50Microseconds, summary.p90Microseconds, summary.p99Microseconds,
                        summary.p999Microseconds, summary.maximumMicroseconds,
                    ].map(Self.time))
            }
    }

    private var failureLines: [String] {
        guard !failures.isEmpty else { return [] }
        return ["", "failed"]
            + failures.map {
                "  \($0.code.padded(to: 20)) \("\($0.count)".padded(to: 10)) \($0.firstMessage.printable)"
            }
            + (counts.givenUp > 0
                ? ["  of these, \(counts.givenUp) were never sent: too many calls were under way"] : [])
            + standstillLines
    }

    private var standstillLines: [String] {
        standstillSeconds.map { ["  callers stood still for \(Self.time($0 * 1e6)): there was no server"] } ?? []
    }

    private static func line(_ name: String, _ value: String) -> String { name.padded(to: 20) + value }

    private static func row(_ name: String, _ cells: [String]) -> String {
        name.padded(to: 20) + cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
    }

    /// A time in the unit that makes it easy to read, with three significant digits or more.
    static func time(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: "\(number(microseconds)) µs"
        case ..<1_000_000: "\(number(microseconds / 1000)) ms"
        default: "\(number(microseconds / 1_000_000)) s"
        }
    }

    /// With a number of decimals, and a sign where it is below 0.
    static func decimal(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        let fraction = "\(scaled % scale)"
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        return "\(sign)\(scaled / scale).\(zeros)\(fraction)"
    }

    /// As many decimals as leave three significant digits, and none from 100 on.
    static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let size = abs(value)
        return decimal(value, size < 10 ? 2 : size < 100 ? 1 : 0)
    }
}

extension String {
    func padded(to count: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, count - self.count))
    }

    /// On one line, and without anything that a terminal would take for a command: what a server says is only text.
    var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
