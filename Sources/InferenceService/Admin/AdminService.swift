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
    private let directory: ShardDirectory?

    package init(
        engine: Engine, tenants: TenantGate, ledger: UsageLedger?, directory: ShardDirectory? = nil,
        clock: any MonotonicClock, serverVersion: String
    ) {
        self.directory = directory
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
            models: (ownModels + shardModels).sorted { ($0.name, $0.version) < ($1.name, $1.version) })
    }

    private var ownModels: [ModelStatus] {
        engine.models.map { description in
            let selector = ModelSelector(name: description.name, version: description.version)
            return ModelStatus(
                name: description.name.name, version: description.version.description,
                modality: .init(description.modality),
                state: engine.isResting(description.name, description.version) ? .resting : .ready,
                counters: (try? engine.counters(of: selector)).map { .init($0) },
                residentBytes: UInt64((try? engine.terms(of: selector))?.residentByteCount ?? 0))
        }
    }

    /// What the servers behind this one serve, but for what it serves itself.
    private var shardModels: [ModelStatus] {
        (directory?.models ?? []).compactMap { model in
            guard !engine.isReady(ModelSelector(name: model.name, version: model.version)) else { return nil }
            let isReady = !model.replicas.isEmpty
            return ModelStatus(
                name: model.name.name, version: model.version.description,
                modality: Models.Modality(rawValue: model.modality).map { .init($0) } ?? .unspecified,
                state: isReady ? .ready : .failed,
                stateReason: isReady ? "" : "no shard that serves it can be reached",
                shards: model.replicas.map(\.address))
        }
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
