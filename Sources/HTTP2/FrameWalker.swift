/// The nine bytes in front of every frame, and what a WINDOW_UPDATE adds.
///
/// - Source: RFC 9113 §4.1 and §6.9.
struct FrameHeader {
    let byteCount: Int
    let type: UInt8
    let flags: UInt8
    /// Only of a WINDOW_UPDATE.
    let windowIncrement: UInt32

    static let data: UInt8 = 0x0
    static let headers: UInt8 = 0x1
    static let resetStream: UInt8 = 0x3
    static let settings: UInt8 = 0x4
    static let goAway: UInt8 = 0x7
    static let windowUpdate: UInt8 = 0x8
    static let continuation: UInt8 = 0x9

    static let endStreamFlag: UInt8 = 0x1
    static let paddedFlag: UInt8 = 0x8
}

/// Finds the frame headers in a byte stream that arrives in pieces of any size.
///
/// Why: nghttp2 1.52 calls nobody for frames it ignores, and those are what floods are made of.
struct FrameWalker {
    /// Bytes to pass over: the connection preface, then payloads.
    private var skipByteCount: Int
    private var header: (UInt64, UInt64) = (0, 0)
    private var headerByteCount = 0

    /// - Parameter prefaceByteCount: 24 where a client's connection preface comes first, else 0.
    init(prefaceByteCount: Int) { skipByteCount = prefaceByteCount }

    /// The next frame header that is complete in `bytes` from `offset` on, which moves behind it; nil at the end.
    mutating func next(in bytes: UnsafeRawBufferPointer, from offset: inout Int) -> FrameHeader? {
        while offset < bytes.count {
            if skipByteCount > 0 {
                let skipped = min(skipByteCount, bytes.count - offset)
                skipByteCount -= skipped
                offset += skipped
                continue
            }
            if headerByteCount == 0, let found = whole(in: bytes, &offset) { return found }
            if collect(bytes, &offset, until: 9) && collect(bytes, &offset, until: 9 + extraByteCount) {
                return finishHeader()
            }
        }
        return nil
    }

    /// The header at `offset`, which moves behind it, where the bytes certainly hold all of it, as nearly always.
    private mutating func whole(in bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> FrameHeader? {
        guard bytes.count - offset >= 13 else { return nil }
        let word = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let byteCount = Int(word >> 40)
        let type = UInt8(truncatingIfNeeded: word >> 32)
        let flags = UInt8(truncatingIfNeeded: word >> 24)
        guard type == FrameHeader.windowUpdate, byteCount == 4 else {
            offset += 9
            skipByteCount = byteCount
            return FrameHeader(byteCount: byteCount, type: type, flags: flags, windowIncrement: 0)
        }
        let increment = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 9, as: UInt32.self))
        offset += 13
        return FrameHeader(byteCount: byteCount, type: type, flags: flags, windowIncrement: increment & 0x7fff_ffff)
    }

    /// Copies bytes until `count` of the header are there; false when the input ends before that.
    private mutating func collect(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int, until count: Int) -> Bool {
        let missing = min(count - headerByteCount, bytes.count - offset)
        if missing > 0 {
            let source = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + missing])
            let filled = headerByteCount
            withUnsafeMutableBytes(of: &header) {
                UnsafeMutableRawBufferPointer(rebasing: $0[filled...]).copyMemory(from: source)
            }
            headerByteCount += missing
            offset += missing
        }
        return headerByteCount >= count
    }

    private func byte(_ index: Int) -> UInt8 { withUnsafeBytes(of: header) { $0[index] } }

    private var payloadByteCount: Int { Int(byte(0)) << 16 | Int(byte(1)) << 8 | Int(byte(2)) }

    private var extraByteCount: Int { byte(3) == FrameHeader.windowUpdate && payloadByteCount == 4 ? 4 : 0 }

    private mutating func finishHeader() -> FrameHeader {
        var increment: UInt32 = 0
        if extraByteCount == 4 {
            for index in 9..<13 { increment = increment << 8 | UInt32(byte(index)) }
        }
        let found = FrameHeader(
            byteCount: payloadByteCount, type: byte(3), flags: byte(4), windowIncrement: increment & 0x7fff_ffff)
        skipByteCount = payloadByteCount - extraByteCount
        headerByteCount = 0
        return found
    }
}
