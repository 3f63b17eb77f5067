/// A set of Unicode scalar values: what a character class stands for.
struct ScalarSet: Equatable, Sendable {
    /// Disjoint, ascending, not touching; without the surrogates 0xD800 to 0xDFFF, which are no scalars.
    private(set) var ranges: [ClosedRange<UInt32>]

    static let empty = ScalarSet()
    static let all = ScalarSet([0...0x10FFFF])

    /// The union of `ranges`, in any order.
    init(_ ranges: [ClosedRange<UInt32>] = []) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            // Before the surrogates and behind them.
            for part in [0...0xD7FF, 0xE000...0x10FFFF] as [ClosedRange<UInt32>] where part.overlaps(range) {
                append(range.clamped(to: part))
            }
        }
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    var isEmpty: Bool { ranges.isEmpty }

    func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar.value) } }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var complement: ScalarSet {
        var rest: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { rest.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { rest.append(next...0x10FFFF) }
        return ScalarSet(rest)
    }

    func subtracting(_ other: ScalarSet) -> ScalarSet { complement.union(other).complement }

    /// Adds a range that begins behind the start of all others.
    private mutating func append(_ range: ClosedRange<UInt32>) {
        guard let last = ranges.last, range.lowerBound <= last.upperBound + 1 else { return ranges.append(range) }
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    }
}

extension ScalarSet {
    /// `[0-9]`, `[A-Za-z0-9_]` and the white space of ECMAScript.
    ///
    /// - Source: ECMA-262, section 22.2.2.9 (CharacterClassEscape) and 12.2, 12.3 (white space and line terminators).
    static let digits = ScalarSet([0x30...0x39])
    static let wordCharacters = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let whiteSpace = ScalarSet([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    /// All that anybody ends a line by, so that whoever judges with fewer of them agrees.
    static let lineEnds = ScalarSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])

    /// The scalars of a general category such as `Lu`, or of a group of them such as `L`; nil when there is none.
    ///
    /// - Source: Unicode Standard Annex 44, section 5.7.1.
    static func category(_ name: String) -> ScalarSet? {
        let parts = categories.filter { $0.key == name || (name.count == 1 && $0.key.hasPrefix(name)) }
        guard !parts.isEmpty else { return nil }
        return ScalarSet(parts.flatMap(\.value))
    }

    /// The runs of each category, found once by looking at every scalar.
    private static let categories: [String: [ClosedRange<UInt32>]] = {
        var runs: [String: [ClosedRange<UInt32>]] = [:]
        var start: UInt32 = 0
        var current: String?
        for value in 0...UInt32(0x110000) {
            let name = Unicode.Scalar(value).map { $0.properties.generalCategory.shortName }
            guard name != current else { continue }
            if let current { runs[current, default: []].append(start...value - 1) }
            start = value
            current = name
        }
        return runs
    }()
}

extension Unicode.GeneralCategory {
    /// The two letters of the category.
    fileprivate var shortName: String {
        switch self {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
