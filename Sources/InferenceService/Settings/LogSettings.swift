import Messages
import Telemetry
import Vocabulary

/// How much is logged, in the words of Triton's clients: decisions only, in a value.
///
/// Each level is on or off for itself. Notices, which they do not know, follow `log_info`; what ends the server is
/// always written.
///
/// - Source: Triton's logging extension.
struct LogSettings: Equatable {
    /// Times in the log are as ISO 8601 has them.
    static let format = "ISO8601"

    private(set) var writesInfo: Bool
    /// With `log_info`, once that is said.
    private var writesNotices: Bool
    private(set) var writesWarnings: Bool
    private(set) var writesErrors: Bool
    private(set) var verboseLevel: UInt32

    /// The settings that come to these levels.
    init(_ severities: LogThreshold.Severities) {
        writesInfo = severities.contains(.info)
        writesNotices = severities.contains(.notice)
        writesWarnings = severities.contains(.warning)
        writesErrors = severities.contains(.error)
        verboseLevel = severities.contains(.trace) ? 2 : severities.contains(.debug) ? 1 : 0
    }

    /// The levels that they come to.
    var severities: LogThreshold.Severities {
        var severities = LogThreshold.Severities()
        for (severity, isWritten) in [
            (LogThreshold.Severity.trace, verboseLevel > 1), (.debug, verboseLevel > 0), (.info, writesInfo),
            (.notice, writesNotices), (.warning, writesWarnings), (.error, writesErrors),
        ] where isWritten {
            severities.insert(severity)
        }
        return severities
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
        case ("log_info", .boolParam(let isOn)?): (writesInfo, writesNotices) = (isOn, isOn)
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
