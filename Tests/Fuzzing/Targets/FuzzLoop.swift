import EventLoops
import TestSupport

/// A loop that the fuzzing thread turns by hand, with a clock whose hands the input turns.
final class FuzzLoop {
    /// A loop that is still busy after so many turns does not come to rest.
    private static let turnCountMax = 100_000

    let clock = ManualClock()
    let loop: EventLoop

    init() throws { loop = try EventLoop(name: "fuzz", clock: clock) }

    /// Turns until nothing happens any more.
    ///
    /// - Throws: `FuzzFinding` when that does not come to pass.
    func settle() throws {
        var quietTurnCount = 0
        var turnCount = 0
        while quietTurnCount < 3 {
            quietTurnCount = loop.runTurn() ? 0 : quietTurnCount + 1
            turnCount += 1
            try require(turnCount < Self.turnCountMax, "the loop does not come to rest")
        }
    }

    func advance(milliseconds: UInt64) throws {
        clock.advance(byNanoseconds: milliseconds * 1_000_000)
        try settle()
    }

    /// Sends an input to a connection piece by piece, and lets it react to each.
    func play(_ bytes: UnsafeRawBufferPointer, cut: Cut, to tap: WireTap, between: (Int) throws -> Void) throws {
        for (index, range) in cut.pieces(of: bytes).enumerated() {
            if case .frames = cut, let milliseconds = Self.instruction(bytes[range]) {
                try advance(milliseconds: milliseconds)
            } else {
                try send(UnsafeRawBufferPointer(rebasing: bytes[range]), to: tap)
            }
            try between(index)
            if tap.hasEnded { return }
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, to tap: WireTap) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = loop.becomeCurrent { tap.send(rest) }
            try settle()
            // A connection that reads no more, because it is closed or nobody reads its answers, misses the rest.
            if count == 0 { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// The milliseconds of a frame that is an instruction to let them pass.
    private static func instruction(_ piece: Slice<UnsafeRawBufferPointer>) -> UInt64? {
        let piece = UnsafeRawBufferPointer(rebasing: piece)
        guard piece.count == Frames.headerByteCount, piece[3] == Frames.clockType else { return nil }
        return UInt64(piece[6]) << 16 | UInt64(piece[7]) << 8 | UInt64(piece[8])
    }
}

/// How the bytes of an input arrive.
enum Cut {
    case whole
    case frames
    case every(Int)

    init(_ control: UInt8) {
        self = [Cut.whole, .frames, .every(1), .every(13)][Int(control & 3)]
    }

    func pieces(of bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        switch self {
        case .whole: [0..<bytes.count]
        case .frames: Frames.split(bytes)
        case .every(let count):
            stride(from: 0, to: bytes.count, by: count).map { $0..<min($0 + count, bytes.count) }
        }
    }
}
