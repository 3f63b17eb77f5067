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
    /// What they are multiples of.
    var multiple: DecimalMultiple?

    /// Digits of a number with a fraction: as many as every double keeps apart.
    static let digitCountMax = 15
    /// Digits of an integer without an upper bound.
    static let integerDigitCountMax = 18

    /// Adds them: the negative ones by their magnitudes, then the others.
    func add(to grammar: inout Grammar, from start: Int32, to end: Int32) {
        let zero = Bound(value: .zero, isInclusive: false)
        var states: [Magnitudes.Place: Int32] = [:]
        if lower == nil || lower!.value.isNegative {
            let minus = grammar.addState()
            grammar.add(bytes: "-".utf8, from: start, to: minus)
            // -x is in the range where x lies between the other bounds' magnitudes.
            let least = upper.flatMap { $0.value.isNegative ? Bound($0.value.magnitude, $0.isInclusive) : nil }
            let most = lower.map { Bound($0.value.magnitude, $0.isInclusive) }
            Magnitudes(lower: least ?? zero, upper: most, isInteger: isInteger, multiple: multiple)
                .add(to: &grammar, minus, end, &states)
        }
        if upper.map({ !$0.value.isNegative }) ?? true {
            let least = lower.flatMap { $0.value.isNegative ? nil : $0 }
            Magnitudes(lower: least ?? Bound(.zero, true), upper: upper, isInteger: isInteger, multiple: multiple)
                .add(to: &grammar, start, end, &states)
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
/// must not go beyond it; once they differ, everything goes, and all numbers with as many digits to come share states.
/// Multiples carry the remainder of the digits so far.
private struct Magnitudes {
    let lower: NumberRange.Bound
    let upper: NumberRange.Bound?
    let isInteger: Bool
    let multiple: DecimalMultiple?

    /// Where a number is: digits of its present part, and the bounds that it equals so far.
    struct Place: Hashable {
        /// Written of the present part.
        var digitCount = 0
        /// Still to come before the point.
        var wholeDigitsLeft: Int
        /// That there may be behind the point.
        let fractionDigitCountMax: Int
        var isFraction = false
        var equalsLower: Bool
        var equalsUpper: Bool
        /// Of everything written, when divided by what it is to be a multiple of.
        var remainder = 0
        /// Zeros that a multiple ends with and that are still to come; nil before it is decided that they come now.
        var zerosLeft: Int?

        /// The same for all places from which the same may be written.
        var shared: Place {
            guard !equalsLower, !equalsUpper, !isFraction else { return self }
            var place = self
            // Only whether there are any.
            place.digitCount = min(digitCount, 1)
            return place
        }
    }

    func add(to grammar: inout Grammar, _ start: Int32, _ end: Int32, _ states: inout [Place: Int32]) {
        let most = upper.map { max(1, $0.value.integer.count) }
        let least = max(1, lower.value.integer.count)
        let unbounded = max(isInteger ? NumberRange.integerDigitCountMax : NumberRange.digitCountMax, least)
        guard least <= most ?? unbounded else { return }
        for length in least...(most ?? unbounded) {
            // Places that equal a bound are of this sign and length alone.
            var own = states.filter { !$0.key.equalsLower && !$0.key.equalsUpper }
            add(to: &grammar, start, end, length: length, &own)
            states = own
        }
    }

    /// Adds the numbers with `length` digits before the point.
    private func add(
        to grammar: inout Grammar, _ start: Int32, _ end: Int32, length: Int, _ states: inout [Place: Int32]
    ) {
        let first = Place(
            wholeDigitsLeft: length, fractionDigitCountMax: fractionDigitCountMax(length: length),
            equalsLower: length == max(1, lower.value.integer.count),
            equalsUpper: upper != nil && length == max(1, upper!.value.integer.count))
        var open = [(first, start)]
        while let (place, state) = open.popLast() {
            guard !grammar.isTooLarge else { return }
            let isWhole = place.isFraction || place.wholeDigitsLeft == 0
            if isWhole, mayEnd(place) { grammar.add(.empty(to: end), from: state) }
            if isWhole, !place.isFraction {
                guard place.fractionDigitCountMax > 0 else { continue }
                var next = place
                next.isFraction = true
                next.digitCount = 0
                let point = grammar.addState()
                grammar.add(bytes: ".".utf8, from: state, to: point)
                // Not among those that are open: before the first digit behind the point a number may not end.
                addDigits(next, point, &grammar, &states, &open, length: length)
                continue
            }
            if place.isFraction, place.digitCount >= place.fractionDigitCountMax { continue }
            addDigits(place, state, &grammar, &states, &open, length: length)
        }
    }

    private func fractionDigitCountMax(length: Int) -> Int {
        guard !isInteger, length < NumberRange.digitCountMax else { return 0 }
        return min(multiple?.decimalCount ?? .max, NumberRange.digitCountMax - length)
    }

    /// Adds the digits that may come at a place.
    private func addDigits(
        _ place: Place, _ state: Int32, _ grammar: inout Grammar, _ states: inout [Place: Int32],
        _ open: inout [(Place, Int32)], length: Int
    ) {
        let index = place.digitCount
        // Both are looked at only where the place equals the bound, which then has as many digits before the point.
        let lowest = Self.digit(place.isFraction ? lower.value.fraction : lower.value.integer, index)
        let highest = upper.map { Self.digit(place.isFraction ? $0.value.fraction : $0.value.integer, index) }
        for digit in UInt8(0)...9 {
            if !place.isFraction, index == 0, digit == 0, length > 1 { continue }
            if place.equalsLower, digit < lowest { continue }
            if place.equalsUpper, let highest, digit > highest { continue }
            for (remainder, zerosLeft) in ways(place, digit) {
                var next = place
                next.digitCount += 1
                if !place.isFraction { next.wholeDigitsLeft -= 1 }
                next.equalsLower = place.equalsLower && digit == lowest
                next.equalsUpper = place.equalsUpper && digit == highest
                (next.remainder, next.zerosLeft) = (remainder, zerosLeft)
                let known = next.shared
                if states[known] == nil {
                    states[known] = grammar.addState()
                    open.append((next, states[known]!))
                }
                grammar.add(.bytes(digit + 0x30...digit + 0x30, to: states[known]!), from: state)
            }
        }
    }

    /// What a digit makes of the remainder; a zero may also be the first of those that a multiple ends with.
    private func ways(_ place: Place, _ digit: UInt8) -> [(remainder: Int, zerosLeft: Int?)] {
        guard let multiple else { return [(0, nil)] }
        if let left = place.zerosLeft { return digit == 0 && left > 0 ? [(0, left - 1)] : [] }
        let next = (multiple.next(place.remainder, digit), Int?.none)
        guard digit == 0, place.remainder == 0, multiple.zeroCount > 0 else { return [next] }
        // 0 itself has no more zeros.
        let isZero = place.digitCount == 0 && !place.isFraction
        return [next, (0, isZero ? 0 : multiple.zeroCount - 1)]
    }

    /// Whether the number may end here, with nothing but zeros behind it.
    private func mayEnd(_ place: Place) -> Bool {
        let written = place.isFraction ? place.digitCount : 0
        if let multiple {
            guard multiple.zeroCount == 0 || place.zerosLeft == 0,
                multiple.isMultiple(remainder: place.remainder, fractionDigitCount: written)
            else { return false }
        }
        if place.equalsLower {
            guard lower.isInclusive, written >= lower.value.fraction.count else { return false }
        }
        if place.equalsUpper, let upper {
            guard upper.isInclusive || written < upper.value.fraction.count else { return false }
        }
        return true
    }

    private static func digit(_ digits: [UInt8], _ index: Int) -> UInt8 {
        index < digits.count ? digits[index] : 0
    }
}
