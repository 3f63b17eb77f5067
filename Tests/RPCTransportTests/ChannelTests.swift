import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("What a client makes of its server")
struct ChannelTests {
    static let gRPCHeaders = [(":status", "200"), ("content-type", "application/grpc")]
    static let frame: [UInt8] = [0, 0, 0, 0, 1, 42]

    @Test("C10 C11 C12 C13 C14 C15: a request has its headers in order, its message and its end")
    func request() throws {
        let bench = try ChannelBench()
        let outcome = bench.call { options in
            options.deadline = bench.deadline(seconds: 2)
            try? options.metadata.append("x-a", "1")
        }
        let request = try #require(bench.servers[0].requests.first)
        #expect(
            request.fields.map { "\($0.name): \($0.value)" } == [
                ":method: POST", ":scheme: http", ":path: /s/m", ":authority: test:1", "grpc-timeout: 2000000u",
                "te: trailers", "content-type: application/grpc", "grpc-accept-encoding: identity,deflate,gzip",
                "user-agent: grpc-swift-apus/1.0", "x-a: 1",
            ])
        #expect(request.body == [0, 0, 0, 0, 3, 1, 2, 3] && request.hasEnded)
        try bench.answer(
            bench.servers[0], request.stream, headers: Self.gRPCHeaders + [("x-i", "i")], body: Self.frame,
            trailers: [("grpc-status", "0"), ("x-t", "t")])
        #expect(outcome.response?.message == Bytes([42]))
        #expect(outcome.response?.initialMetadata.firstText(of: "x-i") == "i")
        #expect(outcome.response?.trailingMetadata.firstText(of: "x-t") == "t")
        // Only the one that closes idle connections, and the one that looks for quiet ones.
        #expect(bench.loop.timerCount == 2)
    }

    @Test(
        "C15: the name that stands in for the target's is the request's authority, an identity is not",
        arguments: [(nil, "test:1"), ("models.example", "models.example"), ("spiffe://apus.local/server", "test:1")])
    func authority(serverName: String?, authority: String) throws {
        let bench = try ChannelBench { $0.serverName = serverName }
        _ = bench.call()
        let fields = bench.servers[0].requests[0].fields
        #expect(fields.filter { $0.name == ":authority" }.map(\.value) == [authority])
    }

    @Test(
        "B52 B53 B55 B56 B58 C72 C84 C85 C87: wrong and odd answers have the status the specification gives them",
        arguments: [
            ([(":status", "503"), ("content-type", "text/html")], nil, nil, .unavailable),
            ([(":status", "404")], nil, nil, .unimplemented), ([(":status", "200")], nil, nil, .unknown),
            ([(":status", "403")], Array("<html>".utf8), nil, .permissionDenied),
            ([(":status", "200"), ("content-type", "text/plain")], Array("hello".utf8), nil, .unknown),
            (gRPCHeaders, frame, [("grpc-status", "99")], .unknown),
            (gRPCHeaders, frame, [("grpc-status", "nine")], .unknown),
            (gRPCHeaders, frame, [("x", "y")], .unknown), (gRPCHeaders, frame, nil, .internal),
            (gRPCHeaders, nil, [("grpc-status", "0")], .internal),
            (gRPCHeaders, frame + frame, [("grpc-status", "0")], .internal),
            (gRPCHeaders, [0, 0, 0, 0, 9, 1], [("grpc-status", "0")], .internal),
            (gRPCHeaders, [3, 0, 0, 0, 0], [("grpc-status", "0")], .internal),
            (gRPCHeaders, [1, 0, 0, 0, 1, 1], [("grpc-status", "0")], .internal),
            (gRPCHeaders, [0, 127, 0, 0, 0], [("grpc-status", "0")], .resourceExhausted),
            (gRPCHeaders, nil, [("grpc-status", "5"), ("grpc-message", "no%20such")], .notFound),
            (gRPCHeaders, frame, [("grpc-status", "10")], .aborted),
            (gRPCHeaders + [("grpc-status", "7")], nil, nil, .permissionDenied),
            ([(":status", "404"), ("grpc-status", "8")], nil, nil, .resourceExhausted),
        ] as [([(String, String)], [UInt8]?, [(String, String)]?, StatusCode)])
    func answers(
        headers: [(String, String)], body: [UInt8]?, trailers: [(String, String)]?, code: StatusCode
    ) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let request = try #require(bench.servers[0].requests.first)
        try bench.answer(bench.servers[0], request.stream, headers: headers, body: body, trailers: trailers)
        #expect(outcome.failure?.error.code == code)
    }

    @Test(
        "C100: a reset has the status of its code",
        arguments: [
            (.cancel, .cancelled), (.enhanceYourCalm, .resourceExhausted), (.internalError, .internal),
            (.inadequateSecurity, .permissionDenied), (.protocolError, .internal),
        ] as [(HTTP2ErrorCode, StatusCode)])
    func reset(code: HTTP2ErrorCode, status: StatusCode) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.speak(server) { server.session.reset(server.requests[0].stream, code) }
        #expect(outcome.failure?.error.code == status)
    }

    @Test("C165: a refused stream is made again once, with its message, and not a third time")
    func refused() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.speak(server) { server.session.reset(server.requests[0].stream, .refusedStream) }
        #expect(server.requests.count == 2 && !outcome.isFinished)
        #expect(server.requests[1].body == server.requests[0].body && server.requests[1].hasEnded)
        try bench.speak(server) { server.session.reset(server.requests[1].stream, .refusedStream) }
        #expect(server.requests.count == 2)
        #expect(outcome.failure?.error.code == .unavailable)
    }

    @Test("after a GOAWAY running calls finish where they are, and new ones go elsewhere")
    func goAway() throws {
        let bench = try ChannelBench()
        let first = bench.call()
        let server = bench.servers[0]
        try bench.speak(server) { server.session.goAway(.noError, debugData: Bytes()) }
        #expect(bench.attemptCount == 1 && !first.isFinished)
        let second = bench.call()
        #expect(bench.servers.count == 2)
        for (server, outcome) in zip(bench.servers, [first, second]) {
            try bench.answer(
                server, server.requests[0].stream, headers: Self.gRPCHeaders, body: Self.frame,
                trailers: [("grpc-status", "0")])
            #expect(outcome.response != nil)
        }
        #expect(server.isClosed && !bench.servers[1].isClosed)
    }

    @Test("C102: a lost connection fails its calls; the next call connects again")
    func lostConnection() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(bench.attemptCount == 1)
        _ = bench.call()
        #expect(bench.attemptCount == 2 && bench.servers[1].requests.count == 1)
    }

    @Test("without a connection impatient calls fail, patient ones wait for the next attempt")
    func backoff() throws {
        let bench = try ChannelBench()
        bench.failingAttemptCount = 2
        let patient = bench.call { $0.waitsForReady = true }
        #expect(bench.attemptCount == 1 && !patient.isFinished)
        let impatient = bench.call()
        #expect(impatient.failure?.error.code == .unavailable)
        #expect(impatient.failure?.error.message == "cannot connect to test:1: not today")
        bench.advance(seconds: 0.79)
        #expect(bench.attemptCount == 1)
        bench.advance(seconds: 0.42)
        #expect(bench.attemptCount == 2 && !patient.isFinished)
        bench.advance(seconds: 1.6 * 1.21)
        #expect(bench.attemptCount == 3 && bench.servers[0].requests.count == 1)
    }

    @Test("B110: a deadline passes while the call waits for a connection, or for the answer")
    func deadline() throws {
        let bench = try ChannelBench()
        bench.failingAttemptCount = 1
        let queued = bench.call { options in
            options.waitsForReady = true
            options.deadline = bench.deadline(seconds: 0.5)
        }
        bench.advance(seconds: 0.6)
        #expect(queued.failure?.error.code == .deadlineExceeded)
        bench.advance(seconds: 1)
        let running = bench.call { $0.deadline = bench.deadline(seconds: 1) }
        bench.advance(seconds: 1.1)
        #expect(running.failure?.error.code == .deadlineExceeded)
        #expect(bench.servers[0].requests.map(\.closeCode) == [.cancel])
    }

    @Test("B112 B114: a cancelled call resets its stream; one that was still waiting leaves nothing behind")
    func cancellation() throws {
        let bench = try ChannelBench { $0.queuedCallCountMax = 1 }
        bench.serverConfiguration.concurrentStreamCountMax = 1
        let running = bench.call()
        let queued = bench.call()
        let refused = bench.call()
        #expect(refused.failure?.error.code == .resourceExhausted)
        bench.loop.becomeCurrent { queued.task?.cancel() }
        bench.settle()
        #expect(queued.failure?.error.code == .cancelled)
        bench.loop.becomeCurrent { running.task?.cancel() }
        bench.settle()
        #expect(running.failure?.error.code == .cancelled)
        #expect(bench.servers[0].requests.map(\.closeCode) == [.cancel])
        _ = bench.call()
        #expect(bench.servers[0].requests.count == 2)
    }

    @Test("a channel that is closed twice is closed for both who wait for it")
    func closedTwice() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        let waiters = [ChannelBench.Outcome(), ChannelBench.Outcome()]
        for waiter in waiters {
            bench.loop.becomeCurrent {
                waiter.task = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel!] in
                    await channel.close()
                    waiter.failure = RPCFailure(.aborted, "closed", label: "closed")
                }
            }
        }
        bench.settle()
        #expect(!waiters.contains { $0.isFinished })
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.gRPCHeaders, body: Self.frame,
            trailers: [("grpc-status", "0")])
        // The client closes its direction; the server takes its time with the other.
        bench.advance(seconds: 2)
        #expect(outcome.response != nil && waiters.allSatisfy { $0.isFinished })
    }

    @Test("a call above the server's limit is made as soon as another ends")
    func streamLimit() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 2
        let outcomes = (0..<5).map { _ in bench.call() }
        let server = bench.servers[0]
        #expect(server.requests.count == 2)
        for number in 0..<5 {
            try bench.answer(
                server, server.requests[number].stream, headers: Self.gRPCHeaders, body: Self.frame,
                trailers: [("grpc-status", "0")])
            #expect(server.requests.count == min(5, number + 3))
        }
        #expect(outcomes.allSatisfy { $0.response != nil })
    }

    @Test("S73 C74: a server that answers before the request has ended gets no more of it")
    func earlyAnswer() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.streamWindowByteCount = 1000
        bench.serversConsume = false
        let outcome = bench.call([UInt8](repeating: 1, count: 1_000_000))
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.gRPCHeaders + [("grpc-status", "8")], body: nil,
            trailers: nil)
        #expect(outcome.failure?.error.code == .resourceExhausted)
        #expect(server.requests[0].body.count < 100_000)
        _ = bench.call()
        #expect(server.requests.count == 2)
    }

    @Test("C150 C152: closing a channel fails what waits, patient or not, closes idle connections, and is for good")
    func closing() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 1
        let running = bench.call()
        let patient = bench.call { $0.waitsForReady = true }
        let closing = Gate()
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel!] in
                await channel.close()
                closing.open()
            }
        }
        bench.settle()
        #expect(!closing.isOpen && bench.state == .shutDown)
        #expect(patient.failure?.error.code == .unavailable)
        #expect(bench.call().failure?.error.label == "channel_closed")
        #expect(bench.call { $0.waitsForReady = true }.failure?.error.label == "channel_closed")
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: Self.gRPCHeaders, body: Self.frame,
            trailers: [("grpc-status", "0")])
        #expect(running.response != nil && bench.servers[0].isClosed)
        // The server does not close its end: the client waits a second for it.
        bench.advance(seconds: 1.1)
        #expect(closing.isOpen && bench.state == .shutDown)
    }
}
