import EventLoops
import RPCTransport

/// A listener for people and probes: answers GET over HTTP/1.1, one request a connection.
///
/// Why not a library: two pages need nothing of what one would bring, and a stranger on this port finds three hundred
/// lines instead of a framework. Its loop has a thread of its own, so that whatever happens here costs calls nothing.
///
/// - Isolation: any thread.
package final class ProbeServer: Sendable {
    /// Answers a page; called on no thread in particular.
    package typealias Page = @Sendable () async -> ProbeAnswer

    /// Where it listens, as `HOST:PORT`, with the port that was chosen for port 0.
    package let address: String
    private let state: ProbeServerState
    private let loops: EventLoopGroup

    /// Binds and serves `pages`, by path.
    ///
    /// - Throws: `RPCServerError` when the address cannot be had, `EventLoopError` when the process is out of
    ///   resources.
    package init(
        host: String, port: UInt16, limits: ProbeLimits = ProbeLimits(), pages: [String: Page]
    ) async throws {
        let loops = try EventLoopGroup(name: "apus-http", loopCount: 1)
        do {
            let state = try ProbeServerState(host: host, port: port, loop: loops.loops[0], limits, pages)
            address = state.address
            try await loops.loops[0].run { try state.start() }
            self.state = state
            self.loops = loops
        } catch {
            loops.stop()
            throw error
        }
    }

    /// Closes every connection and ends the thread; to be called once.
    package func close() async {
        await loops.loops[0].run { [state] in state.close() }
        loops.stop()
    }
}

/// The listener and its connections.
private final class ProbeServerState: @unchecked Sendable {
    // @unchecked: touched on `loop` only, after init.
    let address: String
    private let loop: EventLoop
    private let limits: ProbeLimits
    private let pages: [String: ProbeServer.Page]
    private var listener: Listener?
    /// Oldest first.
    private var connections: [ProbeConnection] = []

    init(
        host: String, port: UInt16, loop: EventLoop, _ limits: ProbeLimits, _ pages: [String: ProbeServer.Page]
    ) throws {
        self.loop = loop
        self.limits = limits
        self.pages = pages
        let box = WeakBox()
        let listener = try Listener(host: host, port: port, loop: loop) { descriptor, peer in
            box.state?.accept(SocketStream(descriptor: descriptor, peer: peer, loop: loop))
        } turnedAway: { _ in
        }
        self.listener = listener
        address = listener.boundAddress.description
        box.state = self
    }

    /// The listener's callback is made before there is anybody to call.
    private final class WeakBox {
        weak var state: ProbeServerState?
    }

    func start() throws { try listener?.start() }

    private func accept(_ stream: SocketStream) {
        if connections.count >= limits.connectionCountMax { connections[0].close() }
        let connection = ProbeConnection(stream: stream, loop: loop, limits: limits) { [unowned self] in
            answer($0, method: $1, path: $2)
        } didEnd: { [unowned self] ended in
            connections.removeAll { $0 === ended }
        }
        connections.append(connection)
        connection.start()
    }

    private func answer(_ connection: ProbeConnection, method: String, path: String) {
        guard let page = pages[path] else { return connection.send(.notFound, withBody: method != "HEAD") }
        guard method == "GET" || method == "HEAD" else { return connection.send(.methodNotAllowed, withBody: true) }
        let asker = Asker(connection: connection)
        // Made elsewhere: a page may take a while, and other probes are not to wait for it.
        Task { [loop] in
            let answer = await page()
            loop.submit { asker.connection.send(answer, withBody: method == "GET") }
        }
    }

    func close() {
        listener?.close()
        listener = nil
        for connection in connections { connection.close() }
    }
}

/// A connection on its way through a task that does not touch it.
private struct Asker: @unchecked Sendable {
    // @unchecked: `connection` is touched on its loop only.
    let connection: ProbeConnection
}
