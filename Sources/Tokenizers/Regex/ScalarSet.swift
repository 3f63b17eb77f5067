/// A set of Unicode scalars, as `[^\s\p{L}]` describes one.
struct ScalarSet: Sendable, Equatable {
    /// Categories and white space, as `ScalarClasses.bits` gives them.
    var mask: UInt32 = 0
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    /// The ASCII members, computed once.
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(mask: UInt32 = 0, ranges: [ClosedRange<UInt32>] = [], isNegated: Bool = false) {
        self.mask = mask
        self.ranges = ranges
        self.isNegated = isNegated
        for value in 0..<UInt32(128) where containsSlowly(Unicode.Scalar(value)!) {
            if value < 64 { low |= 1 << UInt64(value) } else { high |= 1 << UInt64(value - 64) }
        }
    }

    @inline(__always)
    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if value < 64 { return low >> UInt64(value) & 1 != 0 }
        if value < 128 { return high >> UInt64(value - 64) & 1 != 0 }
        return containsSlowly(scalar)
    }

    private func containsSlowly(_ scalar: Unicode.Scalar) -> Bool {
        let isInside =
            mask != 0 && ScalarClasses.bits(scalar) & mask != 0 || ranges.contains { $0.contains(scalar.value) }
        return isInside != isNegated
    }
}
