package import Messages
import RPC
import Tenancy
import Vocabulary

/// The requests of a stream, decoded and checked as they are taken.
///
/// - Isolation: the handler of the call.
package final class MessageReader<Request: Message>: @unchecked Sendable {
    // @unchecked: the handler of one call uses it, and a handler runs on one loop.
    private var first: Bytes?
    private let stream: RequestStream
    private let keeper: GateKeeper

    /// A reader of the rest of a stream, from which `first` was taken already; nil when there was none.
    init(first: Bytes?, stream: RequestStream, keeper: GateKeeper) {
        self.first = first
        self.stream = stream
        self.keeper = keeper
    }

    /// The next request; nil after the caller's last.
    ///
    /// - Throws: as `GateKeeper.decode`; `CancellationError` when the call has ended.
    func next() async throws -> Request? {
        var next = first.take()
        if next == nil { next = try await stream.next() }
        guard let bytes = next else { return nil }
        await keeper.awaitAdvance(for: bytes, Request.self)
        return try keeper.decode(Request.self, bytes)
    }

    /// The text of the first header of the call called `name`, in lower case.
    func header(_ name: StaticString) -> String? { keeper.header(name) }
}

/// Sends the messages of a response as they are ready.
package struct MessageWriter<Response: Message>: Sendable {
    let writer: ResponseWriter
    let keeper: GateKeeper

    /// Sends one message; waits while the reader is behind.
    ///
    /// - Throws: `CancellationError` when the call has ended.
    func write(_ response: Response) async throws {
        try await writer.write(response.encoded())
    }
}

extension MethodTable {
    /// Answers calls of `signature` by messages instead of bytes, through the gate.
    ///
    /// `atOnce`, if given, is asked first: the bytes of the answer, or nil when the answer has to wait for something.
    mutating func register<Request: Message, Response: Message>(
        _ signature: MethodSignature<Request, Response>, through gate: CallGate,
        atOnce: (@Sendable (Bytes, GateKeeper) throws -> Bytes?)? = nil,
        answer: @escaping @Sendable (Request, CallContext) async throws -> Response
    ) {
        precondition(!signature.clientStreams && !signature.serverStreams, "\(signature.path) streams")
        let audience = MethodAudience(path: signature.path)
        let kind = RequestKind(Request.self)
        var immediate: ImmediateHandler?
        if atOnce != nil || gate.forwards {
            immediate = { context, bytes in
                try gate.passAtOnce(context, for: audience) { keeper in
                    // Most calls of a server that passes any on are such.
                    if gate.forwards, let forwarded = try keeper.forwardedCall(kind, bytes) {
                        return try ForwardedExchange.begin(forwarded, bytes).map { .later($0) }
                    }
                    return try atOnce?(bytes, keeper).map { .message($0) }
                }
            }
        }
        register(unary: signature.path, immediate: immediate) { context, bytes in
            try await gate.pass(context, for: audience, isRepeatable: true) { keeper in
                if let forwarded = try keeper.forwardedCall(kind, bytes) {
                    return try await forwarded.unary(bytes)
                }
                return try await answer(keeper.decode(Request.self, bytes), keeper.call).encoded()
            }
        }
    }

    /// Answers one request with a stream of messages.
    mutating func register<Request: Message, Response: Message>(
        serverStream signature: MethodSignature<Request, Response>, through gate: CallGate,
        answer: @escaping @Sendable (Request, CallContext, MessageWriter<Response>) async throws -> Void
    ) {
        precondition(!signature.clientStreams && signature.serverStreams, "\(signature.path) does not stream out")
        let audience = MethodAudience(path: signature.path)
        let kind = RequestKind(Request.self)
        register(serverStream: signature.path) { context, bytes, writer in
            try await gate.pass(context, for: audience, isRepeatable: true) { keeper in
                if let forwarded = try keeper.forwardedCall(kind, bytes) {
                    return try await forwarded.serverStream(bytes, to: writer)
                }
                try await answer(
                    keeper.decode(Request.self, bytes), keeper.call, MessageWriter(writer: writer, keeper: keeper))
            }
        }
    }

    /// Answers a stream of requests with one message.
    mutating func register<Request: Message, Response: Message>(
        clientStream signature: MethodSignature<Request, Response>, through gate: CallGate,
        answer: @escaping @Sendable (MessageReader<Request>, CallContext) async throws -> Response
    ) {
        precondition(signature.clientStreams && !signature.serverStreams, "\(signature.path) does not stream in")
        let audience = MethodAudience(path: signature.path)
        let kind = RequestKind(Request.self)
        register(clientStream: signature.path) { context, requests in
            try await gate.pass(context, for: audience) { keeper in
                let first = try await requests.next()
                if let first, gate.forwards { await keeper.awaitAdvance(for: first, Request.self) }
                if let first, let forwarded = try keeper.forwardedCall(kind, first) {
                    return try await forwarded.clientStream(first, requests)
                }
                let reader = MessageReader<Request>(first: first, stream: requests, keeper: keeper)
                return try await answer(reader, keeper.call).encoded()
            }
        }
    }

    /// Answers a stream of requests with a stream of messages.
    mutating func register<Request: Message, Response: Message>(
        stream signature: MethodSignature<Request, Response>, through gate: CallGate,
        answer:
            @escaping @Sendable (MessageReader<Request>, CallContext, MessageWriter<Response>) async throws -> Void
    ) {
        precondition(signature.clientStreams && signature.serverStreams, "\(signature.path) does not stream both ways")
        let audience = MethodAudience(path: signature.path)
        let kind = RequestKind(Request.self)
        register(stream: signature.path) { context, requests, writer in
            try await gate.pass(context, for: audience) { keeper in
                let first = try await requests.next()
                if let first, gate.forwards { await keeper.awaitAdvance(for: first, Request.self) }
                if let first, let forwarded = try keeper.forwardedCall(kind, first) {
                    return try await forwarded.stream(first, requests, to: writer)
                }
                try await answer(
                    MessageReader(first: first, stream: requests, keeper: keeper), keeper.call,
                    MessageWriter(writer: writer, keeper: keeper))
            }
        }
    }
}
