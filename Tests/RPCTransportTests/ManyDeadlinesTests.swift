import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Thousands of deadlines")
struct ManyDeadlinesTests {
    @Test("B115: thousands of calls of one millisecond end, on a server that does not answer, and leave no timer")
    func client() throws {
        let bench = try ChannelBench { $0.http2.concurrentStreamCountMax = 10_000 }
        bench.serverConfiguration.concurrentStreamCountMax = 10_000
        _ = bench.call()
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream, headers: ChannelTests.gRPCHeaders,
            body: ChannelTests.frame, trailers: [("grpc-status", "0")])
        let timerCount = bench.loop.timerCount
        let deadline = bench.deadline(seconds: 0.001)
        let outcomes = (0..<3_000).map { _ in bench.call { $0.deadline = deadline } }
        bench.advance(seconds: 0.002)
        #expect(outcomes.allSatisfy { $0.failure?.error.code == .deadlineExceeded })
        #expect(bench.loop.timerCount == timerCount)
    }

    @Test("B115: a server ends thousands of calls at their deadlines and keeps no timer and no handler")
    func server() throws {
        let bench = try Workbench { $0.callsPerConnectionMax = 3_000 }
        let client = try bench.connect()
        for _ in 0..<3 {
            var streams: [HTTP2Stream] = []
            try bench.speak(client) {
                for _ in 0..<1_000 {
                    let headers = try RawClient.headers(path: "/test.Echo/Bidirectional", [("grpc-timeout", "1m")])
                    streams.append(try client.session.openStream(headers, .more))
                }
            }
            bench.advance(seconds: 0.002)
            #expect(streams.allSatisfy { client.answer($0).status == 4 })
        }
        #expect(bench.service.records.withLock { $0.count } == 3_000)
        #expect(bench.timerCount == 0 && client.session.openStreamCount == 0)
    }
}
