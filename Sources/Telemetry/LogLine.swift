/// One line of log: a time, a level, a constant message and then keys with values, which may come from anywhere.
///
/// ```
/// 2026-01-31T12:00:00.250Z info call request=17 tenant=acme model=digits status=OK milliseconds=1.25
/// ```
///
/// A value is quoted when it holds anything but plain characters and is cut at `valueCharacterCountMax`, so that no
/// caller can forge a line or fill the disk with one call.
package struct LogLine: Hashable, Sendable {
    package static let valueCharacterCountMax = 512

    /// The whole line, without a line feed.
    package private(set) var text: String

    /// A line without keys yet; `time` as `timestamp(millisecondsSince1970:)` writes it.
    package init(time: String, level: String, message: String) {
        text = "\(time) \(level) \(LogLine.escaped(message, isMessage: true))"
    }

    /// Appends ` key=value`; characters that a key cannot have become underscores.
    package mutating func append(key: String, value: String) {
        text += " "
        guard !Self.isPlainKey(key) else {
            text += key
            text += "="
            text += LogLine.escaped(value, isMessage: false)
            return
        }
        for character in key.unicodeScalars.prefix(64) {
            let isPlain =
                character.isASCII
                && (character.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains(character))
            text.unicodeScalars.append(isPlain ? character : "_")
        }
        text += "=\(LogLine.escaped(value, isMessage: false))"
    }

    /// Whether a key is written as it is, as all keys of our own are: told by bytes, which is much quicker.
    private static func isPlainKey(_ key: String) -> Bool {
        key.utf8.count <= 64
            && key.utf8.allSatisfy { ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")) || $0 == UInt8(ascii: "_") }
    }

    /// Whether a value is written as it is, by bytes as well.
    private static func isPlainValue(_ value: String) -> Bool {
        (1...valueCharacterCountMax).contains(value.utf8.count)
            && value.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=")
            }
    }

    private static func escaped(_ value: String, isMessage: Bool) -> String {
        if isPlainValue(value) { return value }
        let scalars = value.unicodeScalars
        let isPlain = scalars.prefix(valueCharacterCountMax + 1).allSatisfy { character in
            character.value > 0x20 && character.value < 0x7F && character != "\"" && character != "="
                || isMessage && character == " "
        }
        if isPlain && !scalars.isEmpty && scalars.count <= valueCharacterCountMax { return value }
        var quoted = "\""
        for character in scalars.prefix(valueCharacterCountMax) {
            switch character {
            case "\"", "\\": quoted += "\\\(character)"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where steersTerminal(character):
                quoted += "\\u{\(String(character.value, radix: 16))}"
            default: quoted.unicodeScalars.append(character)
            }
        }
        return quoted + (scalars.count > valueCharacterCountMax ? "…\"" : "\"")
    }

    /// Whether a character could move the cursor, turn the direction of writing or look like the end of the line.
    private static func steersTerminal(_ character: Unicode.Scalar) -> Bool {
        switch character.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

extension LogLine {
    /// A moment in UTC, such as `2026-01-31T12:00:00.250Z`.
    ///
    /// - Source: Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    package static func timestamp(millisecondsSince1970 milliseconds: Int64) -> String {
        let (days, rest) = milliseconds.quotientFlooring(by: 86_400_000)
        // Days since 0000-03-01, in eras of 400 years: March first, the leap day ends a year.
        let (era, dayOfEra) = (days + 719_468).quotientFlooring(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = era * 400 + yearOfEra + (civilMonth <= 2 ? 1 : 0)
        let date = "\(padded(year, 4))-\(padded(civilMonth, 2))-\(padded(day, 2))"
        let seconds = rest / 1_000
        let time = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return "\(date)T\(time).\(padded(rest % 1_000, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension Int64 {
    /// Quotient rounded down and a remainder that is never negative.
    fileprivate func quotientFlooring(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
