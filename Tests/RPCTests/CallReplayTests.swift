import HTTP2
import RPC
import Testing
import Vocabulary

@Suite("What is kept of a call, and when it is made again without being counted")
struct CallReplayTests {
    private static func message(_ byteCount: Int) -> FramedMessage {
        FramedMessage(Bytes([UInt8](repeating: 1, count: byteCount)))
    }

    @Test("C165: a stream that never left is opened again each time, a refused one once, any other never")
    func reopening() {
        var replay = CallReplay()
        func reopens(after code: HTTP2ErrorCode, hasLeft: Bool) -> Bool {
            replay.reopens(after: code, hasLeft: hasLeft)
        }
        for _ in 0..<100 { #expect(reopens(after: .refusedStream, hasLeft: false)) }
        #expect(reopens(after: .noError, hasLeft: false), "lost with its connection")
        #expect(!reopens(after: .noError, hasLeft: true))
        #expect(!reopens(after: .cancel, hasLeft: true))
        #expect(reopens(after: .refusedStream, hasLeft: true))
        #expect(!reopens(after: .refusedStream, hasLeft: true))
        #expect(reopens(after: .refusedStream, hasLeft: false))
    }

    @Test("C163: nothing is opened again once the caller has seen something of the call")
    func committed() {
        var replay = CallReplay()
        replay.append(Self.message(1))
        replay.end()
        #expect(!replay.isPossible && replay.messages == nil)
        let isOpenedAgain = replay.reopens(after: .refusedStream, hasLeft: false)
        #expect(!isOpenedAgain)
        replay.append(Self.message(1))
        #expect(!replay.isPossible)
    }

    @Test(
        "C163: a first message is kept whatever its length, and others up to 64 KiB with it",
        arguments: [
            ([1_000_000], true), ([1_000_000, 0], false), ([0, 65_536], true), ([1, 65_535], true),
            ([1, 65_536], false), ([30_000, 30_000, 5_536], true), ([30_000, 30_000, 5_537], false), ([], true),
        ] as [([Int], Bool)])
    func limit(byteCounts: [Int], isKept: Bool) {
        var replay = CallReplay()
        for count in byteCounts { replay.append(Self.message(count)) }
        #expect(replay.isPossible == isKept)
        #expect(replay.messages?.map(\.bytes.count) == (isKept ? byteCounts : nil))
    }
}
