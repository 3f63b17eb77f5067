package import Engine
package import Ledger
package import Messages
import Models
import Routing
package import Tenancy
package import Vocabulary

/// `apus.admin.v1.Admin`: what the server does and has done.
package struct AdminService: Sendable {
    private let engine: Engine
    private let clock: any MonotonicClock
    private let start: MonotonicTime
    private let serverVersion: String
    let tenants: TenantGate
    let ledger: UsageLedger?

    package init(
        engine: Engine, tenants: TenantGate, ledger: UsageLedger?, clock: any MonotonicClock, serverVersion: String
    ) {
        self.engine = engine
        self.tenants = tenants
        self.ledger = ledger
        self.clock = clock
        self.serverVersion = serverVersion
        start = clock.now()
    }

    /// A snapshot of every model's counters.
    package func getStatus(_ request: GetStatusRequest) -> GetStatusResponse {
        GetStatusResponse(
            serverVersion: serverVersion, uptimeMicroseconds: clock.now().nanoseconds(since: start) / 1000,
            models: engine.models.map { description in
                let selector = ModelSelector(name: description.name, version: description.version)
                return ModelStatus(
                    name: description.name.name, version: description.version.description,
                    modality: .init(description.modality), state: .ready,
                    counters: (try? engine.counters(of: selector)).map { .init($0) })
            })
    }
}

extension Messages.Modality {
    fileprivate init(_ modality: Models.Modality) {
        switch modality {
        case .text: self = .text
        case .graph: self = .graph
        case .vision: self = .vision
        case .tensor: self = .unspecified
        }
    }
}

extension Messages.ModelCounters {
    fileprivate init(_ counters: EngineCounters) {
        self.init(
            requests: counters.requestCount, failures: counters.failureCount, executions: counters.executionCount,
            samples: counters.sampleCount, queueDepth: UInt64(clamping: counters.queuedRequestCount),
            generatedTokens: counters.generatedTokenCount,
            cachePagesUsed: UInt64(clamping: counters.cachePageCountUsed),
            cachePagesTotal: UInt64(clamping: counters.cachePageCountTotal))
    }
}
