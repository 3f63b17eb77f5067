/// The value of the `grpc-timeout` header: one to eight digits and a unit.
///
/// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`.
package enum Timeout {
    /// The digits a timeout may have.
    private static let digitCountMax = 8

    private static let units: [(letter: UInt8, nanoseconds: UInt64)] = [
        (UInt8(ascii: "n"), 1), (UInt8(ascii: "u"), 1_000), (UInt8(ascii: "m"), 1_000_000),
        (UInt8(ascii: "S"), 1_000_000_000), (UInt8(ascii: "M"), 60_000_000_000), (UInt8(ascii: "H"), 3_600_000_000_000),
    ]

    /// The nanoseconds `text` stands for, or nil when it is malformed.
    ///
    /// The longest timeout, 99,999,999 hours, is 360 billion seconds: more than 64 bits of nanoseconds, so such values
    /// become `UInt64.max`, which no clock reaches.
    package static func parse(_ text: UnsafeRawBufferPointer) -> UInt64? {
        guard text.count >= 2, text.count <= digitCountMax + 1,
            let unit = units.first(where: { $0.letter == text[text.count - 1] })
        else { return nil }
        var value: UInt64 = 0
        for digit in text.dropLast() {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: unit.nanoseconds)
        return overflow ? .max : nanoseconds
    }

    /// The shortest way to say `nanoseconds` in the finest unit that takes at most eight digits, rounded up.
    package static func format(nanoseconds: UInt64) -> String {
        for unit in units {
            let (whole, remainder) = nanoseconds.quotientAndRemainder(dividingBy: unit.nanoseconds)
            let value = remainder == 0 ? whole : whole + 1
            if value < 100_000_000 { return "\(value)\(Character(UnicodeScalar(unit.letter)))" }
        }
        // 2^64 nanoseconds are five million hours: the last unit always fits.
        preconditionFailure("\(nanoseconds) ns fit no unit")
    }
}
