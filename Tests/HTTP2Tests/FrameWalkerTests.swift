import TestSupport
import Testing
import Vocabulary

@testable import HTTP2

@Suite("FrameWalker")
struct FrameWalkerTests {
    private static let stream: [UInt8] =
        Frames.preface + Frames.settings() + Frames.request(stream: 1) + Frames.data(1, pattern(300))
        + Frames.windowUpdate(1, 70_000) + Frames.frame(type: 8, stream: 1, [0, 0]) + Frames.ping()
        + Frames.data(1, [], end: true)

    private func walk(pieces: Int) -> [FrameHeader] {
        var walker = FrameWalker(prefaceByteCount: 24)
        var found: [FrameHeader] = []
        var rest = Self.stream[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            var offset = 0
            piece.withUnsafeBytes { while let header = walker.next(in: $0, from: &offset) { found.append(header) } }
        }
        return found
    }

    @Test("finds every frame header in pieces of any size", arguments: [1, 2, 3, 8, 9, 10, 13, 100, 10_000])
    func pieces(count: Int) {
        let found = walk(pieces: count)
        #expect(found.map(\.type) == [4, 1, 0, 8, 8, 6, 0])
        #expect(found[2].byteCount == 300)
        #expect(found[3].windowIncrement == 70_000)
        #expect(found[4].windowIncrement == 0 && found[4].byteCount == 2)
        #expect(found[6].flags == FrameHeader.endStreamFlag)
    }

    @Test("a leaky bucket holds its burst and empties with time, and time never runs backwards")
    func bucket() {
        var bucket = LeakyBucket(burst: 3, perSecond: 2)
        let poured = (0..<3).map { _ in bucket.pour(1) }
        #expect(poured == [true, true, true])
        let overflow = bucket.pour(1)
        #expect(!overflow)
        bucket.leak(until: MonotonicTime(nanoseconds: 1_000_000_000))
        let after = bucket.pour(1)
        #expect(after)
        bucket.leak(until: MonotonicTime(nanoseconds: 5))
        bucket.leak(until: MonotonicTime(nanoseconds: 1_000_000_000))
        let again = bucket.pour(1)
        #expect(!again)
    }
}
