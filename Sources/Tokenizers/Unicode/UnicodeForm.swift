/// The four normal forms of Unicode.
///
/// - Source: Unicode Standard Annex #15.
enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// `text` in this form.
    func callAsFunction(_ text: [UInt8]) -> [UInt8] {
        if text.allSatisfy({ $0 < 0x80 }) { return text }
        var scalars: [Unicode.Scalar] = []
        var index = 0
        while index < text.count {
            let (scalar, count) = decodeScalar(text, at: index)
            decompose(scalar, into: &scalars)
            index += count
        }
        order(&scalars)
        if self == .nfc || self == .nfkc { compose(&scalars) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in scalars { result += UTF8.encode(scalar)! }
        return result
    }

    private func decompose(_ scalar: Unicode.Scalar, into result: inout [Unicode.Scalar]) {
        let value = scalar.value
        if value < 0xA0 { return result.append(scalar) }
        if (0xAC00..<0xAC00 + 11172).contains(value) {
            let syllable = value - 0xAC00
            result.append(Unicode.Scalar(0x1100 + syllable / 588)!)
            result.append(Unicode.Scalar(0x1161 + syllable % 588 / 28)!)
            if syllable % 28 > 0 { result.append(Unicode.Scalar(0x11A7 + syllable % 28)!) }
            return
        }
        let isCompatible = self == .nfkc || self == .nfkd
        let parts = Decompositions.canonical[value] ?? (isCompatible ? Decompositions.compatible[value] : nil)
        guard let parts else { return result.append(scalar) }
        for part in parts { decompose(part, into: &result) }
    }

    /// Sorts each run of combining marks by class, equal ones as they stood.
    private func order(_ scalars: inout [Unicode.Scalar]) {
        var index = 0
        while index < scalars.count {
            guard combiningClass(scalars[index]) != 0 else {
                index += 1
                continue
            }
            let end = scalars[index...].firstIndex { combiningClass($0) == 0 } ?? scalars.count
            if end - index > 1 {
                let run = scalars[index..<end].enumerated().sorted {
                    (combiningClass($0.element), $0.offset) < (combiningClass($1.element), $1.offset)
                }
                scalars.replaceSubrange(index..<end, with: run.map(\.element))
            }
            index = end
        }
    }

    private func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x300 ? 0 : scalar.properties.canonicalCombiningClass.rawValue
    }

    private func compose(_ scalars: inout [Unicode.Scalar]) {
        var result: [Unicode.Scalar] = []
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in scalars {
            let own = combiningClass(scalar)
            // A mark of the same or a higher class in between blocks.
            if let place = starter, result.count == place + 1 || lastClass < own,
                let composed = composition(result[place], scalar)
            {
                result[place] = composed
                continue
            }
            if own == 0 { starter = result.count }
            lastClass = own
            result.append(scalar)
        }
        scalars = result
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
