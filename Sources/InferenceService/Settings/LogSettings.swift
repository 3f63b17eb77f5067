import Messages
import Telemetry
import Vocabulary

/// How much is logged, in the words of Triton's clients: decisions only, in a value.
///
/// - Source: Triton's logging extension.
struct LogSettings: Equatable {
    /// Times in the log are as ISO 8601 has them.
    static let format = "ISO8601"

    private(set) var writesInfo: Bool
    private(set) var writesWarnings: Bool
    private(set) var writesErrors: Bool
    private(set) var verboseLevel: UInt32

    /// The settings that come to a threshold.
    init(_ threshold: LogThreshold.Severity) {
        typealias Severity = LogThreshold.Severity
        writesInfo = threshold.rawValue <= Severity.info.rawValue
        writesWarnings = threshold.rawValue <= Severity.warning.rawValue
        writesErrors = threshold.rawValue <= Severity.error.rawValue
        verboseLevel = UInt32(max(0, Severity.info.rawValue - threshold.rawValue))
    }

    /// The threshold that they come to: levels are nested, so that the lowest that is wanted counts.
    var threshold: LogThreshold.Severity {
        if verboseLevel > 1 { return .trace }
        if verboseLevel == 1 { return .debug }
        if writesInfo { return .info }
        if writesWarnings { return .warning }
        return writesErrors ? .error : .critical
    }

    /// Every setting by name.
    var all: [String: LogSettingsResponse.SettingValue] {
        [
            "log_file": .init(parameterChoice: .stringParam("")),
            "log_info": .init(parameterChoice: .boolParam(writesInfo)),
            "log_warning": .init(parameterChoice: .boolParam(writesWarnings)),
            "log_error": .init(parameterChoice: .boolParam(writesErrors)),
            "log_verbose_level": .init(parameterChoice: .uint32Param(verboseLevel)),
            "log_format": .init(parameterChoice: .stringParam(Self.format)),
        ]
    }

    /// Changes some settings, or none when one of them is wrong.
    ///
    /// - Throws: INVALID_ARGUMENT; UNIMPLEMENTED for the file.
    mutating func update(_ changes: [String: LogSettingsRequest.SettingValue]) throws(ServingError) {
        var changed = self
        for (key, value) in changes { try changed.set(key, value.parameterChoice) }
        self = changed
    }

    private mutating func set(
        _ key: String, _ value: LogSettingsRequest.SettingValue.ParameterChoice?
    ) throws(ServingError) {
        switch (key, value) {
        case ("log_info", .boolParam(let isOn)?): writesInfo = isOn
        case ("log_warning", .boolParam(let isOn)?): writesWarnings = isOn
        case ("log_error", .boolParam(let isOn)?): writesErrors = isOn
        case ("log_verbose_level", .uint32Param(let level)?): verboseLevel = level
        case ("log_format", .stringParam(Self.format)?): break
        case ("log_format", _):
            throw ServingError(.invalidArgument, "'log_format' is always \(Self.format)")
        case ("log_file", _):
            throw ServingError(
                .unimplemented, "log file location can not be updated through network protocol", label: "log_file")
        case ("log_info", _), ("log_warning", _), ("log_error", _):
            throw ServingError(.invalidArgument, "expected a bool_param for '\(key)'")
        case ("log_verbose_level", _):
            throw ServingError(.invalidArgument, "expected a uint32_param for '\(key)'")
        default:
            throw ServingError(.invalidArgument, "unknown log setting '\(key.shown())'")
        }
    }
}
