import Engine
import Foundation
import InferenceService
import Logging
import RPC
import Tenancy
import Vocabulary

/// Every service of a server in one method table, and what they share.
final class ServiceSet: Sendable {
    let methods: MethodTable
    let observer: CallObserver
    private let readiness = InferenceService.Readiness()
    private let services: InferenceServices

    init(
        engine: Engine, tenants: TenantTable, extensions: ServerExtensions, clock: any MonotonicClock, logger: Logger
    ) {
        let log = CallLog(logger: logger, clock: clock)
        let gate = CallGate(tenants: TenantGate(tenants), clock: clock) { log.callDidEnd($0, $1) }
        var methods = MethodTable()
        services = InferenceServices(
            engine: engine, readiness: readiness, clock: clock,
            now: { Int64(Date().timeIntervalSince1970 * 1000) }, serverVersion: ServerVersion.current,
            extensions: extensions)
        services.register(in: &methods, through: gate)
        self.methods = methods
        observer = CallObserver { record in
            // A registered method writes its own line, with its tenant and model.
            if record.method == nil { log.callWasRefused(record) }
        }
    }

    var isServing: Bool { readiness.isServing }

    /// Says to everyone who asks or watches that the server takes calls.
    func beginServing() {
        readiness.isServing = true
    }

    /// Says that it does not any more, and lets go of those who watch, so that they do not hold up the drain.
    func endServing() {
        readiness.isServing = false
        services.endWatches()
    }
}
