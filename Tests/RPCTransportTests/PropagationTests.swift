import EventLoops
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

/// Client → A → B: what ends the call to A ends A's call to B.
@Suite("Calls made inside a handler")
struct PropagationTests {
    static let relay = Bytes(utf8: "/test.Relay/Hang")
    static let relayedStream = Bytes(utf8: "/test.Relay/HangStream")

    /// What B's handlers knew of their deadlines.
    private final class Seen: Sendable {
        let deadlines = Mutex<[Deadline]>([])
        /// What was left of the deadlines when the calls came: A's, then B's.
        let timeouts = Mutex<[UInt64]>([])
        let didStart = Gate()
        let wasCancelled = Gate()

        func note(_ context: ServerContext) {
            let timeout = context.deadline.time.nanoseconds(since: context.arrivalTime)
            timeouts.withLock { $0.append(timeout) }
        }

        /// A handler of B that ends when its call does.
        func hang(_ context: ServerContext) async {
            deadlines.withLock { $0.append(context.deadline) }
            note(context)
            didStart.open()
            await withTaskCancellationHandler {
                await wasCancelled.wait()
            } onCancel: {
                wasCancelled.open()
            }
        }
    }

    /// Server A, whose methods call those of B with what their contexts hand on.
    private static func withRelay(_ body: (RPCChannel, Seen) async throws -> Void) async throws {
        let seen = Seen()
        let loops = try EventLoopGroup(name: "relay", loopCount: 1)
        var methodsOfB = MethodTable()
        methodsOfB.register(unary: "/test.Echo/Hang") { context, message in
            await seen.hang(context)
            return message
        }
        methodsOfB.register(stream: "/test.Echo/HangStream") { context, _, _ in await seen.hang(context) }
        let b = try await RPCServer(configuration: RPCServerConfiguration(), methods: methodsOfB, loops: loops)
        let toB = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: b.address.port), loops: loops)
        var methodsOfA = MethodTable()
        methodsOfA.register(unary: "/test.Relay/Hang") { context, message in
            seen.note(context)
            return try await toB.unary(EchoService.hang, message, options: context.optionsForCalls).message
        }
        methodsOfA.register(stream: "/test.Relay/HangStream") { context, requests, writer in
            let call = await toB.stream(Bytes(utf8: "/test.Echo/HangStream"), options: context.optionsForCalls)
            while let message = try await requests.next() {
                try await call.write(message)
                if let answer = try await call.next() { try await writer.write(answer) }
            }
        }
        let a = try await RPCServer(configuration: RPCServerConfiguration(), methods: methodsOfA, loops: loops)
        let toA = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: a.address.port), loops: loops)
        let result: Result<Void, any Error>
        do { result = .success(try await body(toA, seen)) } catch { result = .failure(error) }
        seen.wasCancelled.open()
        await toA.close()
        await a.drain(deadline: Deadline(SystemClock().now()))
        await toB.close()
        await b.drain(deadline: Deadline(SystemClock().now()))
        loops.stop()
        try result.get()
    }

    @Test("B113: the deadline of a call reaches the calls its handler makes, and ends them", .timeLimit(.minutes(10)))
    func deadline() async throws {
        try await Self.withRelay { channel, seen in
            var options = CallOptions()
            options.deadline = Loopback.deadline(milliseconds: 3_000)
            let failure = await #expect(throws: RPCFailure.self) {
                _ = try await channel.unary(Self.relay, Bytes([1]), options: options)
            }
            #expect(failure?.error.code == .deadlineExceeded)
            await seen.wasCancelled.wait()
            let timeouts = seen.timeouts.withLock { $0 }
            // What B was told is no more than what was left of the call to A, but for rounding up to microseconds.
            try #require(timeouts.count == 2)
            #expect(timeouts[1] <= timeouts[0] + 1_000 && timeouts[0] < 10_000_000_000)
        }
    }

    @Test("B113: cancelling a call cancels the calls its handler makes", .timeLimit(.minutes(10)))
    func cancellation() async throws {
        try await Self.withRelay { channel, seen in
            let call = Task { try await channel.unary(Self.relay, Bytes([1])) }
            await seen.didStart.wait()
            #expect(seen.deadlines.withLock { $0 } == [Deadline.never])
            call.cancel()
            await seen.wasCancelled.wait()
            await #expect(throws: RPCFailure.self) { _ = try await call.value }
        }
    }

    @Test("B113: cancelling a stream cancels the stream its handler waits for", .timeLimit(.minutes(10)))
    func cancelledStream() async throws {
        try await Self.withRelay { channel, seen in
            let call = await channel.stream(Self.relayedStream)
            try await call.write(Bytes([1]))
            await seen.didStart.wait()
            call.cancel()
            await seen.wasCancelled.wait()
        }
    }
}
