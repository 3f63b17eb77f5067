import Vocabulary

extension ConfigurationMap {
    /// The text under `key`; nil when the key is absent.
    package func string(_ key: String) throws(ConfigurationError) -> String? {
        try scalar(key, expected: "text")
    }

    /// The text under `key`, which must be there and not be empty.
    package func requiredString(_ key: String) throws(ConfigurationError) -> String {
        guard let value = try string(key), !value.isEmpty else { throw error(at: key, "is required") }
        return value
    }

    /// The integer under `key`, in `range`; nil when the key is absent.
    package func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        let expected = "an integer in \(range)"
        guard let text = try scalar(key, expected: expected) else { return nil }
        guard let value = Int(text), range.contains(value) else { throw mismatch(key, expected, text) }
        return value
    }

    /// The number under `key`, in `range`; nil when the key is absent.
    package func double(_ key: String, in range: ClosedRange<Double>) throws(ConfigurationError) -> Double? {
        let expected = "a number in \(range)"
        guard let text = try scalar(key, expected: expected) else { return nil }
        guard let value = Double(text), range.contains(value) else { throw mismatch(key, expected, text) }
        return value
    }

    /// `true` or `false` under `key`; nil when the key is absent.
    package func bool(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let text = try scalar(key, expected: "true or false") else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default: throw mismatch(key, "true or false", text)
        }
    }

    /// One of the cases of `Choice`, by raw value; nil when the key is absent.
    package func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, of type: Choice.Type
    ) throws(ConfigurationError) -> Choice? {
        let expected = "one of \(type.allCases.map(\.rawValue).joined(separator: ", "))"
        guard let text = try scalar(key, expected: expected) else { return nil }
        guard let choice = Choice(rawValue: text) else { throw mismatch(key, expected, text) }
        return choice
    }

    /// A number of bytes under `key`, such as `65536`, `64KiB`, `16MiB` or `2GiB`; nil when the key is absent.
    package func byteCount(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        let units: [(suffix: String, factor: Int)] = [
            ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1),
        ]
        let expected = "a number of bytes in \(range), such as 65536, 64KiB, 16MiB or 2GiB"
        return try quantity(key, units: units, in: range, expected: expected)
    }

    /// A duration under `key` in nanoseconds, written such as `500us`, `20ms`, `2s` or `5min`; nil when absent.
    package func nanoseconds(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        let limits = "from \(Self.duration(range.lowerBound)) to \(Self.duration(range.upperBound))"
        return try quantity(
            key, units: Self.durationUnits, in: range,
            expected: "a duration such as 500us, 20ms, 2s, 5min or 1h, \(limits)")
    }

    private static let durationUnits: [(suffix: String, factor: Int)] = [
        ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("ns", 1), ("us", 1_000), ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ]

    /// A duration as a file would have it, in the largest unit that leaves no rest.
    private static func duration(_ nanoseconds: Int) -> String {
        guard nanoseconds > 0 else { return "0s" }
        let units = durationUnits.sorted { $0.factor > $1.factor }
        let unit = units.first { nanoseconds.isMultiple(of: $0.factor) } ?? (suffix: "ns", factor: 1)
        return "\(nanoseconds / unit.factor)\(unit.suffix)"
    }

    /// A whole number and a unit; the first unit that is a suffix of the text counts.
    private func quantity(
        _ key: String, units: [(suffix: String, factor: Int)], in range: ClosedRange<Int>, expected: String
    ) throws(ConfigurationError) -> Int? {
        guard let text = try scalar(key, expected: expected) else { return nil }
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let number = Int(text.dropLast(unit.suffix.count)), number >= 0
        else { throw mismatch(key, expected, text) }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        guard !overflow, range.contains(value) else { throw mismatch(key, expected, text) }
        return value
    }

    private func mismatch(_ key: String, _ expected: String, _ text: String) -> ConfigurationError {
        error(at: key, "expected \(expected), got \"\(text.shown())\"")
    }
}
