/// A frame as it was on the wire.
struct RawFrame: Equatable {
    static let headers: UInt8 = 0x1
    static let reset: UInt8 = 0x3
    static let ping: UInt8 = 0x6
    static let goAway: UInt8 = 0x7

    let type: UInt8
    let payload: [UInt8]

    /// The whole frames in `bytes`, from `offset` on: 24 behind a client's preface.
    static func all(in bytes: [UInt8], from offset: Int = 0) -> [RawFrame] {
        var frames: [RawFrame] = []
        var start = offset
        while start + 9 <= bytes.count {
            let count = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard start + 9 + count <= bytes.count else { break }
            frames.append(RawFrame(type: bytes[start + 3], payload: Array(bytes[(start + 9)..<(start + 9 + count)])))
            start += 9 + count
        }
        return frames
    }

    /// A frame as bytes; numbers of its payload are of 32 bits.
    static func bytes(_ type: UInt8, stream: UInt32 = 0, _ numbers: UInt32...) -> [UInt8] {
        let payload = [stream] + numbers
        return [0, 0, UInt8(4 * numbers.count), type, 0]
            + payload.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
    }

    /// The text at the end of a GOAWAY.
    var debugText: String { String(decoding: payload.dropFirst(8), as: UTF8.self) }
}
