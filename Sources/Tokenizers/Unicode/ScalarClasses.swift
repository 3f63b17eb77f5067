/// General categories and white space by table, as patterns ask for them scalar by scalar.
enum ScalarClasses {
    /// The bit of white space beside those of the categories.
    static let spaceBit: UInt32 = 1 << 31

    /// The categories in the order of their bits.
    static let categories: [Unicode.GeneralCategory] = [
        .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber,
        .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol,
        .spaceSeparator, .lineSeparator, .paragraphSeparator, .control, .format, .surrogate, .privateUse, .unassigned,
    ]

    /// The masks of the names that patterns use in `\p{…}`.
    static let masks: [String: UInt32] = [
        "L": 0x1F, "Lu": 1, "Ll": 2, "Lt": 4, "Lm": 8, "Lo": 16, "M": 0xE0, "Mn": 1 << 5, "Mc": 1 << 6, "Me": 1 << 7,
        "N": 0x700, "Nd": 1 << 8, "Nl": 1 << 9, "No": 1 << 10, "P": 0x3F800, "Pc": 1 << 11, "Pd": 1 << 12,
        "Ps": 1 << 13, "Pe": 1 << 14, "Pi": 1 << 15, "Pf": 1 << 16, "Po": 1 << 17, "S": 0x3C_0000, "Sm": 1 << 18,
        "Sc": 1 << 19, "Sk": 1 << 20, "So": 1 << 21, "Z": 0x1C0_0000, "Zs": 1 << 22, "Zl": 1 << 23, "Zp": 1 << 24,
        "C": 0x3E00_0000, "Cc": 1 << 25, "Cf": 1 << 26,
    ]

    static let letters: UInt32 = 0x1F
    static let marks: UInt32 = 0xE0
    static let numbers: UInt32 = 0x700
    static let punctuation: UInt32 = 0x3F800
    static let controls: UInt32 = 0x3E00_0000

    /// The bit of the category, with `spaceBit` for white space.
    static func bits(_ scalar: Unicode.Scalar) -> UInt32 {
        scalar.value < 0x10000 ? basicPlane[Int(scalar.value)] : compute(scalar)
    }

    private static let bitOfCategory: [Unicode.GeneralCategory: UInt32] = Dictionary(
        uniqueKeysWithValues: categories.enumerated().map { ($1, 1 << UInt32($0)) })

    private static let basicPlane: [UInt32] = (0..<0x10000).map { Unicode.Scalar($0).map(compute) ?? 0 }

    private static func compute(_ scalar: Unicode.Scalar) -> UInt32 {
        (bitOfCategory[scalar.properties.generalCategory] ?? 0) | (scalar.properties.isWhitespace ? spaceBit : 0)
    }
}

/// The scalar that begins at `index` of valid UTF-8 and the number of its bytes.
@inline(__always)
func decodeScalar(_ bytes: borrowing [UInt8], at index: Int) -> (scalar: Unicode.Scalar, count: Int) {
    let first = UInt32(bytes[index])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), 1) }
    if first < 0xE0 {
        return (Unicode.Scalar((first & 0x1F) << 6 | UInt32(bytes[index + 1] & 0x3F)) ?? "\u{FFFD}", 2)
    }
    let second = UInt32(bytes[index + 1] & 0x3F)
    let third = UInt32(bytes[index + 2] & 0x3F)
    if first < 0xF0 { return (Unicode.Scalar((first & 0xF) << 12 | second << 6 | third) ?? "\u{FFFD}", 3) }
    let value = (first & 7) << 18 | second << 12 | third << 6 | UInt32(bytes[index + 3] & 0x3F)
    return (Unicode.Scalar(value) ?? "\u{FFFD}", 4)
}

/// Where the scalar that ends before `index` begins.
@inline(__always)
func startOfScalar(_ bytes: borrowing [UInt8], before index: Int) -> Int {
    var start = index - 1
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return start
}
