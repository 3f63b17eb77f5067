import EventLoops
import RPC
import RPCTransport
import Vocabulary

/// `apus-interop load`: sends messages on a few streams and counts those that come back, for the benchmarks.
///
/// It is the lightest generator of such a load that there is here: with a heavier one it is the load that is measured.
enum StreamLoad {
    static let flags: Set<String> = [
        "server_host", "server_port", "server_host_override", "use_tls", "use_test_ca", "certificates", "path",
        "message_size", "streams", "ahead", "seconds",
    ]

    /// What the flags ask for.
    private struct Plan {
        let path: Bytes
        let message: Bytes
        /// Messages of a stream that may be on their way at once.
        let ahead: Int
        let end: MonotonicTime
    }

    static func run(_ flags: Flags) async throws {
        let configuration = try InteropClient.channelConfiguration(flags)
        let loops = try EventLoopGroup(name: "load", loopCount: 1)
        let loop = loops.loops[0]
        let channel = RPCChannel(configuration: configuration, loops: loops)
        let byteCount = try flags.number("message_size", default: 65_536)
        let start = SystemClock().now()
        let seconds = try flags.number("seconds", default: UInt64(3))
        let plan = Plan(
            path: Bytes(utf8: flags.text("path") ?? "/apus.benchmarks.Echo/EchoStream"),
            message: Bytes((0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }),
            ahead: try flags.number("ahead", default: 4), end: start.advanced(byNanoseconds: seconds * 1_000_000_000))
        let streamCount = try flags.number("streams", default: 4)
        let messageCount = try await withThrowingTaskGroup { group in
            for _ in 0..<streamCount {
                group.addTask(executorPreference: loop) { try await exchange(plan, on: channel) }
            }
            return try await group.reduce(0, +)
        }
        let took = Double(SystemClock().now().nanoseconds(since: start)) / 1e9
        print(#"{"calls": \#(messageCount), "seconds": \#(took)}"#)
        await channel.close()
        loops.stop()
    }

    /// One stream: how many messages came back whole until time was up.
    private static func exchange(_ plan: Plan, on channel: RPCChannel) async throws -> Int {
        let call = await channel.stream(plan.path, options: CallOptions())
        var unanswered = 0
        var count = 0
        while unanswered < plan.ahead {
            try await call.write(plan.message)
            unanswered += 1
        }
        while unanswered > 0, let message = try await call.next() {
            guard message.count == plan.message.count, count > 0 || message == plan.message else {
                throw CaseFailure(description: "the server does not echo")
            }
            count += 1
            unanswered -= 1
            guard SystemClock().now() < plan.end else { continue }
            try await call.write(plan.message)
            unanswered += 1
        }
        try await call.finishWriting()
        guard unanswered == 0, try await call.next() == nil else {
            throw CaseFailure(description: "the stream ended before its messages came back")
        }
        return count
    }
}
