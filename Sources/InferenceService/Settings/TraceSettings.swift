import Vocabulary

/// What is to be traced, for all models and where a model has words of its own.
///
/// A value that decides only. The settings are kept for who asks; which calls have spans is in the server's
/// configuration, since that is decided before the model of a call is known.
///
/// - Source: Triton's trace extension.
struct TraceSettings {
    /// What holds unless somebody says otherwise.
    static let initial: [String: [String]] = [
        "trace_file": [""], "trace_level": ["OFF"], "trace_rate": ["1000"], "trace_count": ["-1"],
        "log_frequency": ["0"],
    ]
    private static let levels: Set<String> = ["OFF", "TIMESTAMPS", "TENSORS"]

    private var common = initial
    private var ofModel: [ModelName: [String: [String]]] = [:]

    /// What holds for a model, or for all.
    func settings(of model: ModelName?) -> [String: [String]] {
        common.merging(model.flatMap { ofModel[$0] } ?? [:]) { $1 }
    }

    /// Changes some settings, or none when one of them is wrong; an empty value takes a setting back.
    ///
    /// - Throws: INVALID_ARGUMENT; UNIMPLEMENTED for the file.
    mutating func update(_ changes: [String: [String]], of model: ModelName?) throws(ServingError) {
        for (key, values) in changes { try Self.check(key, values) }
        for (key, values) in changes {
            if let model {
                ofModel[model, default: [:]][key] = values.isEmpty ? nil : values
            } else {
                common[key] = values.isEmpty ? Self.initial[key] : values
            }
        }
    }

    private static func check(_ key: String, _ values: [String]) throws(ServingError) {
        guard initial[key] != nil else {
            throw ServingError(
                .invalidArgument,
                "unknown trace setting '\(key.shown())', there are \(initial.keys.sorted().joined(separator: ", "))")
        }
        guard key != "trace_file" else {
            throw ServingError(
                .unimplemented, "trace file location can not be updated through network protocol",
                label: "trace_file")
        }
        guard !values.isEmpty else { return }
        if key == "trace_level" { return try checkLevels(values) }
        guard values.count == 1 else {
            throw ServingError(.invalidArgument, "expect only one value for '\(key)', got \(values.count)")
        }
        let isRight = key == "trace_count" ? Int32(values[0]).map { $0 >= -1 } : UInt32(values[0]).map { _ in true }
        guard isRight == true else {
            throw ServingError(.invalidArgument, "Unable to parse '\(key)', got: \(values[0].shown())")
        }
    }

    private static func checkLevels(_ values: [String]) throws(ServingError) {
        for level in values where !levels.contains(level) {
            throw ServingError(
                .invalidArgument,
                "unknown trace level '\(level.shown())', there are \(levels.sorted().joined(separator: ", "))")
        }
        guard !values.contains("OFF") || values.count == 1 else {
            throw ServingError(.invalidArgument, "Expect only one trace level 'OFF' is specified")
        }
    }
}
