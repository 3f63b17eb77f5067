import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Vocabulary

/// A channel on a loop that the test turns, whose connections end at servers of the test's making.
final class ChannelBench: @unchecked Sendable {
    // @unchecked: used by one test on one thread, which is the loop's while it turns.
    let clock = ManualClock()
    let loop: EventLoop
    private(set) var servers: [RawServer] = []
    private(set) var attemptCount = 0
    /// Attempts to connect that are to fail.
    var failingAttemptCount = 0
    var serverConfiguration = HTTP2Configuration()
    /// Whether servers give received bytes back to the client's window.
    var serversConsume = true
    private(set) var channel: RPCChannel!

    init(_ configure: (inout RPCChannelConfiguration) -> Void = { _ in }) throws {
        loop = try EventLoop(name: "bench", clock: clock)
        var configuration = RPCChannelConfiguration(host: "test", port: 1)
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

    fileprivate func connect() -> Result<any ByteStream, ConnectError> {
        attemptCount += 1
        if failingAttemptCount > 0 {
            failingAttemptCount -= 1
            return .failure(ConnectError(description: "not today"))
        }
        let pipe = MemoryStream.pair(capacity: 64 << 10, loop: loop)
        do {
            let server = try RawServer(pipe.server, loop: loop, configuration: serverConfiguration)
            server.consumes = serversConsume
            servers.append(server)
            return .success(pipe.client)
        } catch {
            return .failure(ConnectError(description: "\(error)"))
        }
    }

    func settle() {
        var quietTurnCount = 0
        while quietTurnCount < 3 { quietTurnCount = loop.runTurn() ? 0 : quietTurnCount + 1 }
    }

    func advance(seconds: Double) {
        clock.advance(byNanoseconds: UInt64(seconds * 1_000_000_000))
        settle()
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
        settle()
        return outcome
    }

    /// Lets `body` speak for the server, and the client react.
    func speak(_ server: RawServer, _ body: () throws -> Void) throws {
        try loop.becomeCurrent {
            try body()
            try server.flush()
        }
        settle()
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

    func connect(
        on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) {
        completion(bench.connect())
    }
}
