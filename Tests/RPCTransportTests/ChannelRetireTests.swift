import EventLoops
import HTTP2
import RPC
import RPCTransport
import Testing
import Vocabulary

@Suite("A channel that another one takes the place of")
struct ChannelRetireTests {
    private final class Flag: @unchecked Sendable {
        // @unchecked: written by a task on the loop, read by the test that turns it: one thread.
        var isSet = false
    }

    private func retire(_ bench: ChannelBench) -> Flag {
        let flag = Flag()
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel] in
                await channel?.retire()
                flag.isSet = true
            }
        }
        bench.settle()
        return flag
    }

    /// Whether the connection's end is the channel's: it has nothing to wait for but that.
    private func closes(_ bench: ChannelBench, _ flag: Flag) -> Bool {
        bench.loop.becomeCurrent { bench.servers[0].close() }
        bench.settle()
        return flag.isSet
    }

    private func answer(_ bench: ChannelBench, _ index: Int) throws {
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[index].stream, headers: ChannelTests.gRPCHeaders,
            body: ChannelTests.frame, trailers: [("grpc-status", "0")])
    }

    @Test("serves the calls that wait for room, refuses new ones, and closes behind the last")
    func serves() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 1
        let calls = (0..<3).map { _ in bench.call() }
        #expect(bench.servers[0].requests.count == 1)
        let flag = retire(bench)
        let late = bench.call()
        #expect(late.failure?.error.code == .unavailable && late.failure?.error.label == "channel_closed")
        for index in 0..<3 {
            #expect(!calls[index].isFinished && !flag.isSet)
            try answer(bench, index)
            #expect(calls[index].response != nil)
        }
        #expect(closes(bench, flag) && bench.attemptCount == 1)
    }

    @Test("closes at once when no call is there")
    func idle() throws {
        let bench = try ChannelBench()
        let call = bench.call()
        try answer(bench, 0)
        #expect(call.response != nil)
        #expect(closes(bench, retire(bench)))
    }

    @Test("calls that wait for a connection that cannot be made fail as they would have failed")
    func noConnection() throws {
        let bench = try ChannelBench()
        bench.silentHosts = ["test"]
        let call = bench.begin()
        let flag = retire(bench)
        #expect(!call.isFinished && !flag.isSet)
        // Somebody who does not want to wait any more closes it.
        bench.loop.becomeCurrent {
            _ = Task.immediate(executorPreference: bench.loop) { [channel = bench.channel] in await channel?.close() }
        }
        bench.settle()
        #expect(call.failure?.error.label == "channel_closed" && flag.isSet)
    }

    @Test("a caller who goes away leaves nothing to serve")
    func cancelled() throws {
        let bench = try ChannelBench()
        bench.serverConfiguration.concurrentStreamCountMax = 1
        let running = bench.call()
        let waiting = bench.call()
        let flag = retire(bench)
        bench.loop.becomeCurrent { waiting.task?.cancel() }
        bench.settle()
        #expect(waiting.failure?.error.code == .cancelled && !flag.isSet)
        try answer(bench, 0)
        #expect(running.response != nil && closes(bench, flag))
    }
}
