package import Vocabulary

/// What a handler says that is asked without a task.
package enum ImmediateAnswer {
    /// The answer.
    case message(Bytes)
    /// The answer comes by `ServerContext.finish`, once and on the call's loop, be it before this is returned.
    case later(any PendingAnswer)
}

/// Who has promised to answer a call.
///
/// - Isolation: the call's loop.
package protocol PendingAnswer: AnyObject {
    /// Nobody waits for the answer any more; the call is to be finished all the same, soon.
    func cancel()
}

/// The methods a server answers, found by the bytes of a request's path.
///
/// Handlers start on the event loop of their connection and come back to it after every `await`; one that computes
/// for long hands its work to someone else and waits. What they throw becomes the call's status
/// (`ServingError.init(handlerError:)`).
package struct MethodTable: Sendable {
    /// One message in, one message out.
    package typealias UnaryHandler = @Sendable (ServerContext, Bytes) async throws -> Bytes
    /// One message in, and without a task one out; nil when this request takes more than that, and the method's
    /// `UnaryHandler` is to answer it.
    ///
    /// Why: what can be answered on the spot needs no task, which would cost more than the answer.
    package typealias ImmediateHandler = @Sendable (ServerContext, Bytes) throws -> ImmediateAnswer?
    /// One message in, any number out.
    package typealias ServerStreamHandler = @Sendable (ServerContext, Bytes, ResponseWriter) async throws -> Void
    /// Any number of messages in, one out.
    package typealias ClientStreamHandler = @Sendable (ServerContext, RequestStream) async throws -> Bytes
    /// Any number of messages both ways.
    package typealias StreamHandler = @Sendable (ServerContext, RequestStream, ResponseWriter) async throws -> Void

    enum Handler: Sendable {
        case unary(UnaryHandler)
        case serverStream(ServerStreamHandler)
        case clientStream(ClientStreamHandler)
        case stream(StreamHandler)

        /// Whether a request has exactly one message, which is awaited before the handler starts.
        var takesOneMessage: Bool {
            switch self {
            case .unary, .serverStream: true
            case .clientStream, .stream: false
            }
        }
    }

    /// A registered method.
    ///
    /// A class, so that a call holds its method by one reference.
    package final class Method: Sendable {
        /// `/package.Service/Method`.
        package let path: String
        /// Its place in the order in which methods were registered, as in `paths`.
        package let index: Int
        /// The longest request message, in bytes; nil for the server's limit.
        package let requestByteCountMax: Int?
        let handler: Handler
        /// Tried before a unary `handler`.
        let immediate: ImmediateHandler?
        let pathBytes: Bytes

        init(
            path: String, index: Int, requestByteCountMax: Int?, handler: Handler, immediate: ImmediateHandler?
        ) {
            self.path = path
            self.index = index
            self.requestByteCountMax = requestByteCountMax
            self.handler = handler
            self.immediate = immediate
            pathBytes = Bytes(utf8: path)
        }
    }

    private var methods: [Method] = []
    /// Indices into `methods`, open addressing, a power of two of slots at most half full; -1 for an empty slot.
    private var slots: [Int32] = Array(repeating: -1, count: 16)

    /// The custom trailers of calls that fail before a handler has seen them, and of unknown methods.
    package var trailersOfUnhandledCalls = Metadata()

    package init() {}

    /// The paths of all methods, in the order in which they were registered.
    package var paths: [String] { methods.map(\.path) }

    /// Answers `path` with a function of one message; `immediate`, if given, is asked first.
    package mutating func register(
        unary path: String, requestByteCountMax: Int? = nil, immediate: ImmediateHandler? = nil,
        handler: @escaping UnaryHandler
    ) {
        register(path, requestByteCountMax, .unary(handler), immediate: immediate)
    }

    /// Answers the one message of a call of `path` with a stream.
    package mutating func register(
        serverStream path: String, requestByteCountMax: Int? = nil, handler: @escaping ServerStreamHandler
    ) {
        register(path, requestByteCountMax, .serverStream(handler))
    }

    /// Answers a stream of messages to `path` with one.
    package mutating func register(
        clientStream path: String, requestByteCountMax: Int? = nil, handler: @escaping ClientStreamHandler
    ) {
        register(path, requestByteCountMax, .clientStream(handler))
    }

    /// Answers `path` with streams both ways.
    package mutating func register(
        stream path: String, requestByteCountMax: Int? = nil, handler: @escaping StreamHandler
    ) {
        register(path, requestByteCountMax, .stream(handler))
    }

    /// - Precondition: `path` is `/SERVICE/METHOD` and not registered yet.
    private mutating func register(
        _ path: String, _ requestByteCountMax: Int?, _ handler: Handler, immediate: ImmediateHandler? = nil
    ) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        precondition(
            parts.count == 3 && parts[0].isEmpty && !parts[1].isEmpty && !parts[2].isEmpty,
            "'\(path)' is not /SERVICE/METHOD")
        let method = Method(
            path: path, index: methods.count, requestByteCountMax: requestByteCountMax, handler: handler,
            immediate: immediate)
        precondition(self.method(at: method.pathBytes) == nil, "'\(path)' is registered already")
        methods.append(method)
        if methods.count * 2 > slots.count {
            slots = Array(repeating: -1, count: slots.count * 2)
            for index in methods.indices { place(index) }
        } else {
            place(methods.count - 1)
        }
    }

    private mutating func place(_ index: Int) {
        var slot = methods[index].pathBytes.withUnsafeBytes(Self.hash) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index)
    }

    /// The method registered for exactly these bytes, or nil; `guess` is looked at first.
    ///
    /// Why a guess: calls on one connection mostly are of one method, and to compare costs a tenth of finding it.
    package func method(at path: Bytes, guess: Method? = nil) -> Method? {
        path.withUnsafeBytes { bytes in
            if let guess, guess.pathBytes.withUnsafeBytes({ bytes.holdsSameBytes(as: $0) }) { return guess }
            return method(at: bytes)
        }
    }

    private func method(at path: UnsafeRawBufferPointer) -> Method? {
        var slot = Self.hash(path) & (slots.count - 1)
        while slots[slot] >= 0 {
            let method = methods[Int(slots[slot])]
            if method.pathBytes.withUnsafeBytes({ path.holdsSameBytes(as: $0) }) { return method }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a.
    ///
    /// Why nothing stronger: the table is fixed before the first request, so nobody can choose keys that collide with
    /// each other.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: hash >> 32 ^ hash)
    }
}
