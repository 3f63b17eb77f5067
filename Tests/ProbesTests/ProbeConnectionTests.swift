import EventLoops
import RPCTransport
import TestSupport
import Testing

@testable import Probes

/// A connection in memory, on a loop that the test turns.
private final class Bench: ByteStreamDelegate {
    let clock = ManualClock()
    let loop: EventLoop
    let client: MemoryStream
    private(set) var connection: ProbeConnection!
    private(set) var requests: [String] = []
    private(set) var received = ""
    private(set) var endCount = 0
    private(set) var sawEnd = false
    var reads = true

    init(capacity: Int = 64 << 10, limits: ProbeLimits = ProbeLimits()) throws {
        loop = try EventLoop(name: "probes", clock: clock)
        let pipe = MemoryStream.pair(capacity: capacity, loop: loop)
        client = pipe.client
        connection = ProbeConnection(stream: pipe.server, loop: loop, limits: limits) { [weak self] _, method, path in
            self?.requests.append("\(method) \(path)")
        } didEnd: { [weak self] _ in
            self?.endCount += 1
        }
        client.delegate = self
        loop.becomeCurrent {
            client.start()
            connection.start()
        }
    }

    deinit { loop.becomeCurrent { connection.close() } }

    func settle() {
        var quietTurnCount = 0
        while quietTurnCount < 3 { quietTurnCount = loop.runTurn() ? 0 : quietTurnCount + 1 }
    }

    func say(_ text: String) {
        loop.becomeCurrent {
            _ = Array(text.utf8).withUnsafeBytes { client.send($0) }
        }
        settle()
    }

    /// Closes the client's side, without which a connection in memory holds itself.
    func leave() {
        loop.becomeCurrent { client.close() }
        settle()
    }

    func answer(_ body: String) {
        loop.becomeCurrent { connection.send(ProbeAnswer(200, "OK", body), withBody: true) }
        settle()
    }

    func advance(seconds: Double) {
        clock.advance(byNanoseconds: UInt64(seconds * 1_000_000_000))
        settle()
    }

    func streamIsReadable() {
        guard reads else { return }
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while true {
                switch client.receive(into: buffer) {
                case .bytes(let count): received += String(decoding: buffer[..<count], as: UTF8.self)
                case .end, .failed:
                    sawEnd = true
                    return
                case .wouldBlock: return
                }
            }
        }
    }

    func streamIsWritable() {}
}

@Suite("A probe's connection")
struct ProbeConnectionTests {
    private static let pageRequest = "GET /metrics HTTP/1.1\r\n\r\n"

    @Test("asks for one page, byte by byte if need be, answers and ends")
    func request() throws {
        let bench = try Bench()
        for character in Self.pageRequest { bench.say(String(character)) }
        #expect(bench.requests == ["GET /metrics"])
        #expect(bench.received.isEmpty)
        bench.answer("up 1\n")
        #expect(bench.received.hasPrefix("HTTP/1.1 200 OK\r\n") && bench.received.hasSuffix("\r\n\r\nup 1\n"))
        #expect(bench.sawEnd)
        bench.leave()
        #expect(bench.endCount == 1)
    }

    @Test("passes over what follows the first request, and ends when that is too much")
    func pipelined() throws {
        let bench = try Bench()
        bench.say(Self.pageRequest + Self.pageRequest)
        #expect(bench.requests == ["GET /metrics"])
        for _ in 0..<16 where bench.endCount == 0 { bench.say(String(repeating: "x", count: 4096)) }
        #expect(bench.endCount == 1, "64 KiB are no probe")
    }

    @Test("is told what is wrong with its request")
    func malformed() throws {
        let bench = try Bench()
        bench.say("nonsense\r\n\r\n")
        #expect(bench.requests.isEmpty && bench.received.hasPrefix("HTTP/1.1 400 ") && bench.sawEnd)
        bench.leave()
        #expect(bench.endCount == 1)
    }

    @Test("ends after ten seconds, in whatever state it is", arguments: ["", "GET /met", pageRequest])
    func timeout(text: String) throws {
        let bench = try Bench()
        bench.say(text)
        bench.advance(seconds: 9.9)
        #expect(bench.endCount == 0)
        bench.advance(seconds: 0.2)
        #expect(bench.endCount == 1 && bench.sawEnd)
        // An answer that comes too late is for nobody.
        bench.answer("late")
        #expect(bench.received.isEmpty)
    }

    @Test("writes as the client reads, and a client that does not is left after ten seconds")
    func slowReader() throws {
        let bench = try Bench(capacity: 4096)
        bench.reads = false
        bench.say(Self.pageRequest)
        let body = String(repeating: "0123456789", count: 10_000)
        bench.answer(body)
        #expect(bench.endCount == 0)
        bench.reads = true
        bench.loop.becomeCurrent { bench.streamIsReadable() }
        bench.settle()
        #expect(bench.received.hasSuffix(body))
        bench.leave()
        #expect(bench.endCount == 1)

        let stalled = try Bench(capacity: 4096)
        stalled.reads = false
        stalled.say(Self.pageRequest)
        stalled.answer(body)
        stalled.advance(seconds: 10)
        #expect(stalled.endCount == 1)
    }

    @Test("ends when the client has gone without asking")
    func gone() throws {
        let bench = try Bench()
        bench.loop.becomeCurrent { bench.client.close() }
        bench.settle()
        #expect(bench.endCount == 1)
    }
}
