/// Keeps text of others from being read as special tokens after it has gone through a chat template.
///
/// A template copies, trims and joins what a conversation says, so that its places in the result are not known any
/// more. So a mark is put in front of every special token written in it, a scalar that is in none of the texts; the
/// result is stripped of the marks, and where they stood no special token begins.
///
/// - Source: The Unicode Standard, section 23.7, for the scalars that no text is meant to have.
package struct LiteralMarks: Sendable {
    private static let candidates = (0xFDD0...0xFDEF as ClosedRange<UInt32>).compactMap(Unicode.Scalar.init)

    private let mark: [UInt8]
    private let tokenizer: any Tokenizer

    /// Marks that none of `texts` has in it; nil when they have all that there are.
    package init?(avoiding texts: some Sequence<String>, for tokenizer: any Tokenizer) {
        var free = Self.candidates
        for text in texts where text.utf8.contains(0xEF) {
            let found = Set(text.unicodeScalars.lazy.filter(Self.candidates.contains))
            free.removeAll(where: found.contains)
        }
        guard let first = free.first else { return nil }
        mark = Array(String(first).utf8)
        self.tokenizer = tokenizer
    }

    /// The text with a mark in front of every special token.
    package func marking(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let offsets = tokenizer.specialTokenOffsets(in: bytes)
        guard !offsets.isEmpty else { return text }
        var marked: [UInt8] = []
        marked.reserveCapacity(bytes.count + offsets.count * mark.count)
        var start = 0
        for offset in offsets {
            marked += bytes[start..<offset]
            marked += mark
            start = offset
        }
        return String(decoding: marked + bytes[start...], as: UTF8.self)
    }

    /// The text without the marks, as UTF-8, and the offsets in front of which they stood.
    package func stripping(_ text: String) -> (text: [UInt8], literals: Set<Int>) {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var literals: Set<Int> = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == mark[0], bytes[index...].starts(with: mark) {
                literals.insert(result.count)
                index += mark.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return (result, literals)
    }
}
