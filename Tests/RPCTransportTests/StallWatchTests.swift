import RPCTransport
import Testing

@testable import HTTP2

@Suite("What stands still on a connection")
struct StallWatchTests {
    static let stream = HTTP2Stream(id: 1, slot: 0)

    private static func sight(
        id: Int32 = 1, sent: UInt64 = 0, received: UInt64 = 0, isOutOfWindow: Bool = false, owes: Bool = false
    ) -> StallWatch.Sight {
        StallWatch.Sight(
            HTTP2StreamProgress(
                stream: HTTP2Stream(id: id, slot: 0), sentByteCount: sent, receivedByteCount: received,
                isOutOfWindow: isOutOfWindow), owesRequest: owes)
    }

    @Test("a stream without window is a stall at the fifth look, a whole timeout after the first")
    func output() {
        var watch = StallWatch()
        let sight = Self.sight(sent: 100, isOutOfWindow: true)
        for _ in 0..<StallWatch.looksPerTimeout {
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 7, [sight]).isEmpty)
        }
        #expect(watch.look(wireIsBlocked: false, wireByteCount: 7, [sight]) == [.output(Self.stream)])
    }

    @Test("a stream that sends a byte between looks is only slow")
    func slowOutput() {
        var watch = StallWatch()
        for count in 0..<100 as Range<UInt64> {
            let sight = Self.sight(sent: count, isOutOfWindow: true)
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 7, [sight]).isEmpty)
        }
    }

    @Test("a request that does not go on is a stall; one that pauses between messages is not")
    func request() {
        var watch = StallWatch()
        for _ in 0..<100 {
            let sight = Self.sight(received: 50)
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 0, [sight]).isEmpty)
        }
        let owing = Self.sight(received: 53, owes: true)
        for _ in 0..<StallWatch.looksPerTimeout {
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 0, [owing]).isEmpty)
        }
        #expect(watch.look(wireIsBlocked: false, wireByteCount: 0, [owing]) == [.request(Self.stream)])
    }

    @Test("a client that owes again after a slow handler has its whole timeout")
    func slowHandler() {
        var watch = StallWatch()
        let owing = Self.sight(received: 53, owes: true)
        for _ in 0..<3 { _ = watch.look(wireIsBlocked: false, wireByteCount: 0, [owing]) }
        _ = watch.look(wireIsBlocked: false, wireByteCount: 0, [Self.sight(received: 53)])
        for _ in 0..<StallWatch.looksPerTimeout {
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 0, [owing]).isEmpty)
        }
    }

    @Test("a wire that takes nothing is one stall, whatever waits for it")
    func wire() {
        var watch = StallWatch()
        let sights = (0..<10).map { Self.sight(id: 2 * $0 + 1, isOutOfWindow: true, owes: true) }
        for _ in 0..<StallWatch.looksPerTimeout {
            #expect(watch.look(wireIsBlocked: true, wireByteCount: 7, sights).isEmpty)
        }
        #expect(watch.look(wireIsBlocked: true, wireByteCount: 7, sights) == [.wire])
    }

    @Test("a new stream in an old one's place begins anew")
    func reusedSlot() {
        var watch = StallWatch()
        for id in stride(from: 1, through: 201, by: 2) {
            let sight = Self.sight(id: Int32(id), isOutOfWindow: true)
            #expect(watch.look(wireIsBlocked: false, wireByteCount: 7, [sight]).isEmpty)
        }
    }
}
