import EventLoops
import HTTP2
import RPC
import RPCTransport
import TestSupport
import Testing
import Vocabulary

@Suite("Channel, retries")
struct ChannelRetryTests {
    private static let headers = [(":status", "200"), ("content-type", "application/grpc")]
    private static let frame: [UInt8] = [0, 0, 0, 0, 1, 7]

    private static func failure(_ code: Int, pushback: String? = nil) -> [(String, String)] {
        headers + [("grpc-status", String(code))] + (pushback.map { [("grpc-retry-pushback-ms", $0)] } ?? [])
    }

    /// A channel that retries UNAVAILABLE after one second, then two, with random numbers that change nothing.
    private static func bench(throttling: String = "null") throws -> ChannelBench {
        let serviceConfig = try ServiceConfig(
            json: """
                {"methodConfig": [{"name": [{"service": "s"}], "retryPolicy": {
                  "maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "10s", "backoffMultiplier": 2,
                  "retryableStatusCodes": ["unavailable"]}}], "retryThrottling": \(throttling)}
                """)
        return try ChannelBench { configuration in
            configuration.random = { 0.5 }
            configuration.serviceConfig = serviceConfig
        }
    }

    private static func previousAttempts(_ request: RawServer.Request) -> [String] {
        request.fields.filter { $0.name == "grpc-previous-rpc-attempts" }.map(\.value)
    }

    @Test("C10, C16, C161, C163: a call that failed without headers is made again after the backoff, with its messages")
    func retried() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        bench.advance(seconds: 0.9)
        #expect(server.requests.count == 1 && !outcome.isFinished)
        bench.advance(seconds: 0.2)
        try #require(server.requests.count == 2)
        #expect(server.requests[1].body == server.requests[0].body && server.requests[1].hasEnded)
        #expect(Self.previousAttempts(server.requests[0]).isEmpty)
        #expect(Self.previousAttempts(server.requests[1]) == ["1"])
        #expect(
            server.requests[1].fields.map(\.name) == [
                ":method", ":scheme", ":path", ":authority", "te", "content-type", "grpc-accept-encoding",
                "grpc-previous-rpc-attempts", "user-agent",
            ])
        try bench.answer(
            server, server.requests[1].stream, headers: Self.headers, body: Self.frame, trailers: [("grpc-status", "0")]
        )
        #expect(outcome.response?.message == Bytes([7]))
    }

    @Test("C160: when all attempts have failed, the last one's status is the call's")
    func exhausted() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        for index in 0..<3 {
            try #require(server.requests.count == index + 1)
            #expect(!outcome.isFinished)
            try bench.answer(server, server.requests[index].stream, headers: Self.failure(14), body: nil, trailers: nil)
            bench.advance(seconds: 5)
        }
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(server.requests.count == 3)
    }

    @Test("C163: after response headers the status is the call's")
    func committed() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.headers, body: nil, trailers: [("grpc-status", "14")])
        bench.advance(seconds: 5)
        #expect(outcome.failure?.error.code == .unavailable && server.requests.count == 1)
    }

    @Test("C162: the server may say when to come again, or not to")
    func pushback() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.failure(14, pushback: "3000"), body: nil, trailers: nil)
        bench.advance(seconds: 2.9)
        #expect(server.requests.count == 1)
        bench.advance(seconds: 0.2)
        try #require(server.requests.count == 2)
        try bench.answer(
            server, server.requests[1].stream, headers: Self.failure(14, pushback: "-1"), body: nil, trailers: nil)
        #expect(outcome.failure?.error.code == .unavailable)
    }

    @Test("C16: a number of attempts among the caller's own headers gives way to the true one")
    func numberOfTheCallers() throws {
        let bench = try Self.bench()
        _ = bench.call { try? $0.metadata.append("grpc-previous-rpc-attempts", "7") }
        let server = bench.servers[0]
        #expect(Self.previousAttempts(server.requests[0]) == ["7"])
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        bench.advance(seconds: 1.1)
        try #require(server.requests.count == 2)
        #expect(Self.previousAttempts(server.requests[1]) == ["1"])
    }

    @Test(
        "C162: what the server says of another attempt and is no number of milliseconds forbids one",
        arguments: ["-1", "soon", "", "1.5", "+1", "99999999999"])
    func garbledPushback(text: String) throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.failure(14, pushback: text), body: nil, trailers: nil)
        #expect(outcome.failure?.error.code == .unavailable)
        bench.advance(seconds: 100)
        #expect(server.requests.count == 1)
    }

    @Test("C164: the calls of a channel share their tokens")
    func throttled() throws {
        let bench = try Self.bench(throttling: #"{"maxTokens": 2, "tokenRatio": 0.1}"#)
        // Two tokens; the first failure leaves one, which is half.
        let outcome = bench.call()
        let server = bench.servers[0]
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        #expect(outcome.failure?.error.code == .unavailable)
    }

    @Test("C165: a refused stream is made again at once, and counts as no attempt")
    func transparent() throws {
        let bench = try Self.bench()
        _ = bench.call()
        let server = bench.servers[0]
        try bench.speak(server) { server.session.reset(server.requests[0].stream, .refusedStream) }
        try #require(server.requests.count == 2)
        #expect(Self.previousAttempts(server.requests[1]).isEmpty)
        // The second time it is a failure as others.
        try bench.speak(server) { server.session.reset(server.requests[1].stream, .refusedStream) }
        #expect(server.requests.count == 2)
        bench.advance(seconds: 1.1)
        try #require(server.requests.count == 3)
        #expect(Self.previousAttempts(server.requests[2]) == ["1"])
    }

    @Test(
        "C165: a call of which nothing had left when the connection went away is opened on the next one at once",
        arguments: [true, false])
    func neverLeft(byGoAway: Bool) throws {
        let bench = try ChannelBench()
        let first = bench.call()
        let server = bench.servers[0]
        try bench.answer(
            server, server.requests[0].stream, headers: Self.headers, body: Self.frame, trailers: [("grpc-status", "0")]
        )
        #expect(first.response != nil)
        // It reads this before it writes the call that is made meanwhile.
        bench.loop.becomeCurrent {
            if byGoAway { server.send(raw: Frames.goAway(last: 0x7FFF_FFFF)) } else { server.close() }
        }
        let outcome = bench.begin()
        bench.settle()
        #expect(server.requests.count == 1)
        try #require(bench.servers.count == 2 && bench.servers[1].requests.count == 1)
        #expect(Self.previousAttempts(bench.servers[1].requests[0]).isEmpty)
        try bench.answer(
            bench.servers[1], bench.servers[1].requests[0].stream, headers: Self.headers, body: Self.frame,
            trailers: [("grpc-status", "0")])
        #expect(outcome.response?.message == Bytes([7]))
    }

    @Test("C165: a call that never leaves is opened as often as there is a connection, each after the backoff")
    func neverLeavesForLong() throws {
        let bench = try Self.bench()
        bench.closesBehindSettings = true
        let outcome = bench.call { $0.waitsForReady = true }
        for count in 1...8 {
            // The second connection follows the first one at once.
            #expect(bench.attemptCount == count + 1 && !outcome.isFinished)
            bench.advance(seconds: 1.1)
        }
        bench.closesBehindSettings = false
        bench.advance(seconds: 1.1)
        let server = try #require(bench.servers.last)
        try #require(server.requests.count == 1)
        #expect(Self.previousAttempts(server.requests[0]).isEmpty)
        // All that counts for nothing: a refusal is still made good at once.
        try bench.speak(server) { server.session.reset(server.requests[0].stream, .refusedStream) }
        try #require(server.requests.count == 2)
        try bench.answer(
            server, server.requests[1].stream, headers: Self.headers, body: Self.frame, trailers: [("grpc-status", "0")]
        )
        #expect(outcome.response?.message == Bytes([7]))
    }

    @Test("C165: a call that left and was lost with its connection is not opened again without a policy")
    func left() throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        #expect(outcome.failure?.error.code == .unavailable && bench.servers.count == 1)
    }

    @Test("C163: a lost connection is a failed attempt, made again on the next one")
    func lostConnection() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        #expect(!outcome.isFinished && bench.servers.count == 1)
        bench.advance(seconds: 1.1)
        try #require(bench.servers.count == 2)
        #expect(Self.previousAttempts(bench.servers[1].requests[0]) == ["1"])
    }

    @Test("C163: a call whose caller still writes is made again with what it has written so far")
    func unfinishedRequest() throws {
        let bench = try Self.bench()
        let box = CallBox()
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) {
                let call = await bench.channel.stream(Bytes(utf8: "/s/m"))
                box.call = call
                try? await call.write(Bytes([7]))
            }
        }
        bench.settle()
        let server = bench.servers[0]
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        bench.advance(seconds: 1.1)
        try #require(server.requests.count == 2)
        #expect(server.requests[1].body == Self.frame && !server.requests[1].hasEnded)
        let call = try #require(box.call)
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) {
                try? await call.write(Bytes([7]))
                try? await call.finishWriting()
            }
        }
        bench.settle()
        #expect(server.requests[1].body == Self.frame + Self.frame && server.requests[1].hasEnded)
        call.cancel()
        bench.settle()
    }

    @Test("C163: a call that has sent more than is kept for another attempt is not made again")
    func moreThanIsKept() throws {
        let bench = try Self.bench()
        let outcome = ChannelBench.Outcome()
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) {
                let call = await bench.channel.stream(Bytes(utf8: "/s/m"))
                do throws(RPCFailure) {
                    for _ in 0..<2 { try await call.write(Bytes([UInt8](repeating: 7, count: 40_000))) }
                    _ = try await call.next()
                } catch {
                    outcome.failure = error
                }
            }
        }
        bench.settle()
        let server = bench.servers[0]
        #expect(server.requests[0].body.count > 80_000)
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        #expect(outcome.failure?.error.code == .unavailable)
        bench.advance(seconds: 5)
        #expect(server.requests.count == 1)
    }

    private final class CallBox: @unchecked Sendable {
        // @unchecked: written by a task on the loop, read by the test that turns it: one thread.
        var call: ClientCall?
    }

    @Test("C166: the deadline spans all attempts and the waits between them")
    func deadline() throws {
        let bench = try Self.bench()
        let outcome = bench.call { $0.deadline = bench.deadline(seconds: 0.5) }
        let server = bench.servers[0]
        try bench.answer(server, server.requests[0].stream, headers: Self.failure(14), body: nil, trailers: nil)
        #expect(!outcome.isFinished)
        bench.advance(seconds: 0.6)
        #expect(outcome.failure?.error.code == .deadlineExceeded)
        bench.advance(seconds: 5)
        #expect(server.requests.count == 1)
    }

    @Test("a call that rests between two attempts ends when its channel is closed, or its caller gives up")
    func ends() throws {
        let bench = try Self.bench()
        let outcome = bench.call()
        let other = bench.call()
        let server = bench.servers[0]
        for request in server.requests {
            try bench.answer(server, request.stream, headers: Self.failure(14), body: nil, trailers: nil)
        }
        other.task?.cancel()
        bench.settle()
        #expect(other.failure?.error.code == .cancelled)
        bench.loop.becomeCurrent {
            // Not the bench: what waits for its end must not keep it.
            _ = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel!] in await channel.close() }
        }
        bench.settle()
        #expect(outcome.failure?.error.code == .unavailable)
    }
}
