import Engine
import EventLoops
import InferenceService
import Messages
import RPC
import RPCTransport
import Routing
import Spans
import Synchronization
import Telemetry
import Tenancy
import Vocabulary

/// Every service on the loopback interface, in plaintext, and a channel to it, for the length of a closure.
struct WholeServer {
    let engine: Engine
    let servingState: ServingState
    let services: InferenceServices
    let server: RPCServer
    let channel: RPCChannel

    static func with(
        allowsSharedMemory: Bool = false, tracing: CallTracing? = nil, spanRules: SharedSpanRules? = nil,
        impliedModel: ModelName? = nil, tenants: TenantGate = CallGate.openTenants, record: CallGate.Record? = nil,
        configureChannel: (inout RPCChannelConfiguration) -> Void = { _ in },
        _ body: (WholeServer) async throws -> Void
    ) async throws {
        let loops = try EventLoopGroup(name: "test", loopCount: 2)
        let engine = Engine(configuration: EngineConfiguration(threadCount: 1), clock: Vocabulary.SystemClock())
        let servingState = ServingState()
        var extensions = ServerExtensions()
        extensions.sharedMemoryByteCountMax = allowsSharedMemory ? 4 << 20 : nil
        extensions.spanRules = spanRules
        let services = InferenceServices(
            engine: engine, servingState: servingState, tenants: tenants, clock: Vocabulary.SystemClock(),
            now: { 0 }, serverVersion: "test", extensions: extensions)
        var methods = MethodTable()
        let gate = CallGate(
            tenants: tenants, record: record, isServed: { engine.isReady(ModelSelector(name: $0)) },
            impliedModels: ImpliedModels(configured: impliedModel, engine: engine), tracing: tracing)
        services.register(in: &methods, through: gate)
        let server = try await RPCServer(
            configuration: RPCServerConfiguration(), methods: methods, loops: loops,
            observer: tracing.map { tracing in CallObserver { tracing.callDidEnd($0) } })
        var channelConfiguration = RPCChannelConfiguration(host: "127.0.0.1", port: server.address.port)
        configureChannel(&channelConfiguration)
        let channel = RPCChannel(configuration: channelConfiguration, loops: loops)
        let result: Result<Void, any Error>
        do {
            try await body(
                WholeServer(
                    engine: engine, servingState: servingState, services: services, server: server, channel: channel))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await channel.close()
        await server.drain(deadline: Deadline(Vocabulary.SystemClock().now()))
        loops.stop()
        await engine.shutdown()
        try result.get()
    }

    func call<Request: Message, Response: Message>(
        _ method: MethodSignature<Request, Response>, _ request: Request
    ) async throws -> Response {
        let answer = try await channel.unary(Bytes(utf8: method.path), request.encoded())
        return try Response(decoding: answer.message)
    }
}

extension CallGate {
    /// Lets everybody in as tenant `local`.
    static let open = CallGate(tenants: openTenants)

    static let openTenants = TenantGate(
        TenantTable(anonymousTenant: TenantID("local")),
        clocks: .init(monotonic: Vocabulary.SystemClock(), unixSeconds: { 0 }))
}
