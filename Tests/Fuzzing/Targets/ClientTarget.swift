import Compression
import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Vocabulary

extension FuzzTarget {
    /// A server's bytes into a channel on which calls of every kind wait for answers, over memory, in the clear.
    ///
    /// The first byte says how: bits 0 and 1 the pieces the rest arrives in, then whether a greeting comes first,
    /// whether the server reads the requests, a narrow pipe, a close in the middle, an abrupt end, and tight limits.
    /// Each of the first three connections hears the same; further attempts to connect fail.
    static let client = FuzzTarget("client", holdsFrames: true, seeds: { ClientSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let control = cursor.byte()
        try ClientBench(control).play(cursor.rest)
    }
}

/// A channel whose server is the input.
///
/// - Isolation: the fuzzing thread.
private final class ClientBench: @unchecked Sendable {
    // @unchecked: used by one thread, which is the loop's while it turns.
    private static let connectionCountMax = 3

    private let turns: FuzzLoop
    private let control: UInt8
    private var channel: RPCChannel!
    private var taps: [WireTap] = []
    private var outcomes: [Outcome] = []
    private var isClosed = false

    /// A call, and whether it has ended.
    private final class Outcome: @unchecked Sendable {
        // @unchecked: as the bench.
        let name: String
        var isFinished = false
        var task: Task<Void, Never>?

        init(_ name: String) { self.name = name }
    }

    init(_ control: UInt8) throws {
        self.control = control
        turns = try FuzzLoop()
        var configuration = RPCChannelConfiguration(host: "fuzz", port: 1)
        configuration.random = { 0.5 }
        if control & 0x80 != 0 { configuration.limitTightly() }
        channel = RPCChannel(
            configuration: configuration, loops: [turns.loop], connector: TapConnector(bench: self))
    }

    fileprivate func connect() -> Result<any ByteStream, ConnectError> {
        guard taps.count < Self.connectionCountMax else { return .failure(ConnectError(description: "no more")) }
        let pipe = MemoryStream.pair(capacity: control & 0x10 != 0 ? 700 : 64 << 10, loop: turns.loop)
        taps.append(WireTap(pipe.server, reads: control & 8 == 0))
        return .success(pipe.client)
    }

    func play(_ bytes: UnsafeRawBufferPointer) throws {
        try makeCalls()
        var played = 0
        while played < taps.count {
            let tap = taps[played]
            played += 1
            try play(bytes, to: tap, isFirst: played == 1)
            try leave(tap)
        }
        try end()
        for tap in taps { try WireChecker.check(tap.output, of: .client) }
    }

    private func play(_ bytes: UnsafeRawBufferPointer, to tap: WireTap, isFirst: Bool) throws {
        if control & 4 != 0 {
            try Frames.serverGreeting.withUnsafeBytes { try turns.play($0, cut: .whole, to: tap) { _ in } }
        }
        try turns.play(bytes, cut: Cut(control), to: tap) { index in
            guard isFirst, index == 3 else { return }
            outcomes.last?.task?.cancel()
            if control & 0x20 != 0 { close() }
            try turns.settle()
        }
    }

    private func leave(_ tap: WireTap) throws {
        if control & 0x40 == 0 {
            turns.loop.becomeCurrent { tap.shutdownSending() }
            try turns.settle()
            turns.loop.becomeCurrent { tap.reads = true }
            try turns.settle()
        }
        turns.loop.becomeCurrent { tap.close() }
        try turns.settle()
    }

    /// The channel closes; every call has its status then, and nothing is left to wait for.
    private func end() throws {
        try turns.advance(milliseconds: 1000)
        for tap in taps { try leave(tap) }
        close()
        try turns.settle()
        try turns.advance(milliseconds: 1_000_000)
        for tap in taps { try leave(tap) }
        let unfinished = outcomes.filter { !$0.isFinished }.map(\.name)
        try require(unfinished.isEmpty, "calls without an end: \(unfinished)")
        try require(isClosed, "the channel does not close")
        try require(turns.loop.timerCount == 0, "\(turns.loop.timerCount) timers are left")
    }

    private func close() {
        turns.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: turns.loop) {
                await self.channel.close()
                self.isClosed = true
            }
        }
    }

    // MARK: Calls

    private func makeCalls() throws {
        begin("unary") { channel throws(RPCFailure) in
            _ = try await channel.unary(Self.path, Bytes([1, 2, 3]), options: CallOptions())
        }
        var options = CallOptions()
        options.deadline = Deadline(turns.clock.now().advanced(byNanoseconds: 2_000_000_000))
        options.responseByteCountMax = 100
        try options.metadata.append("x-bin", binary: Bytes([1, 2, 3]))
        try options.metadata.append("x-text", "text")
        begin("deadline") { [options] channel throws(RPCFailure) in
            _ = try await channel.unary(Self.path, Bytes(), options: options)
        }
        begin("server stream") { channel throws(RPCFailure) in
            let call = await channel.stream(Self.path, options: CallOptions())
            try await call.write(Bytes([5]))
            try await call.finishWriting()
            while try await call.next() != nil {}
            _ = try await call.responseMetadata()
            _ = try await call.responseTrailers()
        }
        // More than a stream of the server's takes at first; a narrow pipe would take long for as much.
        let byteCount = control & 0x90 == 0 ? 100_000 : 1000
        begin("both ways") { channel throws(RPCFailure) in
            var options = CallOptions()
            options.compression = .deflate
            let call = await channel.stream(Self.path, options: options)
            for compression in [MessageCompression.forbidden, .allowed, .forbidden] {
                try await call.write(Bytes([UInt8](repeating: 1, count: byteCount)), compression: compression)
            }
            _ = try await call.responseMetadata()
            while let message = try await call.next() { try await call.write(message) }
        }
        begin("waits") { channel throws(RPCFailure) in
            var options = CallOptions()
            options.waitsForReady = true
            _ = try await channel.unary(Self.path, Bytes([4]), options: options)
        }
        begin("cancelled") { channel throws(RPCFailure) in
            let call = await channel.stream(Self.path, options: CallOptions())
            while try await call.next() != nil {}
        }
        try turns.settle()
    }

    private static let path = Bytes(utf8: "/fuzz.Echo/Any")

    private func begin(_ name: String, _ body: @escaping @Sendable (RPCChannel) async throws(RPCFailure) -> Void) {
        let outcome = Outcome(name)
        outcomes.append(outcome)
        turns.loop.becomeCurrent {
            outcome.task = Task.immediate(executorPreference: turns.loop) { [channel] in
                try? await body(channel!)
                outcome.isFinished = true
            }
        }
    }
}

extension RPCChannelConfiguration {
    /// Limits that short inputs reach.
    fileprivate mutating func limitTightly() {
        connectionCountPerAddressMax = 2
        queuedCallCountMax = 4
        idleTimeoutNanoseconds = 60_000_000_000
        keepalive.timeNanoseconds = 10_000_000_000
        keepalive.timeoutNanoseconds = 2_000_000_000
        keepalive.pingsWithoutCalls = true
        http2.limitTightly()
    }
}

private struct TapConnector: Connector {
    // Unowned: the bench owns the channel, which owns the connector.
    unowned let bench: ClientBench

    func resolve(
        host: String, port: UInt16, on loop: EventLoop,
        completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void
    ) {
        completion(.success([ServerAddress(host: host, port: port)]))
    }

    func connect(
        to address: ServerAddress, on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) -> ConnectCancellation {
        completion(bench.connect())
        return {}
    }
}

/// What decent servers answer.
private enum ClientSeeds {
    private static let ok = [(":status", "200"), ("content-type", "application/grpc")]
    private static let trailers = [("grpc-status", "0")]

    static let all: [(name: String, bytes: [UInt8])] = [
        ("greeting", [0x00] + Frames.serverGreeting),
        (
            "unary",
            seed(Frames.headers(1, ok), Frames.data(1, Frames.message([1])), Frames.headers(1, trailers, end: true))
        ),
        (
            "whole",
            seed(
                control: 0x04, Frames.headers(1, ok), Frames.data(1, Frames.message([1])),
                Frames.headers(1, trailers, end: true))
        ),
        (
            "two",
            seed(
                Frames.headers(1, ok), Frames.headers(3, ok), Frames.data(3, Frames.message([1])),
                Frames.headers(3, trailers, end: true), Frames.headers(1, trailers, end: true))
        ),
        (
            "stream",
            seed(
                Frames.headers(5, ok + [("x-text", "y"), ("x-bin", "q6ur,YQ==")]),
                Frames.data(5, Frames.message([1]) + Frames.message([])), Frames.data(5, Frames.message([2])),
                Frames.headers(5, trailers + [("x-bin", "YQ")], end: true))
        ),
        (
            "both",
            seed(
                control: 0x85, Frames.headers(7, ok), Frames.data(7, Frames.message([1])),
                Frames.windowUpdate(0, 1 << 20), Frames.windowUpdate(7, 1 << 20), Frames.data(7, Frames.message([2])),
                Frames.headers(7, trailers, end: true))
        ),
        (
            "trailers-only",
            seed(
                Frames.headers(1, ok + [("grpc-status", "5"), ("grpc-message", "no %E2%98%BA%zz")], end: true),
                Frames.headers(3, ok + [("grpc-status", "99")], end: true),
                Frames.headers(5, ok + [("grpc-status", "14"), ("grpc-retry-pushback-ms", "10")], end: true))
        ),
        (
            "http",
            seed(
                Frames.headers(1, [(":status", "503"), ("content-type", "text/html")]),
                Frames.data(1, Array("<html>".utf8), end: true), Frames.headers(3, [(":status", "404")], end: true))
        ),
        (
            "informational",
            seed(
                Frames.headers(1, [(":status", "103"), ("link", "x")]), Frames.headers(1, ok),
                Frames.data(1, Frames.message([1])), Frames.headers(1, trailers, end: true))
        ),
        (
            "compressed",
            seed(
                Frames.headers(1, ok + [("grpc-encoding", "gzip")]),
                Frames.data(1, Frames.message([0x1F, 0x8B], flag: 1)), Frames.headers(1, trailers, end: true))
        ),
        (
            "decompressed",
            seed(
                Frames.headers(5, ok + [("grpc-encoding", "gzip")]), Frames.data(5, Frames.message(gzip(50), flag: 1)),
                Frames.headers(3, ok + [("grpc-encoding", "gzip")]), Frames.data(3, Frames.message(gzip(150), flag: 1)),
                Frames.data(5, Frames.message(gzip(5000), flag: 1)), Frames.headers(5, trailers, end: true))
        ),
        (
            "too-long",
            seed(
                Frames.headers(3, ok), Frames.data(3, [0, 0, 0, 0, 101]),
                Frames.data(3, [UInt8](repeating: 1, count: 101)))
        ),
        (
            "resets",
            seed(
                Frames.reset(1, code: 7), Frames.reset(3, code: 8), Frames.reset(5, code: 0), Frames.reset(7, code: 11))
        ),
        (
            "go-away",
            seed(
                Frames.headers(1, ok), Frames.goAway(last: 3), Frames.data(1, Frames.message([1])),
                Frames.headers(1, trailers, end: true))
        ),
        (
            "go-away-twice",
            seed(
                Frames.goAway(last: 0x7FFF_FFFF), Frames.ping(),
                Frames.goAway(last: 0, code: 11, text: "too_many_pings"))
        ),
        (
            "settings",
            seed(
                Frames.settings([(3, 1), (4, 5), (1, 0)]), Frames.windowUpdate(1, 3),
                Frames.settings([(3, 100), (4, 1 << 20)]), Frames.headers(1, trailers, end: true))
        ),
        (
            "no-streams",
            [0x01] + Frames.settings([(3, 0)]) + Frames.clock(milliseconds: 3000) + Frames.settings([(3, 9)])
        ),
        (
            "deadline",
            seed(Frames.headers(3, ok), Frames.clock(milliseconds: 2500), Frames.headers(3, trailers, end: true))
        ),
        (
            "push",
            seed(Frames.frame(type: 5, flags: 4, stream: 1, Frames.bigEndian(2) + Frames.block(Frames.request())))
        ),
        (
            "close",
            seed(
                control: 0x25, Frames.headers(1, ok), Frames.ping(), Frames.ping(flags: 1),
                Frames.data(1, Frames.message([1])), Frames.headers(1, trailers, end: true))
        ),
        ("silence", [0x01] + Frames.clock(milliseconds: 11_000)),
        (
            "keepalive",
            [0x85] + Frames.clock(milliseconds: 10_001) + Frames.ping(flags: 1) + Frames.clock(milliseconds: 10_001)
                + Frames.clock(milliseconds: 2_001)
        ),
        (
            "second-connection",
            [0x85] + Frames.settings([(3, 1)]) + Frames.headers(1, ok) + Frames.headers(1, trailers, end: true)
        ),
    ]

    private static func gzip(_ byteCount: Int) -> [UInt8] {
        Codec().compress(Bytes([UInt8](repeating: 5, count: byteCount)), .gzip)?.array ?? []
    }

    private static func seed(control: UInt8 = 0x05, _ frames: [UInt8]...) -> [UInt8] { [control] + frames.joined() }
}
