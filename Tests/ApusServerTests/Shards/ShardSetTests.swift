import EventLoops
import InferenceService
import Messages
import RPC
import RPCTransport
import Routing
import Synchronization
import TestSupport
import Testing
import Vocabulary

@testable import ApusServer

/// A front end's shards, whose names a test resolves.
private struct Front {
    let directory = ShardDirectory(clock: SystemClock())
    let loops: EventLoopGroup
    let recorder = LineRecorder()
    /// What hosts stand for; a host without numbers is one whose lookup never ends.
    let numbers: [String: [String]]

    init(_ numbers: [String: [String]] = [:]) throws {
        loops = try EventLoopGroup(name: "front", loopCount: 2)
        self.numbers = numbers
    }

    func run(_ addresses: [String], until condition: () -> Bool) async throws -> Bool {
        var configuration = ServerConfiguration.Shards(
            addresses: addresses.compactMap { ServerConfiguration.ListenAddress($0) })
        configuration.lookUpNanoseconds = 100_000_000
        let set = try ShardSet(
            configuration, directory: directory, loops: loops, clock: SystemClock(), logger: recorder.logger()
        ) { [numbers] host in
            if let found = numbers[host] { return found }
            // As a resolver that waits for a server which is not there: it cannot be called back.
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            return nil
        }
        let task = Task { await set.run() }
        let isMet = await eventually(condition)
        task.cancel()
        let hasEnded = await BoundedWait.end(of: [task], withinNanoseconds: 60_000_000_000)
        #expect(hasEnded)
        loops.stop()
        return isMet
    }

    var known: [String] { directory.statuses.map(\.replica.address) }
}

@Suite("The shards of a front end")
struct ShardSetTests {
    @Test("a name whose lookup does not end holds back neither the others nor the end")
    func slowName() async throws {
        let front = try Front(["two.internal": ["127.0.0.2"], "three.internal": ["127.0.0.3", "127.0.0.4"]])
        let addresses = ["slow.internal:1", "two.internal:2", "127.0.0.1:1", "three.internal:3"]
        let all = ["127.0.0.1:1", "127.0.0.2:2", "127.0.0.3:3", "127.0.0.4:3"]
        #expect(try await front.run(addresses) { front.known == all })
    }

    @Test("without TLS nobody is called on another machine, whatever a name stands for")
    func plaintext() async throws {
        let front = try Front(["shards.internal": ["127.0.0.2", "192.0.2.7"]])
        let warning = "shard is on another machine"
        let isMet = try await front.run(["shards.internal:9", "192.0.2.8:9"]) {
            front.recorder.lines.count { $0.contains(warning) } == 2 && front.known == ["127.0.0.2:9"]
        }
        #expect(isMet, "\(front.recorder.lines)")
        #expect(front.recorder.lines.contains { $0.contains(warning) && $0.contains("192.0.2.7:9") })
        #expect(front.known == ["127.0.0.2:9"])
    }
}

@Suite("Listening to a shard")
struct ShardListenerTests {
    /// The server reports without a pause, so that the listener is never found waiting: the end of its task comes
    /// between two reports, and nobody but the listener can end the call.
    @Test("ends its call when its task is cancelled, so that the channel can be closed")
    func cancellation() async throws {
        let handlerCount = Mutex(0)
        var methods = MethodTable()
        methods.register(serverStream: ShardMethods.watch.path) { _, _, writer in
            handlerCount.withLock { $0 += 1 }
            defer { handlerCount.withLock { $0 -= 1 } }
            while true { try await writer.write(ShardState().encoded()) }
        }
        let loops = try EventLoopGroup(name: "shard", loopCount: 1)
        let server = try await RPCServer(configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        let clientLoops = try EventLoopGroup(name: "front", loopCount: 1)
        let channel = RPCChannel(
            configuration: RPCChannelConfiguration(host: "127.0.0.1", port: server.address.port), loops: clientLoops)
        let listener = ShardListener(
            replica: ReplicaID("127.0.0.1:1"), directory: ShardDirectory(clock: SystemClock()), clock: SystemClock())
        let isThere = Mutex(false)
        let listening = Task {
            _ = await listener.listen(on: channel) { _ in isThere.withLock { $0 = true } }
        }
        #expect(await eventually { isThere.withLock { $0 } })
        listening.cancel()
        await listening.value
        let closing = Task { await channel.close() }
        #expect(await BoundedWait.end(of: [closing], withinNanoseconds: 30_000_000_000))
        #expect(await eventually { handlerCount.withLock { $0 } == 0 })
        await server.drain(deadline: Deadline(SystemClock().now()))
        clientLoops.stop()
        loops.stop()
    }
}

@Suite("Waiting for tasks")
struct BoundedWaitTests {
    @Test("says whether they have ended, and waits no longer than it was told to")
    func wait() async {
        let (never, hold) = AsyncStream.makeStream(of: Void.self)
        // It does not look whether it was cancelled.
        let stubborn = Task { await Task { for await _ in never {} }.value }
        #expect(await !BoundedWait.end(of: [Task {}, stubborn], withinNanoseconds: 10_000_000))
        hold.finish()
        #expect(await BoundedWait.end(of: [Task {}, stubborn], withinNanoseconds: 60_000_000_000))
        #expect(await BoundedWait.end(of: [], withinNanoseconds: 60_000_000_000))
    }
}
