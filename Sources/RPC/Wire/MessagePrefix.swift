import Vocabulary

/// The five bytes before a message: whether it is compressed, and its length.
struct MessagePrefix {
    /// The longest message the prefix can announce.
    static let messageByteCountMax = Int(UInt32.max)

    private let bytes: (UInt8, UInt8, UInt8, UInt8, UInt8)

    /// - Precondition: the message's length fits four bytes.
    init(_ message: FramedMessage) {
        let length = UInt32(message.bytes.count)
        bytes = (
            message.isCompressed ? 1 : 0, UInt8(length >> 24), UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF),
            UInt8(length & 0xFF)
        )
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Swift.withUnsafeBytes(of: bytes, body)
    }
}
