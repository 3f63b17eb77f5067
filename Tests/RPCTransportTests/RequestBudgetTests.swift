import EventLoops
import HTTP2
import RPC
import Synchronization
import Testing
import Vocabulary

@testable import RPCTransport

@Suite("What the calls of a connection may hold")
struct RequestBudgetTests {
    private static func small(_ configuration: inout RPCServerConfiguration) {
        configuration.requestBudget.guaranteedByteCount = 1_000
        configuration.requestBudget.connectionByteCountMax = 10_000
        configuration.requestBudget.totalByteCountMax = 15_000
    }

    /// Begins a request of one message of 20 000 bytes, and sends so many of them.
    private static func begin(
        _ bench: Workbench, _ client: RawClient, byteCount: Int, path: String = "/test.Echo/Unary"
    ) throws -> HTTP2Stream {
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: path), .more)
            let body = [0, 0, 0, 0x4E, 0x20] + [UInt8](repeating: 1, count: byteCount - 5)
            client.session.submitData(opened, Bytes(body), .more)
            stream = opened
        }
        return stream!
    }

    @Test(
        "is what a connection is guaranteed, or less than its own limit and that of all together",
        arguments: [
            (1_000, 0, 15_000, true), (1_001, 0, 15_000, false), (1_001, 0, 13_999, true), (1_001, 0, 14_000, false),
            (1, 10_000, 10_000, false), (1, 9_999, 9_999, true), (500, 500, 15_000, true),
        ])
    func table(byteCount: Int, connection: Int, total: Int, isAllowed: Bool) {
        var budget = RequestBudget()
        budget.guaranteedByteCount = 1_000
        budget.connectionByteCountMax = 10_000
        budget.totalByteCountMax = 15_000
        #expect(budget.allows(byteCount, connectionByteCount: connection, totalByteCount: total) == isAllowed)
    }

    @Test("the call that goes beyond is RESOURCE_EXHAUSTED; the others go on, and what they held comes back")
    func connection() throws {
        let bench = try Workbench(Self.small)
        let client = try bench.connect()
        let first = try Self.begin(bench, client, byteCount: 8_000)
        let second = try Self.begin(bench, client, byteCount: 3_000)
        #expect(client.answer(second).status == 8 && client.answer(first).closeCode == nil)
        #expect(bench.service.records.withLock { $0.map(\.label) } == ["request_budget"])
        try bench.speak(client) { client.session.reset(first, .cancel) }
        let again = try bench.request(
            client, RawClient.headers(), body: RawClient.frame([UInt8](repeating: 2, count: 9_000)).array)
        #expect(again.status == 0 && again.body.count == 9_005)
    }

    @Test("all connections together have a limit too, but each keeps what it is guaranteed")
    func total() throws {
        let bench = try Workbench(Self.small)
        let clients = try (0..<3).map { _ in try bench.connect() }
        let first = try Self.begin(bench, clients[0], byteCount: 9_000)
        let second = try Self.begin(bench, clients[1], byteCount: 5_000)
        let third = try Self.begin(bench, clients[2], byteCount: 2_000)
        #expect(clients[0].answer(first).status == nil && clients[1].answer(second).status == nil)
        #expect(clients[2].answer(third).status == 8)
        let little = RawClient.frame([UInt8](repeating: 2, count: 900)).array
        #expect(try bench.request(clients[2], RawClient.headers(), body: little).status == 0)
        bench.loop.becomeCurrent { clients[0].close() }
        bench.settle()
        let more = RawClient.frame([UInt8](repeating: 2, count: 9_000)).array
        #expect(try bench.request(clients[2], RawClient.headers(), body: more).status == 0)
    }

    @Test("what a compressed message unfolds to is counted as well", arguments: [(9_000, 0), (12_000, 8)])
    func compressed(byteCount: Int, status: Int) throws {
        let bench = try Workbench(Self.small)
        let message = try CompressionTests.compressed([UInt8](repeating: 0, count: byteCount))
        let headers = try RawClient.headers([("grpc-encoding", "gzip")])
        let client = try bench.connect()
        for _ in 0..<3 {
            let answer = try bench.request(client, headers, body: RawClient.frame(message, flag: 1).array)
            #expect(answer.status == status)
        }
    }

    @Test("a stream's handler gives its message back when it asks for the next")
    func stream() throws {
        let bench = try Workbench(Self.small)
        let client = try bench.connect()
        let message = RawClient.frame([UInt8](repeating: 2, count: 6_000))
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ClientStream"), .more)
        }
        for index in 0..<5 {
            try bench.speak(client) { client.session.submitData(stream!, message, index == 4 ? .end : .more) }
        }
        #expect(client.answer(stream!).status == 0)
        #expect(client.answer(stream!).body.dropFirst(5) == Array("30000".utf8)[...])
    }

    @Test("empty messages count with the places they take while they wait", arguments: [(100, nil), (1_000, 8)])
    func emptyMessages(count: Int, status: Int?) throws {
        let bench = try Workbench { configuration in
            Self.small(&configuration)
            configuration.http2.outboundHighWaterByteCount = 1
        }
        var windowless = HTTP2Configuration()
        windowless.streamWindowByteCount = 1
        let client = try bench.connect(windowless)
        client.consumes = false
        // Its first echo finds no window, so the handler waits with it and reads no further.
        var stream: HTTP2Stream?
        try bench.speak(client) {
            let opened = try client.session.openStream(RawClient.headers(path: "/test.Echo/Bidirectional"), .more)
            client.session.submitData(opened, Bytes([UInt8](repeating: 0, count: 5 * count)), .more)
            stream = opened
        }
        let record = bench.service.records.withLock { $0.first }
        #expect(record?.status.rawValue == status && record?.label == status.map { _ in "request_budget" })
        try bench.speak(client) { client.session.reset(stream!, .cancel) }
        #expect(bench.loop.becomeCurrent { bench.transport.heldRequestByteCount } == 0)
    }

    @Test("places are given back as messages are taken")
    func places() throws {
        let bench = try Workbench(Self.small)
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(RawClient.headers(path: "/test.Echo/ClientStream"), .more)
        }
        for _ in 0..<50 {
            try bench.speak(client) {
                client.session.submitData(stream!, Bytes([UInt8](repeating: 0, count: 5 * 100)), .more)
            }
        }
        try bench.speak(client) { client.session.submitData(stream!, Bytes(), .end) }
        #expect(client.answer(stream!).status == 0)
        #expect(bench.loop.becomeCurrent { bench.transport.heldRequestByteCount } == 0)
    }

    @Test("answers that the client does not take have a limit, and a reset gives their bytes back")
    func answers() throws {
        let bench = try Workbench { $0.calls.queuedResponseByteCountMax = 20_000 }
        var windowless = HTTP2Configuration()
        windowless.streamWindowByteCount = 1_000
        let client = try bench.connect(windowless)
        client.consumes = false
        let message = RawClient.frame([UInt8](repeating: 2, count: 8_000))
        var streams: [HTTP2Stream] = []
        for _ in 0..<4 {
            try bench.speak(client) {
                let opened = try client.session.openStream(RawClient.headers(), .more)
                client.session.submitData(opened, message, .end)
                streams.append(opened)
            }
        }
        #expect(streams.map { client.answer($0).status } == [nil, nil, nil, 8])
        try bench.speak(client) { for stream in streams.prefix(3) { client.session.reset(stream, .cancel) } }
        #expect(try bench.request(client, RawClient.headers()).status == 0)
    }
}
