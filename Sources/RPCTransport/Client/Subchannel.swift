import EventLoops
import HTTP2
import RPC
import TLS
import Vocabulary

/// One connection's worth of a channel: keeps a connection to the target while calls want one, and queues the calls
/// that have none yet.
///
/// ```
/// idle ──call──▶ connecting ──SETTINGS──▶ ready ──lost, GOAWAY──▶ idle
///                  │    ▲
///               failure │ after a delay, if calls wait
///                  ▼    │
///               backing off ──otherwise──▶ idle
/// ```
///
/// - Isolation: its loop.
final class Subchannel: ClientCallQueue, ClientConnectionOwner, @unchecked Sendable {
    // @unchecked: touched on `loop` only.
    private enum State {
        case idle
        case connecting(ClientConnection?)
        case ready(ClientConnection)
        case backingOff(TimerID, lastError: ServingError)
        case shutDown
    }

    let loop: EventLoop
    private let configuration: RPCChannelConfiguration
    private let connector: any Connector
    private let buffers = LoopBuffers()
    private let requestHeaders: RequestHeaders
    private var state = State.idle
    /// Connections on which calls are still open, but no new ones are made.
    private var retired: [ObjectIdentifier: ClientConnection] = [:]
    private var queue: [ClientCall] = []
    private var failureCount = 0
    private var whenClosed: (() -> Void)?

    init(loop: EventLoop, configuration: RPCChannelConfiguration, connector: any Connector) {
        self.loop = loop
        self.configuration = configuration
        self.connector = connector
        requestHeaders = RequestHeaders(authority: configuration.authority, isSecure: configuration.tls != nil)
    }

    // MARK: Calls

    /// Makes a call and lets it wait for a connection.
    func start(path: Bytes, options: CallOptions, takesOneMessage: Bool) -> ClientCall {
        loop.preconditionOnLoop()
        let call = ClientCall(
            path: path, options: options, takesOneMessage: takesOneMessage, loop: loop, queue: self)
        call.begin()
        if !call.isFinished { enqueue(call) }
        return call
    }

    private func enqueue(_ call: ClientCall) {
        switch state {
        case .shutDown: return call.fail(Self.closedError)
        case .backingOff(_, let lastError) where !call.options.waitsForReady: return call.fail(lastError)
        default: break
        }
        guard queue.count < configuration.queuedCallCountMax else {
            return call.fail(
                ServingError(.resourceExhausted, "too many calls wait for a connection", label: "channel_queue_full"))
        }
        queue.append(call)
        switch state {
        case .ready(let connection): pump(connection)
        case .idle: connect()
        case .connecting, .backingOff, .shutDown: break
        }
    }

    private static let closedError = ServingError(.unavailable, "the channel is closed", label: "channel_closed")

    func callLeftQueue(_ call: ClientCall) {
        queue.removeAll { $0 === call }
    }

    func enqueueAgain(_ call: ClientCall) { enqueue(call) }

    /// Opens as many waiting calls as the server allows.
    private func pump(_ connection: ClientConnection) {
        while let call = queue.first {
            do throws(HTTP2Error) {
                try connection.open(call)
            } catch .concurrentStreamLimitReached {
                return
            } catch {
                return replace(connection)
            }
            // A call whose headers cannot be sent has left the queue by itself.
            if queue.first === call { queue.removeFirst() }
        }
    }

    // MARK: The connection

    private func connect() {
        state = .connecting(nil)
        connector.connect(on: loop, timeoutNanoseconds: configuration.backoff.attemptTimeoutNanoseconds) { result in
            guard case .connecting = self.state else {
                if case .success(let stream) = result { stream.close() }
                return
            }
            switch result {
            case .success(let stream): self.adopt(stream)
            case .failure(let error): self.attemptDidFail(error.description)
            }
        }
    }

    private func adopt(_ stream: any ByteStream) {
        do {
            let session = try HTTP2Session(role: .client, configuration: configuration.http2)
            let tls = try configuration.tls.map {
                try TLSSession(connecting: $0, serverName: configuration.serverName ?? configuration.host)
            }
            let connection = ClientConnection(
                stream: stream, tls: tls, session: session, requestHeaders: requestHeaders, loop: loop,
                buffers: buffers, owner: self)
            state = .connecting(connection)
            connection.start()
        } catch {
            stream.close()
            attemptDidFail("\(error)")
        }
    }

    func connectionIsReady(_ connection: ClientConnection) {
        failureCount = 0
        state = .ready(connection)
        pump(connection)
    }

    func connectionHasRoom(_ connection: ClientConnection) {
        if case .ready(let current) = state, current === connection { pump(connection) }
    }

    func connectionIsGoingAway(_ connection: ClientConnection) { replace(connection) }

    /// Makes no more calls on a connection; another is made when there are calls for it.
    private func replace(_ connection: ClientConnection) {
        guard case .ready(let current) = state, current === connection else { return }
        state = .idle
        retired[ObjectIdentifier(connection)] = connection
        connection.retire()
        if !queue.isEmpty { connect() }
    }

    func connectionDidEnd(_ connection: ClientConnection, _ end: ConnectionEnd) {
        if retired.removeValue(forKey: ObjectIdentifier(connection)) != nil { return closeWhenIdle() }
        switch state {
        case .connecting: attemptDidFail(end.description)
        case .ready(let current) where current === connection:
            state = .idle
            if !queue.isEmpty { connect() }
        default: closeWhenIdle()
        }
    }

    /// Fails the calls that do not want to wait, and tries again later if any do.
    private func attemptDidFail(_ reason: String) {
        failureCount += 1
        let error = ServingError(
            .unavailable, "cannot connect to \(configuration.authority): \(reason)", label: "connect_failed")
        let delay = configuration.backoff.delayNanoseconds(
            failureCount: failureCount, random: Double.random(in: 0..<1))
        let timer = loop.schedule(afterNanoseconds: delay) { self.backoffDidEnd() }
        state = .backingOff(timer, lastError: error)
        let impatient = queue.filter { !$0.options.waitsForReady }
        queue.removeAll { !$0.options.waitsForReady }
        for call in impatient { call.fail(error) }
    }

    private func backoffDidEnd() {
        guard case .backingOff = state else { return }
        state = .idle
        if !queue.isEmpty { connect() }
    }

    // MARK: The end

    /// Fails the calls that wait, lets those that are open end, and calls `whenClosed` when no connection is left.
    func close(whenClosed: @escaping () -> Void) {
        loop.preconditionOnLoop()
        self.whenClosed = whenClosed
        let waiting = queue
        queue.removeAll()
        let state = self.state
        self.state = .shutDown
        for call in waiting { call.fail(Self.closedError) }
        switch state {
        case .ready(let connection):
            retired[ObjectIdentifier(connection)] = connection
            connection.retire()
        case .connecting(let connection?):
            retired[ObjectIdentifier(connection)] = connection
            connection.abort()
        case .backingOff(let timer, _): loop.cancel(timer)
        case .idle, .connecting(nil), .shutDown: break
        }
        closeWhenIdle()
    }

    private func closeWhenIdle() {
        guard case .shutDown = state, retired.isEmpty, let whenClosed else { return }
        self.whenClosed = nil
        whenClosed()
    }
}
