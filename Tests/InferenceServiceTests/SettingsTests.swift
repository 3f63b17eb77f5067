import Messages
import Telemetry
import Testing
import Vocabulary

@testable import InferenceService

@Suite struct TraceSettingsTests {
    private let model = ModelName("m")

    @Test("what a model has of its own wins over what holds for all, until it is taken back")
    func ofModels() throws {
        var settings = TraceSettings()
        #expect(settings.settings(of: model) == TraceSettings.initial)
        try settings.update(["trace_rate": ["7"], "trace_level": ["TIMESTAMPS", "TENSORS"]], of: nil)
        try settings.update(["trace_rate": ["9"]], of: model)
        #expect(settings.settings(of: nil)["trace_rate"] == ["7"])
        #expect(settings.settings(of: model)["trace_rate"] == ["9"])
        #expect(settings.settings(of: model)["trace_level"] == ["TIMESTAMPS", "TENSORS"])
        try settings.update(["trace_rate": []], of: model)
        #expect(settings.settings(of: model)["trace_rate"] == ["7"])
        try settings.update(["trace_rate": []], of: nil)
        #expect(settings.settings(of: nil)["trace_rate"] == ["1000"])
    }

    @Test(
        "a wrong setting is named, and none of the others is changed",
        arguments: [
            ("trace_speed", ["1"], "unknown trace setting 'trace_speed'"), ("trace_file", ["x"], "can not be updated"),
            ("trace_level", ["ALL"], "unknown trace level 'ALL'"),
            ("trace_level", ["OFF", "TENSORS"], "Expect only one trace level 'OFF'"),
            ("trace_rate", ["-1"], "Unable to parse 'trace_rate', got: -1"),
            ("trace_rate", ["1", "2"], "expect only one value for 'trace_rate'"),
            ("trace_count", ["-2"], "Unable to parse 'trace_count'"), ("log_frequency", ["x"], "Unable to parse"),
        ])
    func wrong(key: String, values: [String], words: String) {
        var settings = TraceSettings()
        let error = #expect(throws: ServingError.self) {
            try settings.update(["trace_count": ["5"]].merging([key: values]) { $1 }, of: nil)
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(settings.settings(of: nil) == TraceSettings.initial)
    }
}

@Suite struct LogSettingsTests {
    /// A notice they do not know: it becomes the next that writes less.
    @Test("settings come to the threshold that they were made of", arguments: LogThreshold.Severity.allCases)
    func thresholds(threshold: LogThreshold.Severity) {
        #expect(LogSettings(threshold).threshold == (threshold == .notice ? .warning : threshold))
    }

    @Test("the lowest level that is wanted counts")
    func nested() throws {
        var settings = LogSettings(.info)
        try settings.update(["log_info": .init(parameterChoice: .boolParam(false))])
        #expect(settings.threshold == .warning)
        try settings.update(["log_warning": .init(parameterChoice: .boolParam(false))])
        #expect(settings.threshold == .error)
        try settings.update(["log_error": .init(parameterChoice: .boolParam(false))])
        #expect(settings.threshold == .critical)
        try settings.update(["log_verbose_level": .init(parameterChoice: .uint32Param(1))])
        #expect(settings.threshold == .debug)
        #expect(settings.all["log_info"]?.parameterChoice == .boolParam(false))
    }

    @Test(
        "a wrong setting is named, and none of the others is changed",
        arguments: [
            ("log_speed", .boolParam(true), "unknown log setting 'log_speed'"),
            ("log_file", .stringParam("x"), "can not be updated"),
            ("log_format", .stringParam("default"), "always ISO8601"), ("log_info", nil, "a bool_param for 'log_info'"),
            ("log_error", .uint32Param(1), "a bool_param for 'log_error'"),
            ("log_verbose_level", .boolParam(true), "a uint32_param"),
        ] as [(String, LogSettingsRequest.SettingValue.ParameterChoice?, String)])
    func wrong(key: String, value: LogSettingsRequest.SettingValue.ParameterChoice?, words: String) {
        var settings = LogSettings(.info)
        let error = #expect(throws: ServingError.self) {
            try settings.update([
                key: .init(parameterChoice: value), "log_warning": .init(parameterChoice: .boolParam(false)),
            ])
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(settings == LogSettings(.info))
    }

    @Test("the log follows, where it can")
    func control() throws {
        let threshold = LogThreshold(.notice)
        let control = LogControl(threshold)
        #expect(control.settings.threshold == .warning)
        _ = try control.update(["log_info": .init(parameterChoice: .boolParam(true))])
        #expect(threshold.severity == .info)
        let error = #expect(throws: ServingError.self) {
            try LogControl(nil).update(["log_info": .init(parameterChoice: .boolParam(true))])
        }
        #expect(error?.code == .failedPrecondition)
    }
}
