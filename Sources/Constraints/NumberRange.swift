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

/// The decimal numbers between two bounds, as digits.
struct NumberRange {
    /// Where the numbers end.
    struct Bound {
        let value: Decimal
        let isInclusive: Bool
    }

    let lower: Bound?
    let upper: Bound?
    let isInteger: Bool

    /// Digits of a number with a fraction: as many as every double keeps apart.
    static let digitCountMax = 15
    /// Digits of an integer without an upper bound.
    static let integerDigitCountMax = 18

    /// Adds them: the negative ones by their magnitudes, then the others.
    func add(to grammar: inout Grammar, from start: Int32, to end: Int32) {
        let zero = Bound(value: .zero, isInclusive: false)
        if lower == nil || lower!.value.isNegative {
            let minus = grammar.addState()
            grammar.add(bytes: "-".utf8, from: start, to: minus)
            // -x is in the range where x lies between the other bounds' magnitudes.
            let least = upper.flatMap { $0.value.isNegative ? Bound($0.value.magnitude, $0.isInclusive) : nil }
            let most = lower.map { Bound($0.value.magnitude, $0.isInclusive) }
            Magnitudes(lower: least ?? zero, upper: most, isInteger: isInteger).add(to: &grammar, minus, end)
        }
        if upper.map({ !$0.value.isNegative }) ?? true {
            let least = lower.flatMap { $0.value.isNegative ? nil : $0 }
            Magnitudes(lower: least ?? Bound(.zero, true), upper: upper, isInteger: isInteger)
                .add(to: &grammar, start, end)
        }
    }
}

extension NumberRange.Bound {
    init(_ value: Decimal, _ isInclusive: Bool) {
        self.init(value: value, isInclusive: isInclusive)
    }
}

/// The numbers from 0 on between two bounds.
///
/// For each number of digits before the point, digit by digit: as long as the digits are those of a bound, the next one
/// must not go beyond it; once they differ, everything goes.
private struct Magnitudes {
    let lower: NumberRange.Bound
    let upper: NumberRange.Bound?
    let isInteger: Bool

    /// Where a number is: digits written of its present part, and the bounds that it equals so far.
    private struct Place: Hashable {
        let digitCount: Int
        let isFraction: Bool
        let equalsLower: Bool
        let equalsUpper: Bool
    }

    func add(to grammar: inout Grammar, _ start: Int32, _ end: Int32) {
        let most = upper.map { max(1, $0.value.integer.count) }
        let least = max(1, lower.value.integer.count)
        let unbounded = max(isInteger ? NumberRange.integerDigitCountMax : NumberRange.digitCountMax, least)
        guard least <= most ?? unbounded else { return }
        for length in least...(most ?? unbounded) {
            add(to: &grammar, start, end, length: length)
        }
    }

    /// Adds the numbers with `length` digits before the point.
    private func add(to grammar: inout Grammar, _ start: Int32, _ end: Int32, length: Int) {
        let low = Self.digits(lower.value.integer, length: length)
        let high = upper.map { Self.digits($0.value.integer, length: length) }
        let first = Place(
            digitCount: 0, isFraction: false, equalsLower: length == max(1, lower.value.integer.count),
            equalsUpper: upper != nil && length == max(1, upper!.value.integer.count))
        var states = [first: start]
        var open = [first]
        while let place = open.popLast() {
            guard !grammar.isTooLarge, let state = states[place] else { return }
            let isWhole = place.isFraction || place.digitCount == length
            if isWhole, place.digitCount > 0, mayEnd(place) { grammar.add(.empty(to: end), from: state) }
            if isWhole, !place.isFraction {
                guard !isInteger, length < NumberRange.digitCountMax else { continue }
                let next = Place(
                    digitCount: 0, isFraction: true, equalsLower: place.equalsLower, equalsUpper: place.equalsUpper)
                let point = grammar.addState()
                grammar.add(bytes: ".".utf8, from: state, to: point)
                states[next] = point
                // Not among those that are open: before the first digit behind the point a number may not end.
                addDigits(next, point, &grammar, &states, &open, length: length, low, high)
                continue
            }
            if place.isFraction, length + place.digitCount >= NumberRange.digitCountMax { continue }
            addDigits(place, state, &grammar, &states, &open, length: length, low, high)
        }
    }

    /// Adds the digits that may come at a place.
    private func addDigits(
        _ place: Place, _ state: Int32, _ grammar: inout Grammar, _ states: inout [Place: Int32],
        _ open: inout [Place], length: Int, _ low: [UInt8], _ high: [UInt8]?
    ) {
        let index = place.digitCount
        let lowest = place.isFraction ? Self.digit(lower.value.fraction, index) : low[index]
        let highest = place.isFraction ? upper.map { Self.digit($0.value.fraction, index) } : high?[index]
        for digit in UInt8(0)...9 {
            if !place.isFraction, index == 0, digit == 0, length > 1 { continue }
            if place.equalsLower, digit < lowest { continue }
            if place.equalsUpper, let highest, digit > highest { continue }
            let next = Place(
                digitCount: index + 1, isFraction: place.isFraction,
                equalsLower: place.equalsLower && digit == lowest,
                equalsUpper: place.equalsUpper && digit == highest)
            if states[next] == nil {
                states[next] = grammar.addState()
                open.append(next)
            }
            grammar.add(.bytes(digit + 0x30...digit + 0x30, to: states[next]!), from: state)
        }
    }

    /// Whether the number may end here, with nothing but zeros behind it.
    private func mayEnd(_ place: Place) -> Bool {
        let written = place.isFraction ? place.digitCount : 0
        if place.equalsLower {
            guard lower.isInclusive, written >= lower.value.fraction.count else { return false }
        }
        if place.equalsUpper, let upper {
            guard upper.isInclusive || written < upper.value.fraction.count else { return false }
        }
        return true
    }

    /// With zeros in front; a number with more digits than that is not looked at by its digits.
    private static func digits(_ digits: [UInt8], length: Int) -> [UInt8] {
        digits.count > length
            ? Array(digits.prefix(length)) : Array(repeating: 0, count: length - digits.count) + digits
    }

    private static func digit(_ digits: [UInt8], _ index: Int) -> UInt8 {
        index < digits.count ? digits[index] : 0
    }
}
