/// A moment of UTC, for `strftime_now`.
struct TemplateDate {
    private let days: Int
    private let seconds: Int

    init(secondsSince1970: Int) {
        let day = 86400
        seconds = ((secondsSince1970 % day) + day) % day
        days = (secondsSince1970 - seconds) / day
    }

    /// Year, month and day of the Gregorian calendar.
    ///
    /// - Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    private var civil: (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]

    /// The moment as `format` has it, in English.
    ///
    /// - Source: strftime(3).
    func text(_ format: String, _ evaluator: TemplateEvaluator) throws(TemplateError) -> String {
        var result = ""
        var isField = false
        for scalar in format.unicodeScalars {
            if isField {
                isField = false
                guard let text = field(scalar) else { throw evaluator.failure("the date field %\(scalar)") }
                result += text
            } else if scalar == "%" {
                isField = true
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private func field(_ scalar: Unicode.Scalar) -> String? {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let (year, month, day) = civil
        let weekday = Self.weekdays[((days % 7) + 7) % 7]
        let hour = seconds / 3600
        switch scalar {
        case "Y": return "\(year)"
        case "y": return two(year % 100)
        case "m": return two(month)
        case "B": return Self.months[month - 1]
        case "b", "h": return String(Self.months[month - 1].prefix(3))
        case "d": return two(day)
        case "A": return weekday
        case "a": return String(weekday.prefix(3))
        case "H": return two(hour)
        case "I": return two((hour + 11) % 12 + 1)
        case "p": return hour < 12 ? "AM" : "PM"
        case "M": return two(seconds / 60 % 60)
        case "S": return two(seconds % 60)
        case "F": return "\(year)-\(two(month))-\(two(day))"
        case "T": return "\(two(hour)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        case "%": return "%"
        default: return nil
        }
    }
}
