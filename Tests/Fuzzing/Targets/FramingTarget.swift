import RPC
import TestSupport
import Vocabulary

extension FuzzTarget {
    /// The body of a stream, in pieces of every length, into the deframer.
    ///
    /// The first byte is the longest message accepted, by eights; the second how long the pieces are and, in its
    /// highest bit, whether messages may be compressed.
    static let framing = FuzzTarget("framing", seeds: { FramingSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let byteCountMax = Int(cursor.byte()) * 8
        let control = cursor.byte()
        let bench = FramingBench(byteCountMax: byteCountMax, acceptsCompressed: control & 0x80 != 0)
        try bench.play(cursor.rest, pieceByteCount: max(1, Int(control & 0x7F)))
    }
}

/// A deframer beside a plain reading of the same bytes.
private struct FramingBench {
    let byteCountMax: Int
    let acceptsCompressed: Bool

    func play(_ bytes: UnsafeRawBufferPointer, pieceByteCount: Int) throws {
        var deframer = MessageDeframer(messageByteCountMax: byteCountMax)
        deframer.acceptsCompressed = acceptsCompressed
        var messages: [FramedMessage] = []
        var failure: MessageDeframer.Failure?
        var offset = 0
        while offset < bytes.count, failure == nil {
            let end = min(offset + pieceByteCount, bytes.count)
            do throws(MessageDeframer.Failure) {
                try deframer.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<end])) { messages.append($0) }
            } catch {
                failure = error
            }
            offset = end
            try require(messages.reduce(0) { $0 + $1.bytes.count + 5 } <= offset, "more came out than went in")
        }
        let expected = plain(bytes)
        try require(messages == expected.messages, "other messages than a plain reading finds")
        try require((failure != nil) == expected.isBroken, "failed with \(String(describing: failure)) of \(expected)")
        if failure == nil {
            try require(deframer.isInsideMessage == expected.isInside, "inside a message: \(deframer.isInsideMessage)")
        }
    }

    /// What the bytes are, read all at once.
    private func plain(
        _ bytes: UnsafeRawBufferPointer
    ) -> (messages: [FramedMessage], isBroken: Bool, isInside: Bool) {
        var messages: [FramedMessage] = []
        var rest = bytes[...]
        while rest.count >= 5 {
            let prefix = Array(rest.prefix(5))
            let byteCount = prefix[1...].reduce(0) { $0 << 8 | Int($1) }
            guard prefix[0] <= (acceptsCompressed ? 1 : 0), byteCount <= byteCountMax else {
                return (messages, true, true)
            }
            guard rest.count >= 5 + byteCount else { break }
            messages.append(
                FramedMessage(Bytes(Array(rest.dropFirst(5).prefix(byteCount))), isCompressed: prefix[0] == 1))
            rest = rest.dropFirst(5 + byteCount)
        }
        return (messages, false, !rest.isEmpty)
    }
}

private enum FramingSeeds {
    static let all: [(name: String, bytes: [UInt8])] = [
        ("empty", [32, 127] + Frames.message([])),
        (
            "three",
            [32, 3] + Frames.message([1]) + Frames.message([]) + Frames.message([UInt8](repeating: 9, count: 60))
        ),
        ("bytes", [32, 1] + Frames.message([1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("cut", [32, 7] + Frames.message([1, 2, 3, 4])[..<7]),
        ("too-long", [1, 7] + Frames.message([UInt8](repeating: 1, count: 9))),
        ("flagged", [32, 7] + Frames.message([1], flag: 1)),
        ("compressed", [32, 0x87] + Frames.message([1], flag: 1) + Frames.message([2])),
        ("bad-flag", [32, 7] + Frames.message([1], flag: 2)),
        ("bad-flag-compressed", [32, 0x87] + Frames.message([1], flag: 2)),
    ]
}
