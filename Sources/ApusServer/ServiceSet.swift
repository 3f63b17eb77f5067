import Engine
import Foundation
import InferenceService
import Ledger
import Logging
import RPC
import Routing
import Telemetry
import Tenancy
import Vocabulary

/// Every service of a server in one method table, and what they share.
final class ServiceSet: Sendable {
    let methods: MethodTable
    let observer: CallObserver
    private let servingState = ServingState()
    private let services: InferenceServices
    /// Whose table may be replaced while calls go on.
    let tenants: TenantGate
    /// What makes spans of calls; nil where nobody wants any.
    let tracing: ServerTracing?
    /// Other servers that answer calls; nil where there are none.
    let directory: ShardDirectory?

    init(
        engine: Engine, tenants: TenantGate, configuration: ServerConfiguration, extensions: ServerExtensions,
        ledger: UsageLedger?, tracing: ServerTracing?, clock: any MonotonicClock, logger: Logger, lines: LogLines
    ) {
        self.tenants = tenants
        self.tracing = tracing
        let log = CallLog(configuration.accessLog, lines: lines, clock: clock)
        let record = ledger.map { ledger -> CallGate.Record in { ledger.record($0, of: $1, model: $2) } }
        directory = configuration.shards.map { shards in
            ShardDirectory(affinityLead: shards.affinity?.lead ?? 0, clock: clock)
        }
        let forwarder = directory.map { directory in
            Forwarder(
                directory: directory, responseByteCountMax: configuration.limits.messageByteCountMax,
                affinityByteCount: configuration.shards?.affinity?.prefixByteCount ?? 0
            ) { engine.isReady($0) }
        }
        let impliedModels = ImpliedModels(configured: configuration.teiModel, engine: engine, directory: directory)
        let gate = CallGate(
            tenants: tenants, record: record, forwarder: forwarder,
            isServed: { engine.isReady(ModelSelector(name: $0)) }, impliedModels: impliedModels,
            tracing: tracing?.calls)
        var methods = MethodTable()
        var extensions = extensions
        extensions.directory = directory
        extensions.spanRules = tracing?.rules
        services = InferenceServices(
            engine: engine, servingState: servingState, tenants: tenants, ledger: ledger, clock: clock,
            now: { Int64(Date().timeIntervalSince1970 * 1000) }, serverVersion: ServerVersion.current,
            extensions: extensions)
        services.register(in: &methods, through: gate)
        self.methods = methods
        observer = CallObserver { record in
            log.callDidEnd(record)
            tracing?.calls.callDidEnd(record)
        }
    }

    /// The tenants of a server, whose budgets go on where the ledger has them.
    static func tenants(
        _ configuration: ServerConfiguration, ledger: UsageLedger?, clock: any MonotonicClock, logger: Logger
    ) -> TenantGate {
        // Refused calls have the ledger's writer ask at once, so it is worth coming again soon.
        let desk = configuration.ledger.flatMap { file in
            ledger?.isShared == true
                ? AdvanceDesk(retryNanoseconds: min(file.writeNanoseconds, 1_000_000_000)) : nil
        }
        return TenantGate(
            configuration.effectiveTenants,
            clocks: .init(monotonic: clock, unixSeconds: { Int64(Date().timeIntervalSince1970) }), desk: desk
        ) { tenant, period in
            do {
                return try ledger?.spent(by: tenant, in: period) ?? SpentAmounts()
            } catch {
                logger.error(
                    "a budget refuses calls until the ledger can be read", metadata: ["detail": "\(error)"])
                return nil
            }
        }
    }

    var isServing: Bool { servingState.isServing }

    /// Says to everyone who asks or watches that the server takes calls.
    func beginServing() {
        servingState.isServing = true
    }

    /// Says that it does not any more, and lets go of those who watch, so that they do not hold up the drain.
    func endServing() {
        servingState.isServing = false
        services.endWatches()
    }
}
