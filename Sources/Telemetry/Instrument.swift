/// What is measured: an instrument of OpenTelemetry, described before anything is recorded with it.
///
/// Prometheus has its own names for the same things, which follow from those of OpenTelemetry:
///
/// ```
/// grpc.server.call.duration   s        grpc_server_call_duration_seconds
/// grpc.server.call.started    {call}   grpc_server_call_started_total
/// grpc.method                          grpc_method
/// ```
///
/// - Source: gRFC A79; OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
package struct Instrument: Hashable, Sendable {
    /// What values are counted in.
    package enum Unit: Hashable, Sendable {
        case seconds
        case bytes
        /// Things such as `call`, in braces where OpenTelemetry writes units.
        case things(String)

        /// As OpenTelemetry writes it.
        package var symbol: String {
            switch self {
            case .seconds: "s"
            case .bytes: "By"
            case .things(let name): "{\(name)}"
            }
        }

        fileprivate var suffix: String {
            switch self {
            case .seconds: "_seconds"
            case .bytes: "_bytes"
            case .things: ""
            }
        }
    }

    /// Lower-case words between dots.
    package let name: String
    package let help: String
    package let unit: Unit
    /// Keys whose values every recording has.
    package let labels: [String]
    /// Keys that are recorded only where somebody has asked for them.
    package let optionalLabels: [String]
    /// Whether it may still change; it is then off unless somebody has asked for it.
    package let isExperimental: Bool

    package init(
        _ name: String, _ unit: Unit, help: String, labels: [String], optionalLabels: [String] = [],
        isExperimental: Bool = false
    ) {
        self.name = name
        self.unit = unit
        self.help = help
        self.labels = labels
        self.optionalLabels = optionalLabels
        self.isExperimental = isExperimental
    }

    /// The name in Prometheus' exposition.
    func prometheusName<Series: MetricSeries>(_ series: Series.Type) -> String {
        Self.plain(name) + unit.suffix + (Series.kind == Counter.kind ? "_total" : "")
    }

    static func plain(_ name: String) -> String {
        String(name.map { $0 == "." ? "_" : $0 })
    }
}

/// Which instruments and labels somebody has asked for, beyond those that are always on.
package struct InstrumentChoice: Sendable {
    /// Names of experimental instruments, or of any.
    package var enabledInstruments: Set<String> = []
    package var disabledInstruments: Set<String> = []
    /// Keys of optional labels.
    package var enabledLabels: Set<String> = []

    package init() {}

    func isEnabled(_ instrument: Instrument) -> Bool {
        guard !disabledInstruments.contains(instrument.name) else { return false }
        return !instrument.isExperimental || enabledInstruments.contains(instrument.name)
    }
}
