import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("A channel whose target has several addresses")
struct ChannelAddressTests {
    private static func addresses(_ hosts: String...) -> [ServerAddress] {
        hosts.map { ServerAddress(host: $0, port: 1) }
    }

    private static func answer(_ bench: ChannelBench, _ server: RawServer) throws {
        for request in server.requests where request.closeCode == nil {
            try bench.answer(
                server, request.stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
                trailers: [("grpc-status", "0")])
        }
    }

    @Test("C153: calls go to the first address that answers; a refusal moves on at once")
    func firstThatAnswers() throws {
        let bench = try ChannelBench()
        bench.addresses = Self.addresses("a", "b", "c")
        bench.failingHosts = ["a"]
        let outcome = bench.call()
        #expect(bench.attempts == ["a", "b"] && bench.state == .ready)
        try Self.answer(bench, try #require(bench.server(at: "b")))
        #expect(outcome.response != nil)
    }

    @Test("C153: a silent address is joined by the next after 250 ms, and given up when that one answers")
    func silentAddress() throws {
        let bench = try ChannelBench()
        bench.addresses = Self.addresses("::a", "::b", "v4")
        bench.silentHosts = ["::a"]
        let outcome = bench.call()
        bench.advance(seconds: 0.24)
        #expect(bench.attempts == ["::a"])
        bench.advance(seconds: 0.02)
        // The other family's turn.
        #expect(bench.attempts == ["::a", "v4"] && bench.cancelledHosts == ["::a"])
        try Self.answer(bench, try #require(bench.server(at: "v4")))
        #expect(outcome.response != nil)
    }

    @Test("C150, C151: when every address has failed, impatient calls fail and attempts go on with growing delays")
    func everyAddressFails() throws {
        let bench = try ChannelBench { $0.random = { 0.5 } }
        bench.addresses = Self.addresses("a", "b")
        bench.failingHosts = ["a", "b"]
        #expect(bench.state == .idle)
        #expect(bench.call().failure?.error.code == .unavailable)
        #expect(bench.state == .transientFailure && bench.attempts == ["a", "b"])
        #expect(bench.attemptTimeouts == [20_000_000_000])
        bench.advance(seconds: 0.99)
        #expect(bench.attemptCount == 2)
        bench.advance(seconds: 0.02)
        #expect(bench.attempts == ["a", "b", "a", "b"] && bench.state == .transientFailure)
        bench.advance(seconds: 1.5)
        #expect(bench.attemptCount == 4)
        bench.failingHosts = ["a"]
        bench.advance(seconds: 0.11)
        #expect(bench.state == .ready && bench.attemptCount == 6)
    }

    @Test("C5 C151: only SETTINGS end the backoff, not a TCP connection that says nothing of HTTP/2")
    func backoffUntilSettings() throws {
        let bench = try ChannelBench { $0.random = { 0.5 } }
        bench.closesOnAccept = true
        _ = bench.call { $0.waitsForReady = true }
        #expect(bench.attemptCount == 1 && bench.state == .transientFailure)
        for (attempt, delay) in [(1, 1.0), (2, 1.6), (3, 2.56)] {
            bench.advance(seconds: delay - 0.01)
            #expect(bench.attemptCount == attempt)
            if attempt == 3 { bench.closesOnAccept = false }
            bench.advance(seconds: 0.02)
            #expect(bench.attemptCount == attempt + 1)
        }
        #expect(bench.state == .ready)
        bench.closesOnAccept = true
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        _ = bench.call { $0.waitsForReady = true }
        #expect(bench.attemptCount == 5)
        bench.advance(seconds: 1.01)
        #expect(bench.attemptCount == 6)
    }

    @Test("C152: a call that waits for ready outlives failures until its deadline")
    func waitForReady() throws {
        let bench = try ChannelBench()
        bench.failingHosts = ["test"]
        let patient = bench.call { options in
            options.waitsForReady = true
            options.deadline = bench.deadline(seconds: 10)
        }
        bench.advance(seconds: 5)
        #expect(!patient.isFinished && bench.state == .transientFailure)
        bench.advance(seconds: 5.1)
        #expect(patient.failure?.error.code == .deadlineExceeded)
    }

    @Test("C152: a name that cannot be resolved fails impatient calls, patient ones wait for the next answer")
    func unknownName() throws {
        let bench = try ChannelBench { $0.random = { 0.5 } }
        bench.addresses = nil
        let patient = bench.call { $0.waitsForReady = true }
        let impatient = bench.call()
        #expect(impatient.failure?.error.label == "resolution_failed")
        #expect(impatient.failure?.error.message == "cannot resolve test:1: no such name")
        bench.addresses = Self.addresses("a")
        bench.advance(seconds: 1.1)
        #expect(bench.resolutionCount == 2)
        try Self.answer(bench, try #require(bench.server(at: "a")))
        #expect(patient.response != nil)
    }

    @Test("C153: after a lost connection the name is resolved again, but not within 30 s")
    func resolvesAgain() throws {
        let bench = try ChannelBench()
        bench.addresses = Self.addresses("a")
        _ = bench.call()
        bench.addresses = Self.addresses("b")
        bench.loop.becomeCurrent { bench.server(at: "a")?.close() }
        bench.settle()
        #expect(bench.resolutionCount == 1)
        bench.advance(seconds: 30)
        #expect(bench.resolutionCount == 2)
        let outcome = bench.call()
        #expect(bench.attempts == ["a", "b"])
        try Self.answer(bench, try #require(bench.server(at: "b")))
        #expect(outcome.response != nil)
    }

    @Test("C153: round-robin spreads calls over the addresses that answer")
    func roundRobin() throws {
        let bench = try ChannelBench { $0.balancing = .roundRobin }
        bench.addresses = Self.addresses("a", "b", "c")
        bench.failingHosts = ["b"]
        for _ in 0..<4 { _ = bench.call() }
        #expect(bench.server(at: "a")?.requests.count == 2 && bench.server(at: "c")?.requests.count == 2)
        bench.failingHosts = []
        bench.advance(seconds: 1.3)
        for _ in 0..<3 { _ = bench.call() }
        #expect(bench.server(at: "b")?.requests.count == 1)
    }

    @Test("C144, C153: round-robin leaves out a server that says GOAWAY, and the calls it has go on")
    func roundRobinGoAway() throws {
        let bench = try ChannelBench { $0.balancing = .roundRobin }
        bench.addresses = Self.addresses("a", "b")
        let first = bench.call()
        let a = try #require(bench.server(at: "a"))
        let b = try #require(bench.server(at: "b"))
        let away = a.requests.isEmpty ? b : a
        let other = away === a ? b : a
        try bench.speak(away) { away.session.goAway(.noError, debugData: Bytes()) }
        _ = bench.call()
        #expect(other.requests.count == 1 && away.requests.count == 1)
        // That call has the server connected again.
        #expect(bench.attemptCount == 3)
        try Self.answer(bench, away)
        #expect(first.response != nil && away.isClosed)
    }

    @Test("C150: a channel nobody uses closes its connections after its idle timeout, and connects for the next call")
    func idleTimeout() throws {
        #expect(RPCChannelConfiguration(host: "a", port: 1).idleTimeoutNanoseconds == 1_800_000_000_000)
        let bench = try ChannelBench { $0.idleTimeoutNanoseconds = 60_000_000_000 }
        let outcome = bench.call()
        bench.advance(seconds: 61)
        // A call is open: not idle.
        #expect(bench.state == .ready)
        try Self.answer(bench, bench.servers[0])
        #expect(outcome.response != nil)
        bench.advance(seconds: 59)
        #expect(bench.state == .ready)
        bench.advance(seconds: 61)
        #expect(bench.state == .idle && bench.servers[0].isClosed)
        _ = bench.call()
        #expect(bench.state == .ready && bench.attemptCount == 2)
    }

    @Test("C145: a GOAWAY without calls leaves the channel idle, without another attempt")
    func idleAfterGoAway() throws {
        let bench = try ChannelBench()
        _ = bench.call()
        let server = bench.servers[0]
        try Self.answer(bench, server)
        try bench.speak(server) { server.session.goAway(.noError, debugData: Bytes()) }
        bench.advance(seconds: 20)
        #expect(bench.state == .idle && bench.attemptCount == 1)
    }

    @Test("C156: a full connection gets a second beside it, up to the maximum, and then calls wait")
    func secondConnection() throws {
        let bench = try ChannelBench { $0.connectionCountPerAddressMax = 2 }
        bench.serverConfiguration.concurrentStreamCountMax = 2
        let outcomes = (0..<5).map { _ in bench.call() }
        #expect(bench.servers.map(\.requests.count) == [2, 2])
        try Self.answer(bench, bench.servers[0])
        #expect(bench.servers.map(\.requests.count) == [3, 2])
        for server in bench.servers { try Self.answer(bench, server) }
        #expect(outcomes.allSatisfy { $0.response != nil })
    }

    @Test("C6: a limit that the server lowers later is obeyed, and calls wait until there is room")
    func reducedLimit() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 3
        let outcomes = (0..<3).map { _ in bench.call() }
        let server = bench.servers[0]
        try bench.speak(server) { server.session.announce(concurrentStreamCountMax: 1) }
        let queued = bench.call { $0.deadline = bench.deadline(seconds: 5) }
        for number in 0..<2 {
            try bench.answer(
                server, server.requests[number].stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
                trailers: [("grpc-status", "0")])
        }
        #expect(server.requests.count == 3)
        try bench.answer(
            server, server.requests[2].stream, headers: ChannelTests.gRPCHeaders, body: ChannelTests.frame,
            trailers: [("grpc-status", "0")])
        #expect(server.requests.count == 4 && outcomes.allSatisfy { $0.response != nil })
        bench.advance(seconds: 5.1)
        #expect(queued.failure?.error.code == .deadlineExceeded)
    }

    @Test("C150: a server that turns everybody away is not asked as fast as the network allows")
    func turnedAway() throws {
        let bench = try ChannelBench { $0.random = { 0.5 } }
        bench.goesAwayOnAccept = true
        let outcome = bench.call { $0.waitsForReady = true }
        #expect(bench.attemptCount == 2 && bench.state == .transientFailure)
        bench.advance(seconds: 1.1)
        #expect(bench.attemptCount == 3 && !outcome.isFinished)
    }

    @Test("C144, C165: a server that sends a client away before its first call is asked again at once")
    func turnedAwayOnce() throws {
        let bench = try ChannelBench()
        bench.goesAwayOnAccept = true
        bench.onConnect = { [unowned bench] in bench.goesAwayOnAccept = false }
        let outcome = bench.call()
        try #require(bench.servers.count == 2 && bench.servers[1].requests.count == 1)
        #expect(!outcome.isFinished)
    }
}
