package import Messages
import RPC
import Tenancy
import Vocabulary

/// The requests of a stream, decoded and checked as they are taken.
package struct MessageReader<Request: Message>: Sendable {
    let stream: RequestStream
    let keeper: GateKeeper

    /// The next request; nil after the caller's last.
    ///
    /// - Throws: as `GateKeeper.decode`; `CancellationError` when the call has ended.
    func next() async throws -> Request? {
        guard let bytes = try await stream.next() else { return nil }
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
        try await writer.write(keeper.encode(response))
    }

    /// Says what is sent with the status at the end, be it OK or an error.
    ///
    /// - Precondition: names and values are those of metadata.
    func setTrailers(_ trailers: [(name: String, value: String)]) { keeper.setTrailers(trailers) }
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
        let immediate = atOnce.map { atOnce -> ImmediateHandler in
            { context, bytes in try gate.passAtOnce(context, for: audience) { try atOnce(bytes, $0) } }
        }
        register(unary: signature.path, immediate: immediate) { context, bytes in
            try await gate.pass(context, for: audience) { keeper in
                keeper.encode(try await answer(keeper.decode(Request.self, bytes), keeper.call))
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
        register(serverStream: signature.path) { context, bytes, writer in
            try await gate.pass(context, for: audience) { keeper in
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
        register(clientStream: signature.path) { context, requests in
            try await gate.pass(context, for: audience) { keeper in
                keeper.encode(try await answer(MessageReader(stream: requests, keeper: keeper), keeper.call))
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
        register(stream: signature.path) { context, requests, writer in
            try await gate.pass(context, for: audience) { keeper in
                try await answer(
                    MessageReader(stream: requests, keeper: keeper), keeper.call,
                    MessageWriter(writer: writer, keeper: keeper))
            }
        }
    }
}
