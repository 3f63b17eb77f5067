/// A number as it is written, exactly.
struct Decimal: Equatable, Sendable {
    let isNegative: Bool
    /// Digits before the point, the first not 0; none for less than 1.
    let integer: [UInt8]
    /// Digits behind the point, the last not 0.
    let fraction: [UInt8]

    /// Of both together.
    static let digitCountMax = 30

    static let zero = Decimal(isNegative: false, integer: [], fraction: [])

    private init(isNegative: Bool, integer: [UInt8], fraction: [UInt8]) {
        self.isNegative = isNegative
        self.integer = integer
        self.fraction = fraction
    }

    /// From a JSON number; nil when it has too many digits.
    init?(_ text: String) {
        let parts = text.lowercased().split(separator: "e")
        guard let mantissa = parts.first, let exponent = parts.count == 1 ? 0 : Int(parts[1].drop { $0 == "+" }),
            abs(exponent) <= Self.digitCountMax
        else { return nil }
        let digits = mantissa.drop { $0 == "-" }.split(separator: ".").map { $0.utf8.map { $0 - 0x30 } }
        var all = digits.flatMap { $0 }
        var point = (digits.first?.count ?? 0) + exponent
        if point < 0 {
            all = Array(repeating: 0, count: -point) + all
            point = 0
        }
        if point > all.count { all += Array(repeating: 0, count: point - all.count) }
        integer = Array(all[..<point].drop { $0 == 0 })
        fraction = Array(all[point...].reversed().drop { $0 == 0 }.reversed())
        guard integer.count + fraction.count <= Self.digitCountMax else { return nil }
        isNegative = mantissa.hasPrefix("-") && !(integer.isEmpty && fraction.isEmpty)
    }

    var magnitude: Decimal { Decimal(isNegative: false, integer: integer, fraction: fraction) }

    static func < (a: Decimal, b: Decimal) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        return a.isNegative ? b.magnitude.isBelow(a.magnitude) : a.isBelow(b)
    }

    static func > (a: Decimal, b: Decimal) -> Bool { b < a }

    private func isBelow(_ other: Decimal) -> Bool {
        if integer.count != other.integer.count { return integer.count < other.integer.count }
        if integer != other.integer { return integer.lexicographicallyPrecedes(other.integer) }
        return fraction.lexicographicallyPrecedes(other.fraction)
    }
}

/// What `multipleOf` asks for: multiples of modulus · 10^zeroCount / 10^decimalCount.
struct DecimalMultiple: Equatable, Sendable {
    /// Without zeros at its end where there are no decimals, so that few remainders are to be kept apart.
    let modulus: Int
    let zeroCount: Int
    let decimalCount: Int

    /// Most remainders, and most decimals.
    static let modulusMax = 1000
    static let decimalCountMax = 9

    /// Nil when it is not above 0 or beyond the limits.
    init?(_ value: Decimal) {
        guard !value.isNegative, value != .zero, value.fraction.count <= Self.decimalCountMax else { return nil }
        var digits = value.integer + value.fraction
        decimalCount = value.fraction.count
        let wholeCount = digits.count
        // The last digit of a fraction is not 0.
        while digits.last == 0 { digits.removeLast() }
        zeroCount = wholeCount - digits.count
        var modulus = 0
        for digit in digits {
            modulus = modulus * 10 + Int(digit)
            guard modulus <= Self.modulusMax else { return nil }
        }
        self.modulus = modulus
    }

    /// The remainder behind one more digit.
    func next(_ remainder: Int, _ digit: UInt8) -> Int { (remainder * 10 + Int(digit)) % modulus }

    /// Whether digits, so many of them behind the point, are a multiple; zeros that `zeroCount` asks for apart.
    func isMultiple(remainder: Int, fractionDigitCount: Int) -> Bool {
        guard fractionDigitCount <= decimalCount else { return false }
        return (fractionDigitCount..<decimalCount).reduce(remainder) { rest, _ in next(rest, 0) } == 0
    }

    /// Whether a number is one.
    func divides(_ value: Decimal) -> Bool {
        let digits = value.integer + value.fraction
        guard !digits.isEmpty else { return true }
        guard zeroCount == 0 || value.fraction.isEmpty && digits.suffix(zeroCount).allSatisfy({ $0 == 0 }) else {
            return false
        }
        let remainder = digits.dropLast(zeroCount).reduce(0, next)
        return isMultiple(remainder: remainder, fractionDigitCount: value.fraction.count)
    }
}
