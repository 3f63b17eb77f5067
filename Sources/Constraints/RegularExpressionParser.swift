/// Reads a regular expression by recursive descent.
struct RegularExpressionParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func parse() throws(RegularExpressionError) -> [RegularExpression.Branch] {
        var branches: [RegularExpression.Branch] = []
        repeat {
            var branch = RegularExpression.Branch(pattern: .sequence([]))
            branch.isAnchoredAtStart = take("^")
            branch.pattern = try sequence()
            branch.isAnchoredAtEnd = take("$")
            if let next = peek, next != "|" {
                throw error(next == ")" ? "a ) without its (" : "$ only stands at the end")
            }
            branches.append(branch)
        } while take("|")
        return branches
    }

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private func error(_ problem: String) -> RegularExpressionError {
        RegularExpressionError("\(problem), at character \(position)")
    }

    private mutating func sequence() throws(RegularExpressionError) -> Pattern {
        var parts: [Pattern] = []
        while let next = peek, next != "|", next != ")", next != "$" { parts.append(try quantified()) }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func quantified() throws(RegularExpressionError) -> Pattern {
        var pattern = try atom()
        while let quantifier = try quantifier() {
            pattern = .repeated(pattern, min: quantifier.min, max: quantifier.max)
            // Lazy or not, the same texts match.
            if take("?") { continue }
            if peek == "+" || peek == "*" { throw error("\(peek!) behind a quantifier is not supported") }
        }
        return pattern
    }

    private mutating func quantifier() throws(RegularExpressionError) -> (min: Int, max: Int?)? {
        switch peek {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{":
            position += 1
            guard let min = try number() else {
                throw error("{ begins a quantifier, as in {2,5}; write \\{ for itself")
            }
            var max: Int? = min
            if take(",") { max = try number() }
            guard take("}") else { throw error("a quantifier without its }") }
            if let max, max < min { throw error("the quantifier {\(min),\(max)} is empty") }
            return (min, max)
        default: return nil
        }
    }

    private mutating func number() throws(RegularExpressionError) -> Int? {
        var value: Int?
        while let digit = peek, "0"..."9" ~= digit {
            value = (value ?? 0) * 10 + Int(digit.value - 0x30)
            guard value! <= RegularExpression.boundMax else {
                throw error("a bound above \(RegularExpression.boundMax)")
            }
            position += 1
        }
        return value
    }

    private mutating func atom() throws(RegularExpressionError) -> Pattern {
        guard let scalar = peek else { throw error("the end, where a character was expected") }
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case ".":
            position += 1
            return .set(ScalarSet.lineEnds.complement)
        case "\\":
            return .set(try escape(inClass: false))
        case "*", "+", "?", "{": throw error("\(scalar) with nothing to repeat")
        case "^": throw error("^ only stands at the beginning")
        case "]", "}": throw error("a \(scalar) that closes nothing; write \\\(scalar) for itself")
        default:
            position += 1
            return .set(ScalarSet(scalar))
        }
    }

    private mutating func group() throws(RegularExpressionError) -> Pattern {
        position += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= RegularExpression.depthMax else {
            throw error("more than \(RegularExpression.depthMax) groups deep")
        }
        if take("?") { try groupKind() }
        var alternatives: [Pattern] = []
        repeat { alternatives.append(try sequence()) } while take("|")
        guard take(")") else { throw error(peek == "$" ? "$ within a group is not supported" : "a ( without its )") }
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    /// What stands behind `(?`.
    private mutating func groupKind() throws(RegularExpressionError) {
        if take(":") { return }
        if peek == "=" || peek == "!" { throw error("look-ahead is not supported") }
        let isPython = take("P")
        guard take("<") else { throw error("(?\(peek.map(String.init) ?? "") is not supported") }
        if peek == "=" || peek == "!" { throw error("look-behind is not supported") }
        let start = position
        while let scalar = peek, ScalarSet.wordCharacters.contains(scalar) { position += 1 }
        guard position > start, take(">") else {
            throw error(isPython ? "(?P is not a group" : "a group without a name")
        }
    }

    private mutating func characterClass() throws(RegularExpressionError) -> ScalarSet {
        position += 1
        let isNegated = take("^")
        var set = ScalarSet.empty
        while true {
            guard let next = peek else { throw error("a [ without its ]") }
            if next == "]" { break }
            let first = try classElement()
            guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                set = set.union(first.set)
                continue
            }
            position += 1
            let last = try classElement()
            guard let low = first.single, let high = last.single, low <= high else {
                throw error("a range in [ ] that is none")
            }
            set = set.union(ScalarSet([low...high]))
        }
        position += 1
        if isNegated { set = set.complement }
        guard !set.isEmpty else { throw error("a [ ] that matches nothing") }
        return set
    }

    private mutating func classElement() throws(RegularExpressionError) -> (set: ScalarSet, single: UInt32?) {
        guard let scalar = peek else { throw error("a [ without its ]") }
        if scalar == "\\" {
            let set = try escape(inClass: true)
            let isSingle = set.ranges.count == 1 && set.ranges[0].count == 1
            return (set, isSingle ? set.ranges[0].lowerBound : nil)
        }
        if scalar == "[", position + 1 < scalars.count, [":", ".", "="].contains(scalars[position + 1]) {
            throw error("[\(scalars[position + 1]) is not supported; write \\[ for itself")
        }
        position += 1
        return (ScalarSet(scalar), scalar.value)
    }

    private mutating func escape(inClass: Bool) throws(RegularExpressionError) -> ScalarSet {
        position += 1
        guard let scalar = peek else { throw error("a \\ at the end") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.complement
        case "w": return .wordCharacters
        case "W": return ScalarSet.wordCharacters.complement
        case "s": return .whiteSpace
        case "S": return ScalarSet.whiteSpace.complement
        case "n": return ScalarSet("\n")
        case "t": return ScalarSet("\t")
        case "r": return ScalarSet("\r")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "0" where peek.map { !("0"..."9" ~= $0) } ?? true: return ScalarSet("\0")
        case "b" where inClass: return ScalarSet("\u{08}")
        case "x": return try scalarValue(digitCount: 2)
        case "u": return try take("{") ? bracedScalarValue() : scalarValue(digitCount: 4)
        case "p", "P": return try category(isNegated: scalar == "P")
        case "b", "B": throw error("\\\(scalar), a word border, is not supported")
        case "0"..."9", "k": throw error("\\\(scalar), a back reference, is not supported")
        default:
            let isLetter = "a"..."z" ~= scalar || "A"..."Z" ~= scalar
            if isLetter { throw error("\\\(scalar) is not supported") }
            return ScalarSet(scalar)
        }
    }

    private mutating func scalarValue(digitCount: Int) throws(RegularExpressionError) -> ScalarSet {
        var value: UInt32 = 0
        for _ in 0..<digitCount {
            guard let digit = peek.flatMap({ UInt32(String($0), radix: 16) }) else {
                throw error("a hex digit is missing")
            }
            value = value * 16 + digit
            position += 1
        }
        return try set(of: value)
    }

    private mutating func bracedScalarValue() throws(RegularExpressionError) -> ScalarSet {
        var value: UInt32 = 0
        while let digit = peek.flatMap({ UInt32(String($0), radix: 16) }), value <= 0x10FFFF {
            value = value * 16 + digit
            position += 1
        }
        guard take("}") else { throw error("\\u{ without its }") }
        return try set(of: value)
    }

    private func set(of value: UInt32) throws(RegularExpressionError) -> ScalarSet {
        guard let scalar = Unicode.Scalar(value) else {
            throw error("\(String(value, radix: 16)) is not a character; write those above FFFF as \\u{…}")
        }
        return ScalarSet(scalar)
    }

    private mutating func category(isNegated: Bool) throws(RegularExpressionError) -> ScalarSet {
        guard take("{") else { throw error("\\p without its {") }
        var name = ""
        while let scalar = peek, scalar != "}", name.count < 32 {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take("}") else { throw error("\\p{ without its }") }
        guard let set = ScalarSet.category(name) else {
            throw error("\\p{\(name)} is not supported; general categories such as \\p{L} and \\p{Lu} are")
        }
        return isNegated ? set.complement : set
    }
}
