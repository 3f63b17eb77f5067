package import TestSupport

/// Random changes to an input that is a control byte and HTTP/2 frames, which leave most of it well-formed.
///
/// Why: a changed length derails everything behind it, so mutations of plain bytes seldom get beyond the frame layer.
package enum FrameMutation {
    /// One to three changes; `payload` changes the bytes of one frame.
    package static func mutate(
        _ input: [UInt8], _ random: inout SeededGenerator, payload: ([UInt8], inout SeededGenerator) -> [UInt8]
    ) -> [UInt8] {
        guard var control = input.first else { return [UInt8.random(in: 0...255, using: &random)] }
        if Int.random(in: 0..<16, using: &random) == 0 { control ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        var frames = input.withUnsafeBytes { bytes in
            Frames.split(UnsafeRawBufferPointer(rebasing: bytes.dropFirst())).map {
                Array(input[($0.lowerBound + 1)..<($0.upperBound + 1)])
            }
        }
        for _ in 0..<Int.random(in: 1...3, using: &random) { change(&frames, &random, payload) }
        return [control] + frames.joined()
    }

    private static func change(
        _ frames: inout [[UInt8]], _ random: inout SeededGenerator,
        _ payload: ([UInt8], inout SeededGenerator) -> [UInt8]
    ) {
        guard !frames.isEmpty else { return frames = [library.randomElement(using: &random)!] }
        let index = Int.random(in: 0..<frames.count, using: &random)
        let place = Int.random(in: 0...frames.count, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: frames.remove(at: index)
        case 1: frames.insert(frames[index], at: place)
        case 2: frames.swapAt(index, Int.random(in: 0..<frames.count, using: &random))
        case 3, 4: frames.insert(library.randomElement(using: &random)!, at: place)
        case 5: set(&frames[index], 3, UInt8.random(in: 0...10, using: &random))
        case 6: set(&frames[index], 4, UInt8.random(in: 0...255, using: &random) & 0x2D)
        case 7: set(&frames[index], 8, UInt8.random(in: 0...15, using: &random))
        case 8: frames[index] = payload(frames[index], &random)
        default: changePayload(of: &frames[index], &random, payload)
        }
    }

    private static func set(_ frame: inout [UInt8], _ offset: Int, _ value: UInt8) {
        if offset < frame.count { frame[offset] = value }
    }

    /// Changes what follows the header, and makes the header's length right again.
    private static func changePayload(
        of frame: inout [UInt8], _ random: inout SeededGenerator, _ payload: ([UInt8], inout SeededGenerator) -> [UInt8]
    ) {
        guard frame.count >= Frames.headerByteCount, frame != Frames.preface else { return }
        let changed = payload(Array(frame[Frames.headerByteCount...]), &random)
        let length = Frames.bigEndian(UInt32(changed.count))
        frame = length[1...] + frame[3..<Frames.headerByteCount] + changed
    }

    /// Frames worth adding anywhere.
    private static let library: [[UInt8]] = {
        var frames: [[UInt8]] = [
            Frames.settings(), Frames.settings([(4, 0)]), Frames.settings([(4, 0x7FFF_FFFF)]),
            Frames.settings([(5, 1 << 20)]),
            Frames.settings([(3, 0), (1, 0)]), Frames.frame(type: 4, flags: 1), Frames.ping(), Frames.ping(flags: 1),
            Frames.goAway(last: 1), Frames.goAway(last: 0x7FFF_FFFF, text: "x"), Frames.windowUpdate(0, 0x7FFF_FFFF),
            Frames.clock(milliseconds: 1), Frames.clock(milliseconds: 11_000), Frames.clock(milliseconds: 60_000),
            Frames.frame(type: 0x0B, [0, 0]),
        ]
        for stream: UInt32 in [1, 3, 5, 7] {
            frames += [
                Frames.headers(stream, Frames.request()), Frames.headers(stream, Frames.request(), end: true),
                Frames.headers(stream, [(":status", "200"), ("content-type", "application/grpc")]),
                Frames.headers(stream, [("grpc-status", "0")], end: true),
                Frames.headers(stream, [("x", "y")], end: true),
                Frames.data(stream, Frames.message([1, 2, 3])), Frames.data(stream, Frames.message([]), end: true),
                Frames.data(stream, []), Frames.data(stream, [], end: true),
                Frames.data(stream, Frames.message([3], flag: 1)),
                Frames.reset(stream), Frames.reset(stream, code: 0), Frames.reset(stream, code: 7),
                Frames.windowUpdate(stream, 1), Frames.windowUpdate(stream, 0x7FFF_FFFF),
                Frames.frame(type: 2, stream: stream, [0, 0, 0, 0, 16]),
                Frames.frame(type: 9, flags: 4, stream: stream),
                Frames.frame(type: 1, flags: 0, stream: stream, Frames.block(Frames.request())),
                Frames.frame(type: 5, flags: 4, stream: stream, Frames.bigEndian(2)),
            ]
        }
        return frames
    }()
}
