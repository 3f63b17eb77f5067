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
    private let log: Log

    /// Writes one line; the entry is made only if somebody wants it.
    package typealias Log = @Sendable (StatusCode, () -> AccessLogEntry) -> Void

    package init(tenants: TenantGate, clock: any MonotonicClock, log: @escaping Log) {
        self.tenants = tenants
        self.clock = clock
        self.log = log
    }

    /// Lets a call in, runs `answer`, and writes the line about it.
    func pass<Answer>(
        _ context: ServerContext, for audience: MethodAudience, _ answer: (GateKeeper) async throws -> Answer
    ) async throws -> Answer {
        let keeper = GateKeeper(context: context)
        do {
            try keeper.enter(tenants, audience)
            let answer = try await answer(keeper)
            finish(keeper, nil)
            return answer
        } catch {
            finish(keeper, ServingError(handlerError: error))
            throw error
        }
    }

    /// As `pass`, for an answer that does not wait; nil, and no trace, when `answer` finds that it would have to.
    func passAtOnce(
        _ context: ServerContext, for audience: MethodAudience, _ answer: (GateKeeper) throws -> Bytes?
    ) throws -> Bytes? {
        let keeper = GateKeeper(context: context)
        do {
            try keeper.enter(tenants, audience)
            guard let answer = try answer(keeper) else {
                keeper.leave(tenants)
                return nil
            }
            finish(keeper, nil)
            return answer
        } catch {
            finish(keeper, ServingError(handlerError: error))
            throw error
        }
    }

    private func finish(_ keeper: GateKeeper, _ failure: ServingError?) {
        keeper.leave(tenants)
        log(failure?.code ?? .ok) { keeper.entry(failure: failure, now: clock.now()) }
    }
}

/// One call at the gate: what has been found out about it so far.
///
/// - Isolation: the handler of the call, on the loop of its connection.
final class GateKeeper: @unchecked Sendable {
    // @unchecked: the handler of one call uses it, and a handler runs on one loop.
    private let context: ServerContext
    private var admitted: TenantPass?
    private var model: String?
    private var requestByteCount = 0
    private var responseByteCount = 0

    init(context: ServerContext) {
        self.context = context
    }

    var call: CallContext {
        CallContext(
            peer: context.peer, tenant: admitted?.caller.tenant, deadline: context.deadline,
            requestID: context.requestID, allowedModels: admitted?.caller.policy.allowedModels)
    }

    func header(_ name: StaticString) -> String? { context.requestText(of: name) }

    /// Lets the call in as far as its method goes, and counts it.
    fileprivate func enter(_ tenants: TenantGate, _ audience: MethodAudience) throws(ServingError) {
        let known = context.peerNote.flatMap { $0 as? TenantPass }
        let pass = try tenants.enter(
            context.peer, method: context.path, audience: audience,
            actingFor: context.requestText(of: "apus-tenant"), pass: known)
        admitted = pass
        if pass !== known { context.peerNote = pass }
    }

    fileprivate func leave(_ tenants: TenantGate) {
        if let admitted { tenants.leave(admitted) }
    }

    /// Decodes a request and checks that its model may be called.
    ///
    /// - Throws: INTERNAL for bytes that are not the message, as gRPC has it; PERMISSION_DENIED.
    func decode<Request: Message>(_ type: Request.Type, _ bytes: Bytes) throws(ServingError) -> Request {
        let request: Request
        do {
            request = try Request(decoding: bytes)
        } catch {
            requestByteCount += bytes.count
            throw ServingError(.internal, "the request cannot be decoded: \(error)", label: "undecodable_request")
        }
        try take(bytes, of: (request as? any ModelRequest)?.requestedModel)
        return request
    }

    /// Counts the bytes of a request and checks that the model it names may be called.
    ///
    /// - Throws: PERMISSION_DENIED.
    private func take(_ bytes: Bytes, of requestedModel: String?) throws(ServingError) {
        requestByteCount += bytes.count
        guard let requestedModel, !requestedModel.isEmpty else { return }
        model = requestedModel
        if let name = ModelName(requestedModel) { try admitted?.require(name) }
    }

    /// As for a request that named the model by a string.
    func take(_ bytes: Bytes, of requestedModel: ModelName) throws(ServingError) {
        requestByteCount += bytes.count
        model = requestedModel.name
        try admitted?.require(requestedModel)
    }

    /// The bytes of a response, counted.
    func encode(_ response: some Message) -> Bytes { count(response.encoded()) }

    /// Counts the bytes of a response.
    func count(_ bytes: Bytes) -> Bytes {
        responseByteCount += bytes.count
        return bytes
    }

    /// Sets the custom trailers of the call.
    func setTrailers(_ trailers: [(name: String, value: String)]) {
        var metadata = Metadata()
        for (name, value) in trailers {
            do {
                try metadata.append(name, value)
            } catch {
                preconditionFailure("a trailer of our own: \(error)")
            }
        }
        context.setTrailingMetadata(metadata)
    }

    fileprivate func entry(failure: ServingError?, now: MonotonicTime) -> AccessLogEntry {
        AccessLogEntry(
            requestID: context.requestID, method: context.path, tenant: admitted?.caller.tenant,
            model: model.map { String($0.prefix(255)) }, status: failure?.code ?? .ok, reason: failure?.label,
            durationNanoseconds: now.nanoseconds(since: context.arrivalTime), requestByteCount: requestByteCount,
            responseByteCount: responseByteCount)
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

extension ModelConfigRequest: ModelRequest {
    fileprivate var requestedModel: String { name }
}

extension ModelStatisticsRequest: ModelRequest {
    fileprivate var requestedModel: String { name }
}

extension TraceSettingRequest: ModelRequest {
    fileprivate var requestedModel: String { modelName }
}

extension RepositoryModelLoadRequest: ModelRequest {
    fileprivate var requestedModel: String { modelName }
}

extension RepositoryModelUnloadRequest: ModelRequest {
    fileprivate var requestedModel: String { modelName }
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
