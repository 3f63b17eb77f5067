import Messages
import Spans
import Telemetry
import Testing
import Vocabulary

@testable import InferenceService

@Suite struct TraceSettingsTests {
    private let model = ModelName("m")

    /// The settings after changes.
    private func all(_ rules: inout SpanRules, _ changes: [String: [String]], of model: ModelName? = nil) throws
        -> [String: String]
    {
        try TraceSettings.apply(changes, of: model, to: &rules)
        return TraceSettings.all(of: model, in: rules).mapValues { $0.joined(separator: " ") }
    }

    @Test("what a model has of its own wins over what holds for all, until it is taken back")
    func ofModels() throws {
        var rules = SpanRules(sampleRatio: 0)
        #expect(TraceSettings.all(of: model, in: rules) == TraceSettings.none)
        #expect(try all(&rules, ["trace_rate": ["7"], "trace_level": ["TIMESTAMPS"]])["trace_level"] == "TIMESTAMPS")
        #expect(try all(&rules, ["trace_rate": ["9"]], of: model)["trace_rate"] == "9")
        #expect(try all(&rules, [:], of: model)["trace_level"] == "TIMESTAMPS")
        #expect(try all(&rules, [:])["trace_rate"] == "7")
        #expect(try all(&rules, ["trace_rate": []], of: model)["trace_rate"] == "7")
        #expect(try all(&rules, ["trace_level": ["OFF"]], of: model)["trace_level"] == "OFF")
        #expect(try all(&rules, ["trace_level": [], "trace_rate": []])["trace_level"] == "OFF")
        _ = try all(&rules, ["trace_level": []], of: model)
        #expect(rules.isEmpty, "what was configured holds again")
        #expect(try all(&rules, ["log_frequency": ["0"]]) == TraceSettings.none.mapValues { $0[0] } && rules.isEmpty)
    }

    @Test("a count says how many are left")
    func counts() throws {
        var rules = SpanRules(sampleRatio: 1)
        #expect(try all(&rules, ["trace_count": ["2"]])["trace_count"] == "2")
        #expect(rules.decide(try #require(model), hasParent: false) == .record)
        #expect(try all(&rules, [:])["trace_count"] == "1")
        #expect(try all(&rules, ["trace_count": ["-1"]])["trace_count"] == "-1")
        #expect(rules[model: nil].count == .unlimited)
    }

    @Test(
        "a wrong setting is named, and so is one that cannot be had",
        arguments: [
            ("trace_speed", ["1"], .invalidArgument, "unknown trace setting 'trace_speed'"),
            ("trace_file", ["x"], .unimplemented, "can not be updated"),
            ("trace_level", ["ALL"], .invalidArgument, "unknown trace level 'ALL'"),
            ("trace_level", ["OFF", "TENSORS"], .invalidArgument, "Expect only one trace level 'OFF'"),
            ("trace_level", ["TIMESTAMPS", "TENSORS"], .unimplemented, "spans have no tensors"),
            ("trace_rate", ["-1"], .invalidArgument, "Unable to parse 'trace_rate', got: -1"),
            ("trace_rate", ["1", "2"], .invalidArgument, "expect only one value for 'trace_rate'"),
            ("trace_count", ["-2"], .invalidArgument, "Unable to parse 'trace_count'"),
            ("log_frequency", ["x"], .invalidArgument, "Unable to parse"),
            ("log_frequency", ["50"], .unimplemented, "'log_frequency' is always 0"),
        ] as [(String, [String], StatusCode, String)])
    func wrong(key: String, values: [String], code: StatusCode, words: String) {
        var rules = SpanRules(sampleRatio: 0)
        let error = #expect(throws: ServingError.self) {
            try TraceSettings.apply([key: values], of: nil, to: &rules)
        }
        #expect(error?.code == code && error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
}

@Suite struct LogSettingsTests {
    private typealias Severity = LogThreshold.Severity

    private func settings(_ severity: LogThreshold.Severity) -> LogSettings { LogSettings(.init(from: severity)) }

    @Test("settings come to the levels that they were made of", arguments: LogThreshold.Severity.allCases)
    func thresholds(threshold: LogThreshold.Severity) {
        #expect(settings(threshold).severities == LogThreshold.Severities(from: threshold))
    }

    @Test("each setting switches its own level, and no other one")
    func levels() throws {
        func written(_ key: String, _ value: LogSettingsRequest.SettingValue.ParameterChoice) throws -> [Severity] {
            var settings = settings(.info)
            try settings.update([key: .init(parameterChoice: value)])
            return Severity.allCases.filter(settings.severities.contains)
        }
        #expect(try written("log_info", .boolParam(false)) == [.warning, .error, .critical])
        #expect(try written("log_warning", .boolParam(false)) == [.info, .notice, .error, .critical])
        #expect(try written("log_error", .boolParam(false)) == [.info, .notice, .warning, .critical])
        #expect(try written("log_verbose_level", .uint32Param(1)) == Severity.allCases.filter { $0 != .trace })
        #expect(try written("log_verbose_level", .uint32Param(2)) == Severity.allCases)
        #expect(try written("log_format", .stringParam("ISO8601")) == Severity.allCases.filter { $0.rawValue >= 2 })
    }

    @Test("notices go on until something is said about infos")
    func notices() throws {
        var settings = settings(.notice)
        try settings.update(["log_error": .init(parameterChoice: .boolParam(true))])
        #expect(settings.severities.contains(.notice) && !settings.severities.contains(.info))
        try settings.update(["log_info": .init(parameterChoice: .boolParam(false))])
        #expect(!settings.severities.contains(.notice))
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
        var settings = settings(.info)
        let error = #expect(throws: ServingError.self) {
            try settings.update([
                key: .init(parameterChoice: value), "log_warning": .init(parameterChoice: .boolParam(false)),
            ])
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(settings == self.settings(.info))
    }

    @Test("the log follows, where it can")
    func control() throws {
        let threshold = LogThreshold(.notice)
        let control = LogControl(threshold)
        #expect(control.settings.severities.least == .notice)
        _ = try control.update(["log_info": .init(parameterChoice: .boolParam(true))])
        #expect(threshold.severity == .info)
        let error = #expect(throws: ServingError.self) {
            try LogControl(nil).update(["log_info": .init(parameterChoice: .boolParam(true))])
        }
        #expect(error?.code == .failedPrecondition)
    }
}
