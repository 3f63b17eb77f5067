import Compression
import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

/// Calls of every kind, right and wrong, cancelled, late, compressed and refused, over windows and budgets that are too
/// small for them, with servers that end now and then: whatever happens, nothing is left.
@Suite("Whatever calls do, nothing is left of them", .timeLimit(.minutes(10)))
struct RandomTrafficTests {
    private static let paths = [
        "Unary", "Fail", "ServerStream", "ClientStream", "Bidirectional", "Compressed", "Stubborn",
    ]
    private static let byteCounts = [0, 0, 1, 90, 5_000, 20_000, 40_000, 60_000, 80_000, 150_000]

    /// One loop with a server and a channel, and the callers.
    private final class Traffic {
        let clock = ManualClock()
        let loop: EventLoop
        let service = EchoService()
        let transport: InProcessTransport
        var random: SeededGenerator
        var tasks: [Task<Void, Never>] = []

        init(seed: UInt64) throws {
            loop = try EventLoop(name: "traffic", clock: clock)
            random = SeededGenerator(seed: seed)
            var server = RPCServerConfiguration()
            server.http2.streamWindowByteCount = 30_000
            server.http2.outboundHighWaterByteCount = 20_000
            server.http2.outboundLowWaterByteCount = 5_000
            server.http2.concurrentStreamCountMax = 20
            server.callsPerConnectionMax = 12
            server.calls.requestByteCountMax = 100_000
            server.calls.queuedResponseByteCountMax = 200_000
            server.requestBudget.guaranteedByteCount = 10_000
            server.requestBudget.connectionByteCountMax = 300_000
            server.calls.compression.format = seed % 2 == 0 ? .gzip : nil
            var client = RPCChannelConfiguration(host: "localhost", port: 0)
            client.http2.streamWindowByteCount = 30_000
            client.http2.outboundHighWaterByteCount = 20_000
            client.http2.outboundLowWaterByteCount = 5_000
            client.random = { 0.5 }
            client.queuedCallCountMax = 30
            client.serviceConfig = try ServiceConfig(
                json: """
                    {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.1s",
                      "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [8, 10, 14]}}]}
                    """)
            transport = InProcessTransport(
                loop: loop, methods: service.methods, server: server, client: client, observer: service.observer)
        }

        func settle() {
            var quietTurnCount = 0
            while quietTurnCount < 3 { quietTurnCount = loop.runTurn() ? 0 : quietTurnCount + 1 }
        }

        func advance(milliseconds: UInt64) {
            clock.advance(byNanoseconds: milliseconds * 1_000_000)
            settle()
        }

        /// Begins a call that writes some messages and reads as many as come, or fewer.
        func call() {
            let path = "/test.Echo/" + RandomTrafficTests.paths.randomElement(using: &random)!
            var options = CallOptions()
            options.compression = [nil, nil, .gzip, .deflate].randomElement(using: &random)!
            options.responseByteCountMax = 120_000
            options.waitsForReady = Bool.random(using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                let milliseconds = [0, 1, 40, 3_000].randomElement(using: &random)! as UInt64
                options.deadline = Deadline(clock.now().advanced(byNanoseconds: milliseconds * 1_000_000))
            }
            let takesOneMessage = !path.hasSuffix("ClientStream") && !path.hasSuffix("Bidirectional")
            let isRight = takesOneMessage && Int.random(in: 0..<8, using: &random) > 0
            let count = isRight ? 1 : Int.random(in: 0...6, using: &random)
            let messages = (0..<count).map { _ in message(for: path) }
            let readCount = Int.random(in: 0...8, using: &random)
            loop.becomeCurrent {
                tasks.append(
                    Task.immediate(executorPreference: loop) { [channel = transport.channel, options] in
                        await RandomTrafficTests.perform(channel, path, options, messages, readCount)
                    })
            }
        }

        private func message(for path: String) -> Bytes {
            let byteCount = RandomTrafficTests.byteCounts.randomElement(using: &random)!
            switch path {
            case "/test.Echo/ServerStream": return Bytes(utf8: "\(Int.random(in: 0...40, using: &random)) \(byteCount)")
            case "/test.Echo/Fail": return Bytes([UInt8.random(in: 1...20, using: &random)])
            default: return Bytes(random.bytes(count: byteCount / 2) + [UInt8](repeating: 7, count: byteCount / 2))
            }
        }

        /// Does one thing, and lets happen what it causes; sometimes only a part of it.
        func step() {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9: call()
            case 9..<13: if let task = tasks.randomElement(using: &random) { loop.becomeCurrent { task.cancel() } }
            case 13..<17: advance(milliseconds: [1, 30, 400].randomElement(using: &random)!)
            case 17: if Int.random(in: 0..<4, using: &random) == 0 { loop.becomeCurrent { transport.shutDown() } }
            default: break
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) { _ = loop.runTurn() }
        }

        /// Lets everybody go.
        func end() {
            service.stubbornMayEnd.open()
            for task in tasks { loop.becomeCurrent { task.cancel() } }
            settle()
            let closed = Gate()
            loop.becomeCurrent {
                _ = Task.immediate(executorPreference: loop) { [channel = transport.channel] in
                    await channel.close()
                    closed.open()
                }
            }
            for _ in 0..<5 { advance(milliseconds: 1_000) }
            #expect(closed.isOpen)
        }
    }

    private static func perform(
        _ channel: RPCChannel, _ path: String, _ options: CallOptions, _ messages: [Bytes], _ readCount: Int
    ) async {
        let call = await channel.stream(Bytes(utf8: path), options: options)
        do throws(RPCFailure) {
            for message in messages { try await call.write(message) }
            if readCount % 3 != 0 { try await call.finishWriting() }
            for _ in 0..<readCount where try await call.next() == nil { return }
        } catch {
            return
        }
        call.cancel()
    }

    @Test("no stream, no handler, no byte, no timer", arguments: 0..<12 as Range<UInt64>)
    func nothingIsLeft(seed: UInt64) throws {
        let traffic = try Traffic(seed: seed)
        for _ in 0..<300 { traffic.step() }
        traffic.end()
        #expect(traffic.loop.becomeCurrent { traffic.transport.counters } == RPCServerCounters())
        #expect(traffic.loop.becomeCurrent { traffic.transport.connectionCount } == 0)
        #expect(traffic.loop.timerCount == 0)
        let statuses = traffic.service.records.withLock { $0.map(\.status) }
        #expect(statuses.count > 20 && Set(statuses).count > 3, "calls that end in several ways")
    }
}
