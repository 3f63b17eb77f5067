import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("A channel that checks its servers' health")
struct ChannelHealthTests {
    private static let watchPath = "/grpc.health.v1.Health/Watch"

    private static func bench(policy: String = "round_robin", hosts: [String] = ["a"]) throws -> ChannelBench {
        let serviceConfig = try ServiceConfig(
            json: """
                {"loadBalancingConfig": [{"\(policy)": {}}], "healthCheckConfig": {"serviceName": "s"}}
                """)
        let bench = try ChannelBench { configuration in
            configuration.random = { 0.5 }
            configuration.serviceConfig = serviceConfig
        }
        bench.addresses = hosts.map { ServerAddress(host: $0, port: 1) }
        return bench
    }

    private static func requests(_ server: RawServer, to path: String) -> [RawServer.Request] {
        server.requests.filter { request in request.fields.contains { $0 == (":path", path) } }
    }

    private static func watches(_ server: RawServer) -> [RawServer.Request] { requests(server, to: watchPath) }

    private static func calls(_ server: RawServer) -> [RawServer.Request] { requests(server, to: "/s/m") }

    /// Begins the answer to the last watch on a connection.
    private static func accept(_ bench: ChannelBench, _ server: RawServer) throws {
        let watch = try #require(watches(server).last)
        try bench.speak(server) {
            try server.session.submitHeaders(watch.stream, ChannelBench.list(ChannelTests.gRPCHeaders), .more)
        }
    }

    private static func say(_ status: UInt8, _ bench: ChannelBench, _ server: RawServer) throws {
        let watch = try #require(watches(server).last)
        try bench.speak(server) { server.session.submitData(watch.stream, Bytes([0, 0, 0, 0, 2, 8, status]), .more) }
    }

    private static func end(_ code: StatusCode, _ bench: ChannelBench, _ server: RawServer) throws {
        try bench.answer(
            server, try #require(watches(server).last).stream,
            headers: ChannelTests.gRPCHeaders + [("grpc-status", String(code.rawValue))], body: nil, trailers: nil)
    }

    @Test("C155: calls wait until the server says SERVING, fail while it does not, and go on when it does again")
    func serving() throws {
        let bench = try Self.bench()
        let waiting = bench.call()
        let server = bench.servers[0]
        let watch = try #require(Self.watches(server).first)
        #expect(watch.body == [0, 0, 0, 0, 3, 0x0A, 1, UInt8(ascii: "s")] && watch.hasEnded)
        #expect(bench.state == .connecting && Self.calls(server).isEmpty && !waiting.isFinished)
        try Self.accept(bench, server)
        try Self.say(1, bench, server)
        #expect(bench.state == .ready && Self.calls(server).count == 1)
        try Self.say(2, bench, server)
        #expect(bench.state == .transientFailure && !waiting.isFinished)
        let refused = bench.call()
        #expect(refused.failure?.error.code == .unavailable && refused.failure?.error.label == "unhealthy")
        try Self.say(1, bench, server)
        _ = bench.call()
        #expect(bench.state == .ready && Self.calls(server).count == 2 && bench.servers.count == 1)
    }

    @Test("C155: of several addresses those that are healthy get the calls")
    func several() throws {
        let bench = try Self.bench(hosts: ["a", "b"])
        _ = bench.call()
        let a = try #require(bench.server(at: "a"))
        let b = try #require(bench.server(at: "b"))
        for (server, status) in [(a, 1), (b, 2)] as [(RawServer, UInt8)] {
            try Self.accept(bench, server)
            try Self.say(status, bench, server)
        }
        for _ in 0..<3 { _ = bench.call() }
        #expect(Self.calls(a).count == 4 && Self.calls(b).isEmpty)
        try Self.say(1, bench, b)
        for _ in 0..<4 { _ = bench.call() }
        #expect(Self.calls(a).count == 6 && Self.calls(b).count == 2)
    }

    @Test("C155: a server that knows of no health is healthy, and not asked again")
    func unimplemented() throws {
        let bench = try Self.bench()
        _ = bench.call()
        let server = bench.servers[0]
        try Self.end(.unimplemented, bench, server)
        #expect(bench.state == .ready && Self.calls(server).count == 1)
        bench.advance(seconds: 300)
        #expect(Self.watches(server).count == 1 && bench.state == .ready)
    }

    @Test("C155: a watch that ends otherwise is a failure, and begins again after the backoff")
    func failure() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try Self.end(.internal, bench, server)
        #expect(bench.state == .transientFailure && outcome.failure?.error.code == .unavailable)
        bench.advance(seconds: 0.9)
        #expect(Self.watches(server).count == 1)
        bench.advance(seconds: 0.2)
        #expect(Self.watches(server).count == 2)
        try Self.accept(bench, server)
        try Self.say(1, bench, server)
        #expect(bench.state == .ready)
    }

    @Test("C155: the next connection is asked anew")
    func nextConnection() throws {
        let bench = try Self.bench()
        _ = bench.call()
        try Self.accept(bench, bench.servers[0])
        try Self.say(1, bench, bench.servers[0])
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        let outcome = bench.call()
        try #require(bench.servers.count == 2)
        #expect(Self.watches(bench.servers[1]).count == 1 && Self.calls(bench.servers[1]).isEmpty)
        try Self.accept(bench, bench.servers[1])
        try Self.say(1, bench, bench.servers[1])
        #expect(Self.calls(bench.servers[1]).count == 1 && !outcome.isFinished)
    }

    @Test(
        "C150, C155: a watch does not keep a channel from becoming idle, nor a connection that goes away from closing")
    func idle() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try Self.accept(bench, server)
        try Self.say(1, bench, server)
        try bench.answer(
            server, try #require(Self.calls(server).first).stream, headers: ChannelTests.gRPCHeaders,
            body: ChannelTests.frame, trailers: [("grpc-status", "0")])
        #expect(outcome.response != nil)
        bench.advance(seconds: 3700)
        #expect(bench.state == .idle && Self.watches(server).last?.closeCode == .cancel && server.isClosed)
    }

    @Test("C155: pick-first asks nobody for health")
    func pickFirst() throws {
        let bench = try Self.bench(policy: "pick_first")
        _ = bench.call()
        #expect(Self.watches(bench.servers[0]).isEmpty && Self.calls(bench.servers[0]).count == 1)
    }
}
