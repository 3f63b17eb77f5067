import Engine
package import Messages
import Routing
import Spans
import Synchronization
import Telemetry
package import Vocabulary

extension OpenInferenceService {
    /// Tells which calls are recorded; an admin changes it, from the next call on.
    ///
    /// - Throws: PERMISSION_DENIED; NOT_FOUND for a model that is not there; FAILED_PRECONDITION on a server that
    ///   exports no spans; as `TraceSettings.apply`.
    package func traceSetting(
        _ request: TraceSettingRequest, _ call: CallContext
    ) throws(ServingError) -> TraceSettingResponse {
        var model: ModelName?
        if !request.modelName.isEmpty {
            let selector = try ModelSelector(name: request.modelName)
            if directory?.knows(selector) != true { _ = try engine.description(of: selector) }
            model = selector.name
        }
        let changes = request.settings.mapValues(\.value)
        if !changes.isEmpty { try call.requireAdmin(to: "change trace settings") }
        let settings = try traceSettings(changing: changes, of: model)
        return TraceSettingResponse(settings: settings.mapValues { .init(value: $0) })
    }

    private func traceSettings(
        changing changes: [String: [String]], of model: ModelName?
    ) throws(ServingError) -> [String: [String]] {
        guard let spanRules else {
            var unused = SpanRules(sampleRatio: 0)
            try TraceSettings.apply(changes, of: model, to: &unused)
            guard changes.isEmpty else {
                throw ServingError(
                    .failedPrecondition,
                    "this server has nowhere to put spans: 'tracing' in its configuration says where",
                    label: "no_tracing")
            }
            return TraceSettings.none
        }
        return try spanRules.update { (rules) throws(ServingError) in
            try TraceSettings.apply(changes, of: model, to: &rules)
            return TraceSettings.all(of: model, in: rules)
        }
    }

    /// Tells how much is logged; an admin changes it, from the next line on.
    ///
    /// - Throws: PERMISSION_DENIED; FAILED_PRECONDITION where the log cannot be changed; as `LogSettings.update`.
    package func logSettings(
        _ request: LogSettingsRequest, _ call: CallContext
    ) throws(ServingError) -> LogSettingsResponse {
        guard !request.settings.isEmpty else { return LogSettingsResponse(settings: log.settings.all) }
        try call.requireAdmin(to: "change log settings")
        return LogSettingsResponse(settings: try log.update(request.settings).all)
    }
}

/// The settings of the log, and the threshold that they set.
///
/// - Isolation: any thread.
final class LogControl: Sendable {
    private let threshold: LogThreshold?
    private let state: Mutex<LogSettings>

    /// - Parameter threshold: of the server's log; nil where it cannot be changed.
    init(_ threshold: LogThreshold?) {
        self.threshold = threshold
        state = Mutex(LogSettings(threshold?.severities ?? LogThreshold.Severities(from: .info)))
    }

    var settings: LogSettings { state.withLock { $0 } }

    /// Changes some settings.
    ///
    /// - Returns: what holds now.
    /// - Throws: FAILED_PRECONDITION where the log cannot be changed; as `LogSettings.update`.
    func update(_ changes: [String: LogSettingsRequest.SettingValue]) throws(ServingError) -> LogSettings {
        guard let threshold else {
            throw ServingError(
                .failedPrecondition, "the log of this server cannot be changed while it runs", label: "log_fixed")
        }
        let updated: Result<LogSettings, ServingError> = state.withLock { settings in
            Result { () throws(ServingError) in
                try settings.update(changes)
                threshold.severities = settings.severities
                return settings
            }
        }
        return try updated.get()
    }
}
