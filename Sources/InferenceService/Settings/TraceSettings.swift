import Spans
import Vocabulary

/// Which calls are recorded, in the words of Triton's clients.
///
/// ```
/// trace_level      OFF, or TIMESTAMPS: spans of calls, with the times that they have
/// trace_rate       of so many calls one is recorded; 0: only those whose callers want it
/// trace_count      how many more are recorded; -1: no limit
/// trace_file       where spans go is in the server's configuration
/// log_frequency    always 0: spans leave within a second
/// ```
///
/// - Source: Triton's trace extension. Of its two modes this is `opentelemetry`, which has no tensors in traces and
///   records calls that bring a recorded trace whatever rate and count are.
enum TraceSettings {
    private static let names = ["log_frequency", "trace_count", "trace_file", "trace_level", "trace_rate"]

    /// What a server says that exports no spans.
    static let none: [String: [String]] = [
        "trace_file": [""], "trace_level": ["OFF"], "trace_rate": ["1000"], "trace_count": ["-1"],
        "log_frequency": ["0"],
    ]

    /// What holds for a model, or for all.
    static func all(of model: ModelName?, in rules: SpanRules) -> [String: [String]] {
        let (isOn, rate, count) = rules.effective(of: model)
        var settings = none
        settings["trace_level"] = [isOn ? "TIMESTAMPS" : "OFF"]
        settings["trace_rate"] = ["\(rate)"]
        if case .left(let left) = count { settings["trace_count"] = ["\(left)"] }
        return settings
    }

    /// Changes some settings; an empty value takes a setting back.
    ///
    /// - Throws: INVALID_ARGUMENT; UNIMPLEMENTED for what cannot be changed here; RESOURCE_EXHAUSTED when too many
    ///   models have settings of their own. The rules are then of no use.
    static func apply(
        _ changes: [String: [String]], of model: ModelName?, to rules: inout SpanRules
    ) throws(ServingError) {
        if let model, !changes.isEmpty, !rules.hasRoom(for: model) {
            throw ServingError(
                .resourceExhausted,
                "\(SpanRules.modelCountMax) models have trace settings of their own; take back those of another one")
        }
        var rule = rules[model: model]
        for (key, values) in changes { try set(key, values, in: &rule) }
        rules[model: model] = rule
    }

    private static func set(
        _ key: String, _ values: [String], in rule: inout SpanRules.Rule
    ) throws(ServingError) {
        switch key {
        case "trace_level": rule.isOn = values.isEmpty ? nil : try isOn(values)
        case "trace_rate":
            rule.rate = try number(key, values).map { (text) throws(ServingError) in try unsigned(key, text) }
        case "trace_count":
            rule.count = try number(key, values).map { (text) throws(ServingError) in
                text == "-1" ? .unlimited : .left(try unsigned(key, text))
            }
        case "log_frequency":
            guard let text = try number(key, values), try unsigned(key, text) != 0 else { return }
            throw ServingError(
                .unimplemented, "'log_frequency' is always 0: spans leave the server within a second",
                label: "log_frequency")
        case "trace_file":
            throw ServingError(
                .unimplemented, "trace file location can not be updated through network protocol",
                label: "trace_file")
        default:
            throw ServingError(
                .invalidArgument,
                "unknown trace setting '\(key.shown())', there are \(names.joined(separator: ", "))")
        }
    }

    /// The one value; nil for none.
    private static func number(_ key: String, _ values: [String]) throws(ServingError) -> String? {
        guard values.count <= 1 else {
            throw ServingError(.invalidArgument, "expect only one value for '\(key)', got \(values.count)")
        }
        return values.first
    }

    private static func unsigned(_ key: String, _ text: String) throws(ServingError) -> UInt32 {
        guard let number = UInt32(text) else {
            throw ServingError(.invalidArgument, "Unable to parse '\(key)', got: \(text.shown())")
        }
        return number
    }

    private static func isOn(_ levels: [String]) throws(ServingError) -> Bool {
        for level in levels where !["OFF", "TIMESTAMPS", "TENSORS"].contains(level) {
            throw ServingError(
                .invalidArgument, "unknown trace level '\(level.shown())', there are OFF, TIMESTAMPS")
        }
        guard !levels.contains("OFF") || levels.count == 1 else {
            throw ServingError(.invalidArgument, "Expect only one trace level 'OFF' is specified")
        }
        guard !levels.contains("TENSORS") else {
            throw ServingError(
                .unimplemented, "trace level TENSORS is not supported: spans have no tensors", label: "trace_tensors")
        }
        return levels != ["OFF"]
    }
}
