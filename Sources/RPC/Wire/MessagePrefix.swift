/// The five bytes before a message: not compressed, and its length.
struct MessagePrefix {
    /// The longest message the prefix can announce.
    static let messageByteCountMax = Int(UInt32.max)

    private let bytes: (UInt8, UInt8, UInt8, UInt8, UInt8)

    /// - Precondition: `messageByteCount` fits four bytes.
    init(messageByteCount: Int) {
        let length = UInt32(messageByteCount)
        bytes = (
            0, UInt8(length >> 24), UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)
        )
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Swift.withUnsafeBytes(of: bytes, body)
    }
}
