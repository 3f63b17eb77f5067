import Compression
import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Vocabulary

extension FuzzTarget {
    /// A client's bytes into a server connection with all that stands behind it, over memory, in the clear.
    ///
    /// The first byte says how: bits 0 and 1 the pieces the rest arrives in, then whether a greeting comes first,
    /// whether the client does not read the answers, a narrow pipe, a drain in the middle, an abrupt end, and tight
    /// limits. With the last two, the client falls silent before it leaves, and the server has to end the connection by
    /// itself.
    static let server = FuzzTarget("server", holdsFrames: true, seeds: ServerSeeds.make) { input in
        var cursor = ByteCursor(input)
        let control = cursor.byte()
        try ServerBench(control).play(cursor.rest)
    }
}

/// One connection to a server in memory.
private final class ServerBench {
    private let turns: FuzzLoop
    private let service = FuzzService()
    private let transport: InProcessTransport
    private let control: UInt8
    private let tap: WireTap

    init(_ control: UInt8) throws {
        self.control = control
        turns = try FuzzLoop()
        var configuration = RPCServerConfiguration()
        if control & 0x80 != 0 { configuration.limitTightly() }
        transport = InProcessTransport(
            loop: turns.loop, methods: service.methods, server: configuration, observer: service.observer,
            pipeByteCount: control & 0x10 != 0 ? 700 : 64 << 10)
        let (transport, loop) = (self.transport, turns.loop)
        tap = loop.becomeCurrent { WireTap(transport.connect(), reads: control & 8 == 0) }
    }

    func play(_ bytes: UnsafeRawBufferPointer) throws {
        try turns.settle()
        if control & 4 != 0 {
            try Frames.clientGreeting.withUnsafeBytes { try turns.play($0, cut: .whole, to: tap) { _ in } }
        }
        try turns.play(bytes, cut: Cut(control), to: tap) { index in
            if control & 0x20 != 0, index == 3 {
                turns.loop.becomeCurrent { transport.drain {} }
                try turns.settle()
            }
        }
        try end()
    }

    /// Whatever was said on a connection, it is gone once it has reached its age, and its calls have had their grace.
    private func outlive() throws {
        for _ in 0..<10 { try turns.advance(milliseconds: 10_000) }
        try require(transport.connectionCount == 0, "a connection outlives its age")
    }

    /// The client leaves; nothing of it may stay.
    private func end() throws {
        if control & 0xC0 == 0xC0 { try outlive() }
        if control & 0x40 == 0 {
            turns.loop.becomeCurrent { tap.shutdownSending() }
            try turns.settle()
        }
        turns.loop.becomeCurrent { if control & 0x40 == 0 { tap.reads = true } }
        try turns.settle()
        turns.loop.becomeCurrent { tap.close() }
        try turns.settle()
        let started = service.startedCount.load(ordering: .relaxed)
        let returned = service.returnedCount.load(ordering: .relaxed)
        try require(transport.connectionCount == 0, "\(transport.connectionCount) connections are left")
        try require(started == returned, "\(started) handlers started, \(returned) returned")
        try require(
            service.recordCount.load(ordering: .relaxed) >= started, "fewer records than the \(started) calls")
        let heldByteCount = turns.loop.becomeCurrent { transport.heldRequestByteCount }
        try require(heldByteCount == 0, "\(heldByteCount) bytes of requests are held by nobody")
        try require(turns.loop.timerCount == 0, "\(turns.loop.timerCount) timers are left")
        try WireChecker.check(tap.output, of: .server)
        // A server that drains has nothing left to wait for.
        let isIdle = Flag()
        turns.loop.becomeCurrent { transport.drain { isIdle.isUp = true } }
        try turns.settle()
        try require(isIdle.isUp, "a server without connections does not become idle")
    }
}

/// - Isolation: the fuzzing thread.
private final class Flag: @unchecked Sendable {
    // @unchecked: set and read by the one thread that turns the loop.
    var isUp = false
}

extension RPCServerConfiguration {
    /// Limits that short inputs reach.
    fileprivate mutating func limitTightly() {
        callsPerConnectionMax = 2
        calls.requestByteCountMax = 40
        calls.responseByteCountMax = 200
        calls.queuedResponseByteCountMax = 1000
        requestBudget.guaranteedByteCount = 30
        requestBudget.connectionByteCountMax = 80
        requestBudget.totalByteCountMax = 100
        calls.compression.format = .gzip
        calls.compression.messageByteCountMin = 30
        connections.maxIdleNanoseconds = 20_000_000_000
        connections.maxAgeNanoseconds = 60_000_000_000
        connections.ageGraceNanoseconds = 5_000_000_000
        connections.keepalive.timeNanoseconds = 15_000_000_000
        connections.keepalive.timeoutNanoseconds = 5_000_000_000
        connections.pings.intervalNanosecondsMin = 1_000_000_000
        connections.stallTimeoutNanoseconds = 8_000_000_000
        http2.limitTightly()
    }
}

extension HTTP2Configuration {
    /// Limits that short inputs reach.
    mutating func limitTightly() {
        concurrentStreamCountMax = 4
        streamWindowByteCount = 100
        connectionWindowByteCount = 65_535
        headerListByteCountMax = 400
        outboundHighWaterByteCount = 200
        outboundLowWaterByteCount = 50
        outputByteCountMax = 500
        sentDataFrameByteCountMax = 60
        floodLimits.resetBurst = 5
        floodLimits.uselessFrameBurst = 300
        floodLimits.continuationCountMax = 3
        floodLimits.outboundFrameCountMax = 20
        floodLimits.outboundAcknowledgementCountMax = 5
    }
}

/// What decent clients say.
private enum ServerSeeds {
    private static let frameByFrame: UInt8 = 0x05

    static func make() throws -> [(name: String, bytes: [UInt8])] {
        calls + frames + [("hpack", seed(control: 0x04, try encodedByOurClient()))]
    }

    private static let calls: [(name: String, bytes: [UInt8])] =
        [
            ("preface", [0x00] + Frames.clientGreeting),
            ("unary", seed(Frames.headers(1, Frames.request()), Frames.data(1, Frames.message([1, 2, 3]), end: true))),
            (
                "unary-tight",
                seed(control: 0x85, Frames.headers(1, Frames.request()), Frames.data(1, Frames.message([1]), end: true))
            ),
            (
                "byte-by-byte",
                seed(control: 0x06, Frames.headers(1, Frames.request()), Frames.data(1, Frames.message([9]), end: true))
            ),
            ("metadata", seed(Frames.headers(1, metadata), Frames.data(1, Frames.message([]), end: true))),
            (
                "serve",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Serve")),
                    Frames.data(1, Frames.message([9, 60]), end: true), Frames.windowUpdate(0, 1 << 20),
                    Frames.windowUpdate(1, 1 << 20))
            ),
            (
                "serve-slowly",
                seed(
                    control: 0x95, Frames.settings([(4, 10)]), Frames.headers(1, Frames.request("/fuzz.Echo/Serve")),
                    Frames.data(1, Frames.message([3, 2]), end: true), Frames.windowUpdate(1, 100),
                    Frames.windowUpdate(1, 400))
            ),
            (
                "serve-unread",
                seed(
                    control: 0x1D, Frames.headers(1, Frames.request("/fuzz.Echo/Serve")),
                    Frames.data(1, Frames.message([200, 200]), end: true), Frames.windowUpdate(1, 1 << 24),
                    Frames.windowUpdate(0, 1 << 24))
            ),
            (
                "collect",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Collect")), Frames.data(1, Frames.message([1])),
                    Frames.data(1, Frames.message([2, 2])), Frames.data(1, [], end: true))
            ),
            (
                "both",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Both")), Frames.data(1, Frames.message([1])),
                    Frames.data(1, [0, 0, 0]), Frames.data(1, [0, 1, 7]), Frames.headers(1, [("x", "y")], end: true))
            ),
            (
                "fail",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Fail", [("x-bin", "q6ur")])),
                    Frames.data(1, Frames.message([5]), end: true))
            ),
            (
                "deadline",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Hang", [("grpc-timeout", "2S")])),
                    Frames.data(1, Frames.message([5]), end: true), Frames.clock(milliseconds: 3000))
            ),
            (
                "hang",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Hang")),
                    Frames.data(1, Frames.message([5]), end: true), Frames.reset(1),
                    Frames.headers(3, Frames.request("/fuzz.Echo/Hang")), Frames.data(3, Frames.message([5]), end: true)
                )
            ),
        ]

    private static let frames: [(name: String, bytes: [UInt8])] =
        [
            ("unknown", seed(Frames.headers(1, Frames.request("/no/Such"), end: true))),
            (
                "not-grpc",
                seed(
                    Frames.headers(
                        1, [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "x")], end: true),
                    Frames.headers(
                        3,
                        [
                            (":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "x"),
                            ("content-type", "text/html"),
                        ], end: true))
            ),
            (
                "compressed",
                seed(
                    Frames.headers(
                        1,
                        Frames.request(
                            "/fuzz.Echo/Unary",
                            [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip,deflate,identity")])),
                    Frames.data(1, Frames.message(gzipABC, flag: 1), end: true))
            ),
            (
                "compressed-both-ways",
                seed(
                    control: 0x85,
                    Frames.headers(
                        1,
                        Frames.request(
                            "/fuzz.Echo/Serve", [("grpc-encoding", "deflate"), ("grpc-accept-encoding", "gzip")])),
                    Frames.data(1, Frames.message(deflated([2, 3]), flag: 1), end: true),
                    Frames.windowUpdate(1, 10_000))
            ),
            (
                "padded",
                seed(
                    Frames.headers(1, Frames.request()),
                    Frames.frame(type: 0, flags: 9, stream: 1, [3] + Frames.message([1]) + [0, 0, 0]))
            ),
            (
                "continuation",
                seed(
                    Frames.frame(type: 1, stream: 1, [UInt8](Frames.block(Frames.request())[..<20])),
                    Frames.frame(type: 9, flags: 4, stream: 1, [UInt8](Frames.block(Frames.request())[20...])),
                    Frames.data(1, Frames.message([]), end: true))
            ),
            (
                "priority",
                seed(
                    Frames.frame(type: 1, flags: 0x24, stream: 1, [0, 0, 0, 0, 16] + Frames.block(Frames.request())),
                    Frames.frame(type: 2, stream: 1, [0, 0, 0, 3, 1]),
                    Frames.frame(type: 0x10, [0, 0, 0, 1] + Array("u=0".utf8)))
            ),
            (
                "settings",
                seed(
                    Frames.settings([(1, 0), (3, 9), (4, 1000), (5, 20_000), (6, 500)]), Frames.ping(),
                    Frames.ping(flags: 1), Frames.settings([(1, 4096)]))
            ),
            (
                "control",
                seed(Frames.goAway(last: 0, text: "bye"), Frames.windowUpdate(0, 5), Frames.frame(type: 0xEE, [1, 2]))
            ),
            (
                "drain",
                seed(
                    control: 0x25, Frames.headers(1, Frames.request("/fuzz.Echo/Both")),
                    Frames.data(1, Frames.message([1])), Frames.ping(), Frames.data(1, Frames.message([2]), end: true),
                    Frames.clock(milliseconds: 6000))
            ),
            (
                "early-answer",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Unary")),
                    Frames.data(1, Frames.message([1]) + Frames.message([2])), Frames.data(1, Frames.message([3])),
                    Frames.headers(3, Frames.request("/fuzz.Echo/Unary"), end: true))
            ),
            (
                "window-overflow",
                seed(
                    Frames.headers(1, Frames.request("/fuzz.Echo/Both")), Frames.windowUpdate(1, 0x7FFF_FFFF),
                    Frames.windowUpdate(0, 0x7FFF_FFFF))
            ),
            (
                "silence",
                seed(
                    control: 0xC5, Frames.headers(1, Frames.request("/fuzz.Echo/Hang")),
                    Frames.data(1, Frames.message([5]), end: true), Frames.clock(milliseconds: 16_000),
                    Frames.ping(flags: 1), Frames.clock(milliseconds: 16_000))
            ),
            (
                "silence-unread",
                seed(
                    control: 0xDD, Frames.headers(1, Frames.request("/fuzz.Echo/Serve")),
                    Frames.data(1, Frames.message([200, 2]), end: true), Frames.windowUpdate(1, 1 << 24))
            ),
            (
                "ping-strikes",
                seed(
                    control: 0x85, Frames.ping(), Frames.clock(milliseconds: 5), Frames.ping(), Frames.ping(),
                    Frames.ping())
            ),
            ("idle", [0x85] + Frames.clock(milliseconds: 21_000) + Frames.ping(flags: 1)),
            ("handshake-timeout", [0x01] + Frames.preface + Frames.clock(milliseconds: 11_000)),
        ]

    private static let metadata = Frames.request(
        "/fuzz.Echo/Unary",
        [
            ("grpc-timeout", "5S"), ("x-text", "a value"), ("x-text", "another"), ("x-bytes-bin", "q6ur,YQ=="),
            ("user-agent", "fuzz"), ("x-padded", "  spaces "),
        ])

    /// `abc`, compressed by gzip(1).
    private static let gzipABC: [UInt8] = [
        0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0x4B, 0x4C, 0x4A, 0x06, 0, 0xC2, 0x41, 0x24, 0x35, 0x03, 0, 0, 0,
    ]

    /// A message so short, behind zeros that make it worth compressing.
    private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        Codec().compress(Bytes(bytes + [UInt8](repeating: 0, count: 36)), .deflate)?.array ?? []
    }

    private static func seed(control: UInt8 = frameByFrame, _ frames: [UInt8]...) -> [UInt8] {
        [control] + frames.joined()
    }

    /// Three requests with header compression at work, without the preface.
    private static func encodedByOurClient() throws -> [UInt8] {
        let session = try HTTP2Session(role: .client)
        for index in 0..<3 {
            var list = HeaderList()
            for (name, value) in metadata + [("x-index", "\(index)")] { try list.append(name: name, value: value) }
            let stream = try session.openStream(list, .more)
            let message = Frames.message([UInt8(index)])
            session.submitData(stream, .init(message), .end)
        }
        var output: [UInt8] = []
        try session.drainOutput { bytes in
            output += bytes
            return bytes.count
        }
        return Array(output[Frames.preface.count...])
    }
}
