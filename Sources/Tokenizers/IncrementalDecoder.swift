/// Turns tokens into text as they come, and never hands out half a character.
///
/// Bytes that may become a character with the next token are held back, at most three; bytes that cannot become one
/// are replaced by U+FFFD.
package struct IncrementalDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private var pending: [UInt8] = []
    private var leadingSpaceCount: Int

    package init(_ tokenizer: any Tokenizer) {
        self.tokenizer = tokenizer
        leadingSpaceCount = tokenizer.leadingSpaceCount
    }

    /// Starts behind text that was decoded elsewhere, where a leading space is text like any other.
    package init(continuing tokenizer: any Tokenizer) {
        self.tokenizer = tokenizer
        leadingSpaceCount = 0
    }

    /// The text that `token` completes; may be empty.
    package mutating func append(_ token: Int32) -> String {
        for byte in tokenizer.bytes(of: token) {
            if leadingSpaceCount > 0 {
                leadingSpaceCount = byte == UInt8(ascii: " ") ? leadingSpaceCount - 1 : 0
                if byte == UInt8(ascii: " ") { continue }
            }
            pending.append(byte)
        }
        let complete = pending.count - incompleteSuffixCount(pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// What was held back, replaced by U+FFFD where it never became a character.
    package mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}

/// How many bytes at the end are the start of a character that more bytes could complete, 0 to 3.
///
/// - Source: RFC 3629, section 4.
private func incompleteSuffixCount(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
        let lead = bytes[bytes.count - count]
        if lead & 0b1100_0000 == 0b1000_0000 { continue }
        let length = lead >= 0xF0 && lead <= 0xF4 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1
        return lead < 0xF5 && length > count && isPlausible(lead, bytes.suffix(count - 1)) ? count : 0
    }
    return 0
}

/// Whether the first continuation byte, if there is one, may follow `lead` (no overlong form, no surrogate, no value
/// past U+10FFFF).
private func isPlausible(_ lead: UInt8, _ continuation: ArraySlice<UInt8>) -> Bool {
    guard let first = continuation.first else { return true }
    return switch lead {
    case 0xE0: first >= 0xA0
    case 0xED: first < 0xA0
    case 0xF0: first >= 0x90
    case 0xF4: first < 0x90
    default: true
    }
}
