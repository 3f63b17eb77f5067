/// Methods of texts, lists and maps, filters and arithmetic, as Python and Jinja have them.
enum TemplateMethods {
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    static func strip(_ text: String, _ given: TemplateValue?, left: Bool = true, right: Bool = true) -> String {
        var scalars = text.unicodeScalars[...]
        let set: Set<Unicode.Scalar>? = if case .string(let some) = given { Set(some.unicodeScalars) } else { nil }
        func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isSpace(scalar) }
        while left, let first = scalars.first, goes(first) { scalars.removeFirst() }
        while right, let last = scalars.last, goes(last) { scalars.removeLast() }
        return String(scalars)
    }

    /// Where `part` begins in `text`, counted in bytes.
    static func find(_ part: String, in text: String, from start: Int = 0) -> Int? {
        let (whole, part) = (Array(text.utf8), Array(part.utf8))
        guard !part.isEmpty else { return start <= whole.count ? start : nil }
        guard whole.count >= part.count else { return nil }
        var at = start
        while at <= whole.count - part.count {
            if whole[at] == part[0], whole[at..<at + part.count].elementsEqual(part) { return at }
            at += 1
        }
        return nil
    }

    /// The pieces of `text` between occurrences of `separator`, in at most `countMax` cuts.
    private static func split(_ text: String, _ separator: String, _ countMax: Int) -> [String] {
        let (bytes, mark) = (Array(text.utf8), Array(separator.utf8))
        var pieces: [String] = []
        var start = 0
        var at = 0
        while at + mark.count <= bytes.count, countMax < 0 || pieces.count < countMax {
            if bytes[at] == mark[0], bytes[at..<at + mark.count].elementsEqual(mark) {
                pieces.append(String(decoding: bytes[start..<at], as: UTF8.self))
                at += mark.count
                start = at
            } else {
                at += 1
            }
        }
        return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    static func apply(
        _ name: String, to value: TemplateValue, _ given: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        switch value {
        case .string(let text): return try apply(name, toText: text, given)
        case .map(let members):
            switch name {
            case "items": return .list(members.map { .list([.string($0.key), $0.value]) })
            case "keys": return .list(members.map { .string($0.key) })
            case "values": return .list(members.map(\.value))
            case "get":
                let found = value[given.first?.text ?? ""]
                return found == .undefined ? given.count > 1 ? given[1] : .none : found
            default: break
            }
        case .list(let values) where name == "count":
            return .int(values.count { $0.equals(given.first ?? .undefined) })
        default: break
        }
        throw .invalid("a value of type \(value.typeName) has no method \"\(name)\"")
    }

    private static func apply(
        _ name: String, toText text: String, _ given: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        func has(_ affix: TemplateValue) -> Bool {
            if case .list(let several) = affix { return several.contains(where: has) }
            return name == "startswith"
                ? text.utf8.starts(with: affix.text.utf8)
                : text.utf8.reversed().starts(with: affix.text.utf8.reversed())
        }
        switch name {
        case "strip": return .string(strip(text, given.first))
        case "lstrip": return .string(strip(text, given.first, right: false))
        case "rstrip": return .string(strip(text, given.first, left: false))
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "capitalize": return try filter(name, .string(text), [], [:], [])
        case "title": return .string(Self.titledByPython(text))
        case "startswith", "endswith": return .bool(has(given.first ?? .undefined))
        case "replace": return try filter("replace", .string(text), given, [:], [])
        case "find": return .int(find(given.first?.text ?? "", in: text) == nil ? -1 : prefixCount(text, given))
        case "count": return .int(split(text, try separator(given), -1).count - 1)
        case "split":
            guard let first = given.first, first != .none else {
                return .list(text.unicodeScalars.split(whereSeparator: isSpace).map { .string(String($0)) })
            }
            let countMax = given.count > 1 ? Int(given[1].number ?? -1) : -1
            return .list(split(text, try separator(given), countMax).map { .string($0) })
        case "join":
            guard case .list(let items) = given.first else { throw .invalid("join of what is no list") }
            return .string(items.map(\.text).joined(separator: text))
        default: throw .invalid("a value of type str has no method \"\(name)\"")
        }
    }

    private static func prefixCount(_ text: String, _ given: [TemplateValue]) -> Int {
        let at = find(given.first?.text ?? "", in: text) ?? 0
        return String(decoding: text.utf8.prefix(at), as: UTF8.self).unicodeScalars.count
    }

    private static func separator(_ given: [TemplateValue]) throws(TemplateError) -> String {
        guard case .string(let separator) = given.first, !separator.isEmpty else {
            throw .invalid("a text is split by an empty one, or by none")
        }
        return separator
    }

    /// A filter that needs no other filter or test; `items` are the elements of `value`.
    static func filter(
        _ name: String, _ value: TemplateValue, _ given: [TemplateValue], _ named: [String: TemplateValue],
        _ items: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "trim": return .string(strip(value.text, given.first))
        case "upper": return .string(value.text.uppercased())
        case "lower": return .string(value.text.lowercased())
        case "capitalize": return .string(value.text.prefix(1).uppercased() + value.text.dropFirst().lowercased())
        case "title": return .string(titled(value.text))
        case "string", "safe": return .string(value.text)
        case "tojson":
            let indent = (named["indent"] ?? given.first)?.number.map { Int(min(max($0, 0), 16)) }
            return .string(value.json(indent: indent))
        case "length", "count":
            if case .string(let text) = value { return .int(text.unicodeScalars.count) }
            return .int(items.count)
        case "default", "d":
            let fallback = given.first ?? named["default_value"] ?? .string("")
            let isLenient = (given.count > 1 ? given[1] : named["boolean"] ?? .bool(false)).isTrue
            return value == .undefined || isLenient && !value.isTrue ? fallback : value
        case "join": return .string(items.map(\.text).joined(separator: given.first?.text ?? ""))
        case "replace":
            guard given.count >= 2 else { throw .invalid("replace needs two texts") }
            let old = given[0].text
            guard !old.isEmpty else { throw .invalid("replace of an empty text") }
            let countMax = given.count > 2 ? Int(given[2].number ?? -1) : -1
            let parts = split(value.text, old, countMax)
            guard parts.count < 1 << 20, (parts.count - 1) * given[1].text.utf8.count < 1 << 26 else {
                throw .limit("bytes")
            }
            return .string(parts.joined(separator: given[1].text))
        case "items", "dictsort":
            guard case .map(var members) = value else { throw .invalid("\(name) of a value of type \(value.typeName)") }
            if name == "dictsort" { members.sort { $0.key.lowercased() < $1.key.lowercased() } }
            return .list(members.map { .list([.string($0.key), $0.value]) })
        case "first": return items.first ?? .undefined
        case "last": return items.last ?? .undefined
        case "list": return .list(items)
        case "reverse":
            if case .string = value { return .string(items.reversed().map(\.text).joined()) }
            return .list(items.reversed())
        case "unique":
            var kept: [TemplateValue] = []
            guard items.count < 1000 else { throw .limit("values for unique") }
            for item in items where !kept.contains(where: { $0.equals(item) }) { kept.append(item) }
            return .list(kept)
        case "int": return .int(whole(value))
        case "float":
            if case .string(let text) = value { return .double(Double(text) ?? 0) }
            return .double(value.number ?? 0)
        case "abs":
            if case .int(let number) = value, number > Int.min { return .int(abs(number)) }
            return .double(abs(value.number ?? 0))
        default: throw .invalid("the filter \"\(name)\" does not go here")
        }
    }

    private static func whole(_ value: TemplateValue) -> Int {
        if case .string(let text) = value { return Int(strip(text, nil)) ?? 0 }
        guard let number = value.number, abs(number) < 1e18 else { return 0 }
        return Int(number)
    }

    /// As `str.title` of Python: a letter behind anything that has no case begins a word, also behind an apostrophe.
    private static func titledByPython(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            result += isInWord ? properties.lowercaseMapping : properties.titlecaseMapping
            isInWord = properties.isCased
        }
        return result
    }

    private static func titled(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for character in text {
            result += isInWord ? character.lowercased() : character.uppercased()
            isInWord = character.isLetter || character.isNumber || character == "'"
        }
        return result
    }

    static func isLess(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        if case .string(let left) = left, case .string(let right) = right {
            return left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
        }
        guard let first = left.number, let second = right.number else {
            throw .invalid("values of types \(left.typeName) and \(right.typeName) have no order")
        }
        return first < second
    }

    static func arithmetic(
        _ sign: String, _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        guard let first = left.number, let second = right.number else {
            throw .invalid("\"\(sign)\" of values of types \(left.typeName) and \(right.typeName)")
        }
        if ["/", "//", "%"].contains(sign), second == 0 { throw .invalid("a division by zero") }
        if sign == "/" { return .double(first / second) }
        if case .double = left { return .double(floating(sign, first, second)) }
        if case .double = right { return .double(floating(sign, first, second)) }
        let (one, two) = (Int(first), Int(second))
        let result: (partialValue: Int, overflow: Bool)
        switch sign {
        case "+": result = one.addingReportingOverflow(two)
        case "-": result = one.subtractingReportingOverflow(two)
        case "*": result = one.multipliedReportingOverflow(by: two)
        default:
            let (quotient, remainder) = one.quotientAndRemainder(dividingBy: two == -1 && one == Int.min ? 1 : two)
            let isBelow = remainder != 0 && (remainder < 0) != (two < 0)
            result = (sign == "//" ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? two : 0), false)
        }
        guard !result.overflow else { throw .invalid("a number that is too large") }
        return .int(result.partialValue)
    }

    private static func floating(_ sign: String, _ left: Double, _ right: Double) -> Double {
        switch sign {
        case "+": left + right
        case "-": left - right
        case "*": left * right
        case "//": (left / right).rounded(.down)
        default: left - right * (left / right).rounded(.down)
        }
    }
}

/// Dates as `strftime` writes them, in UTC.
enum TemplateTime {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let days = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]

    /// - Source: Hinnant 2021, "chrono-compatible low-level date algorithms", for the date of a day.
    static func format(_ format: String, _ secondsSince1970: Int) -> String {
        let day = (secondsSince1970 - (secondsSince1970 % 86400 + 86400) % 86400) / 86400
        let second = (secondsSince1970 % 86400 + 86400) % 86400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = days[(day % 7 + 7) % 7]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var result = ""
        var isCode = false
        for character in format {
            guard isCode else {
                if character == "%" { isCode = true } else { result.append(character) }
                continue
            }
            isCode = false
            switch character {
            case "d": result += two(dayOfYear - (153 * part + 2) / 5 + 1)
            case "m": result += two(month)
            case "Y": result += "\(year)"
            case "y": result += two(year % 100)
            case "b": result += months[month - 1].prefix(3)
            case "B": result += months[month - 1]
            case "a": result += weekday.prefix(3)
            case "A": result += weekday
            case "H": result += two(second / 3600)
            case "M": result += two(second / 60 % 60)
            case "S": result += two(second % 60)
            case "%": result += "%"
            default: result += "%\(character)"
            }
        }
        return result
    }
}
