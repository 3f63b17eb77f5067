import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Vocabulary

/// A channel on a loop that the test turns, whose connections end at servers of the test's making.
final class ChannelBench: TurnedBench, @unchecked Sendable {
    // @unchecked: used by one test on one thread, which is the loop's while it turns.
    let clock = ManualClock()
    let loop: EventLoop
    private(set) var servers: [RawServer] = []
    /// The channel's ends of its connections.
    private(set) var clientEnds: [MemoryStream] = []
    /// How long attempts to connect were given.
    private(set) var attemptTimeouts: Set<UInt64> = []
    /// Where the channel tried to connect, in order.
    private(set) var attempts: [String] = []
    var attemptCount: Int { attempts.count }
    /// Attempts to connect that are to fail.
    var failingAttemptCount = 0
    /// Hosts that refuse every attempt, and hosts that do not answer.
    var failingHosts: Set<String> = []
    var silentHosts: Set<String> = []
    /// Hosts whose attempts were given up without an answer.
    private(set) var cancelledHosts: [String] = []
    /// Whether connections end before the server has said anything, end behind its SETTINGS, or begin with its GOAWAY.
    var closesOnAccept = false
    var closesBehindSettings = false
    var goesAwayOnAccept = false
    /// Called when a connection was made.
    var onConnect: () -> Void = {}
    /// What the name stands for; nil when it cannot be resolved.
    var addresses: [ServerAddress]? = [ServerAddress(host: "test", port: 1)]
    private(set) var resolutionCount = 0
    private var hostsOfServers: [String] = []
    var serverConfiguration = HTTP2Configuration()
    /// Whether servers give received bytes back to the client's window.
    var serversConsume = true
    private(set) var channel: RPCChannel!

    init(_ configure: (inout RPCChannelConfiguration) -> Void = { _ in }) throws {
        loop = try EventLoop(name: "bench", clock: clock)
        var configuration = RPCChannelConfiguration(host: "test", port: 1)
        configuration.retryThrottles = RetryThrottles()
        configure(&configuration)
        channel = RPCChannel(configuration: configuration, loops: [loop], connector: BenchConnector(bench: self))
    }

    /// Ends what the test left open: connections and their loop hold each other until they are closed.
    deinit {
        // The channel first, so that it does not ask a bench that is going for a new connection.
        loop.becomeCurrent {
            _ = Task.immediate(executorPreference: loop) { [channel] in await channel?.close() }
        }
        settle()
        loop.becomeCurrent { for server in servers { server.close() } }
        settle()
    }

    /// The last connection that was made to a host.
    func server(at host: String) -> RawServer? {
        hostsOfServers.lastIndex(of: host).map { servers[$0] }
    }

    fileprivate func resolve() -> Result<[ServerAddress], ConnectError> {
        resolutionCount += 1
        return addresses.map { .success($0) } ?? .failure(ConnectError(description: "no such name"))
    }

    /// Nil when nothing is heard from the host.
    fileprivate func connect(
        _ host: String, timeoutNanoseconds: UInt64
    ) -> Result<any ByteStream, ConnectError>? {
        attempts.append(host)
        attemptTimeouts.insert(timeoutNanoseconds)
        if silentHosts.contains(host) { return nil }
        if failingAttemptCount > 0 || failingHosts.contains(host) {
            failingAttemptCount = max(0, failingAttemptCount - 1)
            return .failure(ConnectError(description: "not today"))
        }
        let pipe = MemoryStream.pair(capacity: 64 << 10, loop: loop)
        clientEnds.append(pipe.client)
        guard !closesOnAccept else {
            pipe.server.close()
            return .success(pipe.client)
        }
        do {
            let server = try RawServer(pipe.server, loop: loop, configuration: serverConfiguration)
            server.consumes = serversConsume
            if goesAwayOnAccept {
                server.session.goAway(.noError, debugData: Bytes())
                try server.flush()
            }
            if closesBehindSettings { server.close() }
            servers.append(server)
            hostsOfServers.append(host)
            onConnect()
            return .success(pipe.client)
        } catch {
            return .failure(ConnectError(description: "\(error)"))
        }
    }

    fileprivate func attemptWasCancelled(_ host: String) { cancelledHosts.append(host) }

    /// The channel's state.
    var state: ConnectivityState? {
        let box = StateBox()
        loop.becomeCurrent {
            _ = Task.immediate(executorPreference: loop) { [channel] in box.state = await channel?.states().first }
        }
        settle()
        return box.state
    }

    private final class StateBox: @unchecked Sendable {
        // @unchecked: as `Outcome`.
        var state: ConnectivityState?
    }

    func deadline(seconds: Double) -> Deadline {
        Deadline(clock.now().advanced(byNanoseconds: UInt64(seconds * 1_000_000_000)))
    }

    /// What became of a unary call.
    final class Outcome: @unchecked Sendable {
        // @unchecked: written by the task on the loop, read by the test that turns it: one thread.
        var response: UnaryResponse?
        var failure: RPCFailure?
        var task: Task<Void, Never>?
        var isFinished: Bool { response != nil || failure != nil }
    }

    /// Makes a unary call and turns until nothing happens any more.
    func call(_ message: [UInt8] = [1, 2, 3], _ configure: (inout CallOptions) -> Void = { _ in }) -> Outcome {
        let outcome = begin(message, configure)
        settle()
        return outcome
    }

    /// Makes a unary call, of which nothing is on the wire before the loop turns.
    func begin(_ message: [UInt8] = [1, 2, 3], _ configure: (inout CallOptions) -> Void = { _ in }) -> Outcome {
        var options = CallOptions()
        configure(&options)
        let outcome = Outcome()
        loop.becomeCurrent {
            outcome.task = Task.immediate(executorPreference: loop) { [channel, options] in
                do throws(RPCFailure) {
                    outcome.response = try await channel!.unary(Bytes(utf8: "/s/m"), Bytes(message), options: options)
                } catch {
                    outcome.failure = error
                }
            }
        }
        return outcome
    }

    /// Answers a request with headers, data and trailers; nil for a part leaves it out.
    func answer(
        _ server: RawServer, _ stream: HTTP2Stream, headers: [(String, String)]?, body: [UInt8]?,
        trailers: [(String, String)]?
    ) throws {
        try speak(server) {
            if let headers {
                let ends = body == nil && trailers == nil
                try server.session.submitHeaders(stream, Self.list(headers), ends ? .end : .more)
            }
            if let body { server.session.submitData(stream, Bytes(body), trailers == nil ? .end : .more) }
            if let trailers { try server.session.submitTrailers(stream, Self.list(trailers)) }
        }
    }

    static func list(_ fields: [(String, String)]) throws -> HeaderList {
        var list = HeaderList()
        for (name, value) in fields { try list.append(name: name, value: value) }
        return list
    }
}

private struct BenchConnector: Connector {
    // Unowned: the bench owns the channel, which owns the connector.
    unowned let bench: ChannelBench

    func resolve(
        host: String, port: UInt16, on loop: EventLoop,
        completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void
    ) {
        completion(bench.resolve())
    }

    func connect(
        to address: ServerAddress, on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) -> ConnectCancellation {
        if let result = bench.connect(address.host, timeoutNanoseconds: timeoutNanoseconds) { completion(result) }
        return { bench.attemptWasCancelled(address.host) }
    }
}
