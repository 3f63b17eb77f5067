/// SentencePiece's table of replacements: a double-array trie of keys, and the texts they become.
///
/// The layout is a little-endian count of bytes, the trie's units of four bytes, then texts that end with a zero.
///
/// - Source: SentencePiece's `precompiled_charsmap`; Yata et al. 2007 for the double array.
struct CharsMap: Sendable {
    /// What is looked up.
    enum Matching: Sendable {
        /// The longest key at each place, as SentencePiece does.
        case longest
        /// Whole grapheme clusters of up to five bytes by their shortest key, then scalars, as `tokenizer.json` means.
        case graphemes
    }

    private let units: [UInt32]
    private let texts: [UInt8]

    /// - Returns: nil when the blob is cut or its trie does not fit in it.
    init?(_ blob: [UInt8]) {
        guard blob.count >= 4 else { return nil }
        let byteCount = Int(Self.word(blob, 0))
        guard byteCount.isMultiple(of: 4), byteCount > 0, byteCount <= blob.count - 4 else { return nil }
        units = stride(from: 4, to: 4 + byteCount, by: 4).map { Self.word(blob, $0) }
        texts = Array(blob[(4 + byteCount)...])
        guard String(validating: texts, as: UTF8.self) != nil else { return nil }
    }

    func normalize<Text: StepText>(_ text: Text, _ matching: Matching) -> Text {
        let bytes = text.bytes
        var result = Text()
        result.reserveCapacity(bytes.count)
        switch matching {
        case .longest:
            var index = 0
            while index < bytes.count {
                if let (replacement, count) = match(bytes, index..<bytes.count, wantsLongest: true) {
                    result.append(replacement, for: index..<index + count, of: text)
                    index += count
                } else {
                    let count = decodeScalar(bytes, at: index).count
                    result.append(index..<index + count, of: text)
                    index += count
                }
            }
        case .graphemes:
            var start = 0
            for character in String(decoding: bytes, as: UTF8.self) {
                let place = start..<start + character.utf8.count
                start = place.upperBound
                if place.count < 6, let (replacement, _) = match(bytes, place, wantsLongest: false) {
                    append(replacement, for: place, of: text, to: &result)
                    continue
                }
                var index = place.lowerBound
                while index < place.upperBound {
                    let end = index + decodeScalar(bytes, at: index).count
                    if let (replacement, _) = match(bytes, index..<end, wantsLongest: false) {
                        append(replacement, for: index..<end, of: text, to: &result)
                    } else {
                        result.append(index..<end, of: text)
                    }
                    index = end
                }
            }
        }
        return result
    }

    /// Appends the replacement of a whole place: scalar by scalar, and what it has more stands for the last one.
    private func append<Text: StepText>(
        _ replacement: ArraySlice<UInt8>, for place: Range<Int>, of text: Text, to result: inout Text
    ) {
        let (bytes, new) = (text.bytes, Array(replacement))
        var source = place.lowerBound..<place.lowerBound
        var index = 0
        while index < new.count {
            if source.upperBound < place.upperBound {
                source = source.upperBound..<source.upperBound + decodeScalar(bytes, at: source.upperBound).count
            }
            let end = index + decodeScalar(new, at: index).count
            result.append(new[index..<end], for: source, of: text)
            index = end
        }
    }

    /// The replacement for a key that begins the range, and the key's length.
    private func match(
        _ bytes: [UInt8], _ range: Range<Int>, wantsLongest: Bool
    ) -> (text: ArraySlice<UInt8>, count: Int)? {
        var best: (ArraySlice<UInt8>, Int)?
        var node = Self.offset(units[0])
        for index in range {
            node ^= Int(bytes[index])
            // A label is the byte itself and, for a leaf's value, has the top bit set.
            guard node < units.count, units[node] & 0x8000_00FF == UInt32(bytes[index]) else { break }
            let hasLeaf = units[node] >> 8 & 1 == 1
            node ^= Self.offset(units[node])
            guard hasLeaf else { continue }
            guard node < units.count else { break }
            let start = Int(units[node] & 0x7FFF_FFFF)
            guard start < texts.count else { break }
            let end = texts[start...].firstIndex(of: 0) ?? texts.count
            // A place inside a character would make text that is no UTF-8.
            guard start == end || texts[start] & 0xC0 != 0x80 else { break }
            best = (texts[start..<end], index - range.lowerBound + 1)
            if !wantsLongest { break }
        }
        return best
    }

    private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }

    /// Four bytes, the least first.
    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
