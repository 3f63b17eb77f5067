/// The four normal forms of Unicode.
///
/// - Source: Unicode Standard Annex #15.
enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// A scalar of the result, and what became of those of the text for it.
    private struct Piece {
        var scalar: Unicode.Scalar
        /// 0 when it stands in the place of the next scalar, 1 when it stands for the one before as well, and -n when
        /// n more scalars are gone behind its own.
        var change = 0
    }

    /// `text` in this form.
    func callAsFunction<Text: StepText>(_ text: Text) -> Text {
        let bytes = text.bytes
        if bytes.allSatisfy({ $0 < 0x80 }) { return text }
        var pieces: [Piece] = []
        var index = 0
        while index < bytes.count {
            let (scalar, count) = decodeScalar(bytes, at: index)
            let first = pieces.count
            decompose(scalar, into: &pieces)
            for place in pieces.indices.dropFirst(first + 1) { pieces[place].change = 1 }
            index += count
        }
        order(&pieces)
        if self == .nfc || self == .nfkc { compose(&pieces) }
        return written(pieces, for: text)
    }

    private func written<Text: StepText>(_ pieces: [Piece], for text: Text) -> Text {
        let bytes = text.bytes
        var result = Text()
        result.reserveCapacity(bytes.count)
        var source = 0..<0
        for piece in pieces {
            var next = source.upperBound
            if piece.change <= 0 || source.isEmpty, next < bytes.count {
                next += decodeScalar(bytes, at: next).count
                source = source.upperBound..<next
            }
            result.append(UTF8.encode(piece.scalar)!, for: source, of: text)
            for _ in 0..<max(0, -piece.change) where next < bytes.count { next += decodeScalar(bytes, at: next).count }
            source = (next == source.upperBound ? source.lowerBound : startOfScalar(bytes, before: next))..<next
        }
        return result
    }

    private func decompose(_ scalar: Unicode.Scalar, into result: inout [Piece]) {
        let value = scalar.value
        if value < 0xA0 { return result.append(Piece(scalar: scalar)) }
        if (0xAC00..<0xAC00 + 11172).contains(value) {
            let syllable = value - 0xAC00
            result.append(Piece(scalar: Unicode.Scalar(0x1100 + syllable / 588)!))
            result.append(Piece(scalar: Unicode.Scalar(0x1161 + syllable % 588 / 28)!))
            if syllable % 28 > 0 { result.append(Piece(scalar: Unicode.Scalar(0x11A7 + syllable % 28)!)) }
            return
        }
        let isCompatible = self == .nfkc || self == .nfkd
        let parts = Decompositions.canonical[value] ?? (isCompatible ? Decompositions.compatible[value] : nil)
        guard let parts else { return result.append(Piece(scalar: scalar)) }
        for part in parts { decompose(part, into: &result) }
    }

    /// Sorts each run of combining marks by class, equal ones as they stood.
    private func order(_ pieces: inout [Piece]) {
        var index = 0
        while index < pieces.count {
            guard combiningClass(pieces[index].scalar) != 0 else {
                index += 1
                continue
            }
            let end = pieces[index...].firstIndex { combiningClass($0.scalar) == 0 } ?? pieces.count
            if end - index > 1 {
                let run = pieces[index..<end].enumerated().sorted {
                    (combiningClass($0.element.scalar), $0.offset) < (combiningClass($1.element.scalar), $1.offset)
                }
                pieces.replaceSubrange(index..<end, with: run.map(\.element))
            }
            index = end
        }
    }

    private func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x300 ? 0 : scalar.properties.canonicalCombiningClass.rawValue
    }

    private func compose(_ pieces: inout [Piece]) {
        var result: [Piece] = []
        var starter: Int?
        var lastClass: UInt8 = 0
        for piece in pieces {
            let own = combiningClass(piece.scalar)
            // A mark of the same or a higher class in between blocks.
            if let place = starter, result.count == place + 1 || lastClass < own,
                let composed = composition(result[place].scalar, piece.scalar)
            {
                result[place].scalar = composed
                result[place].change += piece.change - 1
                continue
            }
            if own == 0 { starter = result.count }
            lastClass = own
            result.append(piece)
        }
        pieces = result
    }

    private func composition(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        let (lead, vowel) = (first.value, second.value)
        if (0x1100..<0x1113).contains(lead), (0x1161..<0x1176).contains(vowel) {
            return Unicode.Scalar(0xAC00 + (lead - 0x1100) * 588 + (vowel - 0x1161) * 28)
        }
        if (0xAC00..<0xAC00 + 11172).contains(lead), (lead - 0xAC00) % 28 == 0, (0x11A8..<0x11C3).contains(vowel) {
            return Unicode.Scalar(lead + vowel - 0x11A7)
        }
        return Decompositions.compositions[UInt64(lead) << 32 | UInt64(vowel)]
    }
}

/// The tables behind the normal forms.
enum Decompositions {
    static let canonical = parse(canonicalDecompositions)
    static let compatible = parse(compatibilityDecompositions)

    /// The pairs that compose, by both values.
    static let compositions: [UInt64: Unicode.Scalar] = {
        var pairs: [UInt64: Unicode.Scalar] = [:]
        for (value, parts) in canonical where parts.count == 2 {
            let scalar = Unicode.Scalar(value)!
            guard !scalar.properties.isFullCompositionExclusion else { continue }
            pairs[UInt64(parts[0].value) << 32 | UInt64(parts[1].value)] = scalar
        }
        return pairs
    }()

    /// Entries `C0=41 300`, and `1D400+26=41` for 26 scalars in a row of which each becomes one in a row.
    private static func parse(_ table: String) -> [UInt32: [Unicode.Scalar]] {
        var result: [UInt32: [Unicode.Scalar]] = [:]
        for entry in table.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
            let sides = entry.split(separator: "=")
            let source = sides[0].split(separator: "+")
            let targets = sides[1].split(separator: " ").compactMap { UInt32($0, radix: 16) }
            let first = UInt32(source[0], radix: 16)!
            for step in 0..<(source.count > 1 ? UInt32(source[1])! : 1) {
                result[first + step] = targets.compactMap { Unicode.Scalar($0 + step) }
            }
        }
        return result
    }
}
