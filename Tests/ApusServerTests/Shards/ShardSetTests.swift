import EventLoops
import InferenceService
import Routing
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
