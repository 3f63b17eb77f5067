/// A frame as it was on the wire.
struct RawFrame: Equatable {
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

    /// The text at the end of a GOAWAY.
    var debugText: String { String(decoding: payload.dropFirst(8), as: UTF8.self) }
}
