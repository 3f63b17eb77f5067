import Dispatch
import Engine
import EventLoops
import InferenceService
import Messages
import Models
import RPC
import RPCTransport
import Routing
import Synchronization
import Tenancy
import TestSupport
import Vocabulary

/// A whole server on loopback in this process, and a channel to it; started once, and never stopped.
///
/// - Isolation: the fuzzing thread, which waits for each call; everything else is on one loop and the engine's thread.
final class ServicesBench: Sendable {
    /// Longer answers are cut off: a text of a few hundred tokens takes long under a sanitizer.
    private static let timeoutNanoseconds: UInt64 = 200_000_000
    private static let responseCountMax = 100

    static let shared: Result<ServicesBench, any Error> = Result {
        let loops = try EventLoopGroup(name: "services", loopCount: 1)
        return try wait(on: loops.loops[0]) { try await ServicesBench(loops) }
    }

    private let loops: EventLoopGroup
    private let engine: Engine
    private let server: RPCServer
    private let channel: RPCChannel
    private let models: [ModelSelector]

    private init(_ loops: EventLoopGroup) async throws {
        self.loops = loops
        let clock = SystemClock()
        engine = Engine(configuration: EngineConfiguration(threadCount: 1), clock: clock)
        let wanted = Set(["digits", "karate", "storyteller"].compactMap(ModelName.init))
        let contents = ModelRepository(path: ExampleFiles.path).load(wanted)
        guard contents.problems.isEmpty, let identity = ModelName("identity"), let version = ModelVersion(1) else {
            throw FuzzFinding(description: "\(contents.problems)")
        }
        for (_, model) in contents.models { try await engine.load(model) }
        try await engine.load(EngineModel(batch: IdentityModel(name: identity, version: version)))
        models = try engine.models.map { try ModelSelector(name: $0.name.name, version: "") }
        let servingState = ServingState()
        let tenants = TenantGate(
            TenantTable(anonymousTenant: TenantID("local")), clocks: .init(monotonic: clock, unixSeconds: { 0 }))
        let services = InferenceServices(
            engine: engine, servingState: servingState, tenants: tenants, clock: clock, now: { 0 },
            serverVersion: "fuzz")
        var methods = MethodTable()
        services.register(in: &methods, through: CallGate(tenants: tenants))
        server = try await RPCServer(configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        channel = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: server.address.port), loops: loops)
        servingState.isServing = true
    }

    /// Makes one call; when it is over, nothing of it waits or runs any more.
    func play(_ method: ServiceMethod, _ messages: [Bytes], leavesEarly: Bool) throws {
        try wait(on: loops.loops[0]) {
            try await self.call(method, messages, leavesEarly: leavesEarly || method.isEndless)
            let isIdle = await eventually {
                self.models.allSatisfy { model in
                    guard let counters = try? self.engine.counters(of: model) else { return false }
                    return counters.queuedRequestCount == 0 && counters.runningSequenceCount == 0
                }
            }
            try require(isIdle, "requests of \(method.path) are left in the engine")
        }
    }

    /// How a call went.
    private struct Outcome: Equatable, CustomStringConvertible {
        var responses: [Bytes] = []
        var failure: String?

        var description: String { "\(responses.map(\.array)), \(failure ?? "OK")" }
    }

    private func call(_ method: ServiceMethod, _ messages: [Bytes], leavesEarly: Bool) async throws {
        let outcome = try await outcome(method, messages, leavesEarly: leavesEarly)
        guard messages.count == 1, let other = Self.roundabout(messages[0], of: method) else { return }
        let again = try await self.outcome(method, [other], leavesEarly: leavesEarly)
        try require(outcome == again, "read in one pass: \(outcome); by protobuf-c: \(again)")
    }

    /// A request to `identity` that asks for the same in a way that is not read in one pass; nil for all others.
    private static func roundabout(_ message: Bytes, of method: ServiceMethod) -> Bytes? {
        guard method.path == Bytes(utf8: GRPCInferenceServiceMethods.modelInfer.path),
            var request = try? ModelInferRequest(decoding: message), request.modelName == "identity"
        else { return nil }
        request.parameters["roundabout"] = InferParameter(parameterChoice: .boolParam(true))
        return request.encoded()
    }

    private func outcome(
        _ method: ServiceMethod, _ messages: [Bytes], leavesEarly: Bool
    ) async throws -> Outcome {
        var options = CallOptions()
        options.deadline = Deadline(SystemClock().now().advanced(byNanoseconds: Self.timeoutNanoseconds))
        let call = await channel.stream(method.path, options: options)
        var outcome = Outcome()
        do throws(RPCFailure) {
            for message in messages { try await call.write(message) }
            try await call.finishWriting()
            let countMax = leavesEarly ? 1 : Self.responseCountMax
            while outcome.responses.count < countMax, let response = try await call.next() {
                outcome.responses.append(response)
            }
        } catch {
            outcome.failure = "\(error)"
            try check(error, of: method)
        }
        call.cancel()
        try require(
            outcome.responses.allSatisfy(method.isResponse),
            "\(method.path.utf8String ?? "?") answered with another message")
        return outcome
    }

    /// What a caller sends is never the server's own failure; undecodable bytes alone are INTERNAL, as gRPC has it.
    private func check(_ failure: RPCFailure, of method: ServiceMethod) throws {
        let (code, message) = (failure.error.code, failure.error.message)
        let isOwnFailure = [.unknown, .internal, .dataLoss, .unavailable].contains(code)
        let isExpected = message.hasPrefix("the request cannot be decoded") || message.contains("exactly one")
        try require(!isOwnFailure || isExpected, "\(method.path.utf8String ?? "?") failed with \(failure)")
    }

    private func wait(on loop: EventLoop, _ body: @escaping @Sendable () async throws -> Void) throws {
        try Self.wait(on: loop, body)
    }

    /// Runs `body` on a loop's thread and waits for its end.
    private static func wait<Value: Sendable>(
        on loop: EventLoop, _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let promise = Promise<Value>()
        Task(executorPreference: loop) {
            do { promise.fulfil(.success(try await body())) } catch { promise.fulfil(.failure(error)) }
        }
        return try promise.wait()
    }
}

/// What one thread waits for and another brings.
private final class Promise<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let isFulfilled = DispatchSemaphore(value: 0)

    func fulfil(_ result: Result<Value, any Error>) {
        self.result.withLock { $0 = result }
        isFulfilled.signal()
    }

    func wait() throws -> Value {
        isFulfilled.wait()
        guard let result = result.withLock({ $0 }) else { preconditionFailure("fulfilled with nothing") }
        return try result.get()
    }
}
