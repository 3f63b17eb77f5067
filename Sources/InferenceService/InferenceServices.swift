package import Engine
package import Ledger
import Messages
package import RPC
package import Tenancy
package import Vocabulary

/// Every service of a server, bound together.
package struct InferenceServices: Sendable {
    private let openInference: OpenInferenceService
    private let text: TextService
    private let embeddingsInference: EmbeddingsInferenceService
    private let vision: VisionService
    private let graph: GraphService
    private let admin: AdminService
    private let shard: ShardService
    private let health: HealthService
    private let reflection = ReflectionService()

    /// - Parameters:
    ///   - engine: answers the calls.
    ///   - servingState: whether the server takes calls.
    ///   - tenants: whose calls come.
    ///   - ledger: what they have used; nil where nobody keeps one.
    ///   - clock: of the server.
    ///   - now: milliseconds since 1970, for what writes a date.
    ///   - serverVersion: as the server says it.
    ///   - extensions: what the server has beside its models.
    package init(
        engine: Engine, servingState: ServingState, tenants: TenantGate, ledger: UsageLedger? = nil,
        clock: any MonotonicClock, now: @escaping @Sendable () -> Int64, serverVersion: String,
        extensions: ServerExtensions = ServerExtensions()
    ) {
        openInference = OpenInferenceService(
            engine: engine, servingState: servingState, clock: clock, now: now, serverVersion: serverVersion,
            extensions: extensions)
        text = TextService(engine: engine, now: { now() / 1000 })
        embeddingsInference = EmbeddingsInferenceService(engine: engine, clock: clock, serverVersion: serverVersion)
        vision = VisionService(engine: engine)
        graph = GraphService(engine: engine)
        admin = AdminService(
            engine: engine, tenants: tenants, ledger: ledger, directory: extensions.directory, clock: clock,
            serverVersion: serverVersion)
        shard = ShardService(engine: engine, servingState: servingState)
        health = HealthService(services: ServiceDescriptors.apus.services)
        servingState.observe { [health] in health.setServing($0) }
    }

    /// Registers every method.
    package func register(in table: inout MethodTable, through gate: CallGate) {
        table.trailersOfUnhandledCalls = Consumption().metadata
        table.register(openInference, through: gate)
        table.register(serverStream: TextMethods.generate, through: gate) { [text] in
            try await text.generate($0, $1, to: $2)
        }
        table.register(TextMethods.embed, through: gate) { [text] in try await text.embed($0, $1) }
        table.register(clientStream: TextMethods.embedMany, through: gate) { [text] in
            try await text.embedMany($0, $1)
        }
        table.register(embeddingsInference, through: gate)
        table.register(VisionMethods.classify, through: gate) { [vision] in try await vision.classify($0, $1) }
        table.register(GraphMethods.predict, through: gate) { [graph] in try await graph.predict($0, $1) }
        table.register(GraphMethods.updateNodes, through: gate) { [graph] in try await graph.updateNodes($0, $1) }
        table.register(AdminMethods.getStatus, through: gate) { [admin] request, _ in admin.getStatus(request) }
        table.register(AdminMethods.getUsage, through: gate) { [admin] request, _ in try await admin.getUsage(request) }
        table.register(AdminMethods.listTenants, through: gate) { [admin] request, _ in admin.listTenants(request) }
        table.register(serverStream: ShardMethods.watch, through: gate) { [shard] request, _, writer in
            try await shard.watch(request, to: writer)
        }
        table.register(health, through: gate)
        table.register(reflection, through: gate)
    }

    /// Ends the calls that would go on for as long as the server lives; for when it drains.
    package func endWatches() {
        health.endWatches()
    }
}
