/// The visible characters that byte-level vocabularies write bytes with.
///
/// Printable bytes stand for themselves; the 68 others, in order, for U+0100, U+0101, ….
///
/// - Source: Radford et al. 2019 (GPT-2), the vocabulary files' own convention.
enum ByteLevelAlphabet {
    /// `[256]` the character of each byte.
    static let characters: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0...UInt8.max).map { byte in
            if isPrintable(byte) { return Unicode.Scalar(byte) }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()

    private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
        uniqueKeysWithValues: zip(characters, 0...UInt8.max))

    /// The bytes that a vocabulary entry stands for; nil when it has a character outside the alphabet.
    static func bytes(of entry: String) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in entry.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: true
        default: false
        }
    }
}
