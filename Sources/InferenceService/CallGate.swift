import Messages
import RPC
package import Telemetry
package import Tenancy
package import Vocabulary

/// The way of every call to its service: who asks, may they, decode, answer, encode, one line in the access log.
///
/// - Isolation: any event loop.
package struct CallGate: Sendable {
    private let tenants: TenantGate
    private let clock: any MonotonicClock
    private let log: @Sendable (AccessLogEntry) -> Void

    package init(
        tenants: TenantGate, clock: any MonotonicClock, log: @escaping @Sendable (AccessLogEntry) -> Void
    ) {
        self.tenants = tenants
        self.clock = clock
        self.log = log
    }

    /// Lets a call in, runs `answer`, and writes the line about it.
    func pass<Answer>(
        _ context: ServerContext, _ answer: (GateKeeper) async throws -> Answer
    ) async throws -> Answer {
        let start = clock.now()
        let keeper = GateKeeper(context: context, tenants: tenants)
        var failure: ServingError?
        defer {
            keeper.release()
            log(keeper.entry(failure: failure, durationNanoseconds: clock.now().nanoseconds(since: start)))
        }
        do {
            try keeper.admit()
            return try await answer(keeper)
        } catch {
            failure = ServingError(handlerError: error)
            throw error
        }
    }
}

/// One call at the gate: what has been found out about it so far.
///
/// - Isolation: the handler of the call, on the loop of its connection.
final class GateKeeper: @unchecked Sendable {
    // @unchecked: the handler of one call uses it, and a handler runs on one loop.
    private let context: ServerContext
    private let tenants: TenantGate
    private var admitted: TenantTable.Caller?
    private var model: String?
    private var requestByteCount = 0
    private var responseByteCount = 0

    init(context: ServerContext, tenants: TenantGate) {
        self.context = context
        self.tenants = tenants
    }

    var call: CallContext {
        CallContext(peer: context.peer, deadline: context.deadline, requestID: context.requestID)
    }

    /// Lets the call in as far as its method goes, and counts it.
    func admit() throws(ServingError) {
        let caller = try authorize(model: nil)
        try tenants.admit(caller)
        admitted = caller
    }

    /// Decodes a request and checks that its model may be called.
    ///
    /// - Throws: INTERNAL for bytes that are not the message, as gRPC has it; PERMISSION_DENIED.
    func decode<Request: Message>(_ type: Request.Type, _ bytes: Bytes) throws(ServingError) -> Request {
        requestByteCount += bytes.count
        let request: Request
        do {
            request = try Request(decoding: bytes)
        } catch {
            throw ServingError(.internal, "the request cannot be decoded: \(error)", label: "undecodable_request")
        }
        if let name = (request as? any ModelRequest)?.requestedModel, !name.isEmpty {
            model = name
            if let name = ModelName(name) { _ = try authorize(model: name) }
        }
        return request
    }

    /// The bytes of a response, counted.
    func encode(_ response: some Message) -> Bytes {
        let bytes = response.encoded()
        responseByteCount += bytes.count
        return bytes
    }

    func release() {
        if let admitted { tenants.release(admitted) }
    }

    func entry(failure: ServingError?, durationNanoseconds: UInt64) -> AccessLogEntry {
        AccessLogEntry(
            requestID: context.requestID, method: context.path, tenant: admitted?.tenant,
            model: model.map { String($0.prefix(255)) }, status: failure?.code ?? .ok, reason: failure?.label,
            durationNanoseconds: durationNanoseconds, requestByteCount: requestByteCount,
            responseByteCount: responseByteCount)
    }

    private func authorize(model: ModelName?) throws(ServingError) -> TenantTable.Caller {
        try tenants.authorize(
            context.peer, method: context.path, model: model,
            actingFor: context.requestMetadata.firstText(of: "apus-tenant"))
    }
}

/// A request that names the model it is for.
private protocol ModelRequest: Message {
    var requestedModel: String { get }
}

extension ModelInferRequest: ModelRequest {
    fileprivate var requestedModel: String { modelName }
}

extension ModelMetadataRequest: ModelRequest {
    fileprivate var requestedModel: String { name }
}

extension GenerateRequest: ModelRequest {
    fileprivate var requestedModel: String { model }
}

extension EmbedRequest: ModelRequest {
    fileprivate var requestedModel: String { model }
}

extension ClassifyRequest: ModelRequest {
    fileprivate var requestedModel: String { model }
}

extension PredictRequest: ModelRequest {
    fileprivate var requestedModel: String { model }
}
