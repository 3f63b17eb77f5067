/// Python's methods of strings, over code points and bytes.
enum TemplateStrings {
    /// The first place of `part` at or after `start`.
    static func range(of part: [UInt8], in text: [UInt8], from start: Int) -> Range<Int>? {
        guard !part.isEmpty else { return start <= text.count ? start..<start : nil }
        guard text.count - start >= part.count else { return nil }
        var position = start
        while position <= text.count - part.count {
            if text[position] == part[0], text[position..<position + part.count].elementsEqual(part) {
                return position..<position + part.count
            }
            position += 1
        }
        return nil
    }

    /// Code points before the first `part`; -1 where there is none.
    static func find(_ part: String, in text: String) -> Int {
        let bytes = Array(text.utf8)
        guard let found = range(of: Array(part.utf8), in: bytes, from: 0) else { return -1 }
        return String(decoding: bytes[..<found.lowerBound], as: UTF8.self).unicodeScalars.count
    }

    static func count(_ part: String, in text: String) -> Int {
        part.isEmpty ? text.unicodeScalars.count + 1 : split(text, part, countMax: -1).count - 1
    }

    static func strip(_ text: String, _ characters: String?, left: Bool, right: Bool) -> String {
        func isStripped(_ scalar: Unicode.Scalar) -> Bool {
            characters.map { $0.unicodeScalars.contains(scalar) } ?? isSpace(scalar)
        }
        var scalars = text.unicodeScalars[...]
        while left, let first = scalars.first, isStripped(first) { scalars.removeFirst() }
        while right, let last = scalars.last, isStripped(last) { scalars.removeLast() }
        return String(scalars)
    }

    /// What Python takes as white space: Unicode's, and the separators U+001C to U+001F.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    static func split(_ text: String, _ separator: String?, countMax: Int) -> [String] {
        guard let separator else { return splitAtSpace(text, countMax: countMax) }
        let bytes = Array(text.utf8)
        let part = Array(separator.utf8)
        var parts: [String] = []
        var start = 0
        while countMax < 0 || parts.count < countMax, let found = range(of: part, in: bytes, from: start) {
            parts.append(String(decoding: bytes[start..<found.lowerBound], as: UTF8.self))
            start = found.upperBound
        }
        return parts + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    private static func splitAtSpace(_ text: String, countMax: Int) -> [String] {
        var parts: [String] = []
        var rest = text.unicodeScalars[...].drop(while: isSpace)
        while let first = rest.indices.first {
            if countMax >= 0, parts.count >= countMax {
                parts.append(String(rest))
                break
            }
            let end = rest.firstIndex(where: isSpace) ?? rest.endIndex
            parts.append(String(rest[first..<end]))
            rest = rest[end...].drop(while: isSpace)
        }
        return parts
    }

    /// Replaces `old`; an empty one stands before each code point and at the end.
    static func replace(_ text: String, _ old: String, _ new: String, countMax: Int) -> String {
        if old.isEmpty {
            var result = ""
            var count = 0
            for scalar in text.unicodeScalars {
                if countMax < 0 || count < countMax { result += new }
                count += 1
                result.unicodeScalars.append(scalar)
            }
            return countMax < 0 || count < countMax ? result + new : result
        }
        return split(text, old, countMax: countMax).joined(separator: new)
    }

    static func capitalize(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping + String(scalars: text.unicodeScalars.dropFirst()).lowercased()
    }

    /// `str.title`: words are runs of cased letters.
    static func title(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            isInWord = scalar.properties.isCased
        }
        return result
    }

    /// The filter `title`: words are cut at white space, hyphens and opening brackets.
    static func titleOfFilter(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            let isBreak = isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
            result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
            isInWord = !isBreak
        }
        return result
    }
}
