import Engine
package import Messages
import Routing
import Synchronization
import Telemetry
package import Vocabulary

extension OpenInferenceService {
    /// Tells what is to be traced; an admin changes it.
    ///
    /// - Throws: PERMISSION_DENIED; NOT_FOUND for a model that is not there; as `TraceSettings.update`.
    package func traceSetting(
        _ request: TraceSettingRequest, _ call: CallContext
    ) throws(ServingError) -> TraceSettingResponse {
        var model: ModelName?
        if !request.modelName.isEmpty {
            let selector = try ModelSelector(name: request.modelName)
            _ = try engine.description(of: selector)
            model = selector.name
        }
        if !request.settings.isEmpty { try call.requireAdmin(to: "change trace settings") }
        let settings = try trace.update(request.settings.mapValues(\.value), of: model)
        return TraceSettingResponse(settings: settings.mapValues { .init(value: $0) })
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

/// The trace settings of a server.
///
/// - Isolation: any thread.
final class SharedTraceSettings: Sendable {
    private let settings = Mutex(TraceSettings())

    /// Changes some settings, or none.
    ///
    /// - Returns: what holds now for the model, or for all.
    /// - Throws: as `TraceSettings.update`.
    func update(_ changes: [String: [String]], of model: ModelName?) throws(ServingError) -> [String: [String]] {
        let updated: Result<[String: [String]], ServingError> = settings.withLock { settings in
            Result { () throws(ServingError) in
                try settings.update(changes, of: model)
                return settings.settings(of: model)
            }
        }
        return try updated.get()
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
        state = Mutex(LogSettings(threshold?.severity ?? .info))
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
                threshold.severity = settings.threshold
                return settings
            }
        }
        return try updated.get()
    }
}
