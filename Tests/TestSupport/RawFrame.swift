/// A frame as it was on the wire.
package struct RawFrame: Equatable {
    package static let headers: UInt8 = 0x1
    package static let reset: UInt8 = 0x3
    package static let ping: UInt8 = 0x6
    package static let goAway: UInt8 = 0x7

    package let type: UInt8
    package let flags: UInt8
    package let stream: UInt32
    package let payload: [UInt8]

    package init(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8]) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    /// The whole frames in `bytes`, which may begin with a client's preface.
    package static func all(in bytes: [UInt8]) -> [RawFrame] {
        bytes.withUnsafeBytes { buffer in
            Frames.split(buffer).compactMap { RawFrame(whole: Array(buffer[$0])) }
        }
    }

    /// Nil for a preface, and for a frame that is cut.
    private init?(whole bytes: [UInt8]) {
        let count = bytes.count - Frames.headerByteCount
        guard count >= 0, Self.number(bytes[0..<3]) == count else { return nil }
        self.init(
            type: bytes[3], flags: bytes[4], stream: Self.number(bytes[5..<9]),
            payload: Array(bytes[Frames.headerByteCount...]))
    }

    /// The last stream that a GOAWAY takes in.
    package var goAwayLastStream: UInt32? { isGoAway ? Self.number(payload[0..<4]) : nil }
    /// The error code of a GOAWAY.
    package var goAwayCode: UInt32? { isGoAway ? Self.number(payload[4..<8]) : nil }

    /// The text at the end of a GOAWAY.
    package var debugText: String { String(decoding: payload.dropFirst(8), as: UTF8.self) }

    private var isGoAway: Bool { type == Self.goAway && payload.count >= 8 }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}
