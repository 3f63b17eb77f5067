/// The part of a regular expression that cuts words, as a tree.
indirect enum PatternNode: Sendable, Equatable {
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// `maximum` nil for no limit; `isGreedy` gives back, `isPossessive` does not.
    case repeated(PatternNode, minimum: Int, maximum: Int?, isPossessive: Bool)
    case lookahead(PatternNode, isNegative: Bool)
    case start
    case end
}

/// What a pattern uses that is not known here.
struct PatternError: Error, Equatable {
    let construct: String
}

/// Reads the regular expressions of tokenizers: literals, classes, groups, `(?i:…)`, `? * + {m,n}` also possessive,
/// `|`, `(?=…)` and `(?!…)`; everything else is refused by name.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var ignoresCase = false
    private var depth = 0

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard index == scalars.count else { throw PatternError(construct: "an unmatched \")\"") }
        return node
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ text: String) -> Bool {
        guard scalars[index...].starts(with: text.unicodeScalars) else { return false }
        index += text.unicodeScalars.count
        return true
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        guard depth < 32 else { throw PatternError(construct: "groups more than 32 deep") }
        depth += 1
        defer { depth -= 1 }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            // `(?i)` holds to the end of its group.
            if take("(?i)") {
                ignoresCase = true
                continue
            }
            nodes.append(try quantified(atom()))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        let scalar = scalars[index]
        switch scalar {
        case "(": return try group()
        case "[": return .set(try set())
        case ".":
            index += 1
            return .set(ScalarSet(ranges: [10...10], isNegated: true))
        case "^":
            index += 1
            return .start
        case "$":
            index += 1
            return .end
        case "\\":
            let (mask, ranges, isNegated) = try escape()
            return .set(ScalarSet(mask: mask, ranges: folded(ranges), isNegated: isNegated))
        case "*", "+", "?", "{": throw PatternError(construct: "\"\(scalar)\" without anything before it")
        default:
            index += 1
            return .set(ScalarSet(ranges: folded([scalar.value...scalar.value])))
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var isLookahead = false
        var isNegative = false
        if take("(?:") {
        } else if take("(?i:") {
            ignoresCase = true
        } else if take("(?!") {
            (isLookahead, isNegative) = (true, true)
        } else if take("(?=") {
            isLookahead = true
        } else if take("(?") {
            throw PatternError(construct: "a group \"(?\(next.map(String.init) ?? "")\"")
        } else {
            index += 1
        }
        let node = try alternatives()
        guard take(")") else { throw PatternError(construct: "a group without end") }
        return isLookahead ? .lookahead(node, isNegative: isNegative) : node
    }

    private mutating func quantified(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let minimum: Int
        let maximum: Int?
        if take("?") {
            (minimum, maximum) = (0, 1)
        } else if take("*") {
            (minimum, maximum) = (0, nil)
        } else if take("+") {
            (minimum, maximum) = (1, nil)
        } else if take("{") {
            (minimum, maximum) = try bounds()
        } else {
            return node
        }
        if next == "?" { throw PatternError(construct: "a lazy quantifier") }
        let isPossessive = take("+")
        guard case .set = node else {
            if isPossessive { throw PatternError(construct: "a possessive group") }
            return .repeated(node, minimum: minimum, maximum: maximum, isPossessive: false)
        }
        return .repeated(node, minimum: minimum, maximum: maximum, isPossessive: isPossessive)
    }

    private mutating func bounds() throws(PatternError) -> (Int, Int?) {
        let minimum = number() ?? 0
        var maximum: Int? = minimum
        if take(",") { maximum = number() }
        guard take("}"), minimum <= maximum ?? minimum, max(minimum, maximum ?? 0) <= 1000 else {
            throw PatternError(construct: "a quantifier that is none")
        }
        return (minimum, maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar), value ?? 0 < 10_000 {
            value = (value ?? 0) * 10 + Int(scalar.value - 48)
            index += 1
        }
        return value
    }

    /// What stands behind a backslash; the index is at the backslash.
    private mutating func escape() throws(PatternError) -> (UInt32, [ClosedRange<UInt32>], isNegated: Bool) {
        index += 1
        guard let scalar = next else { throw PatternError(construct: "a backslash at the end") }
        index += 1
        switch scalar {
        case "s": return (ScalarClasses.spaceBit, [], false)
        case "S": return (ScalarClasses.spaceBit, [], true)
        case "d": return (1 << 8, [], false)
        case "D": return (1 << 8, [], true)
        case "w", "W":
            let mask = ScalarClasses.letters | ScalarClasses.marks | 1 << 8 | 1 << 9 | 1 << 11
            // Joiners and letters in circles count as parts of words.
            return (mask, [0x200C...0x200D, 0x24B6...0x24E9], scalar == "W")
        case "p", "P": return (try property(), [], scalar == "P")
        case "n": return (0, [10...10], false)
        case "r": return (0, [13...13], false)
        case "t": return (0, [9...9], false)
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, scalar.value > 0x39 || scalar.value < 0x30 else {
                throw PatternError(construct: "\"\\\(scalar)\"")
            }
            return (0, [scalar.value...scalar.value], false)
        }
    }

    private mutating func property() throws(PatternError) -> UInt32 {
        var name = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                name.unicodeScalars.append(scalar)
                index += 1
            }
            guard take("}") else { throw PatternError(construct: "\"\\p{\" without end") }
        } else if let scalar = next {
            name = String(scalar)
            index += 1
        }
        guard let mask = ScalarClasses.masks[name] else { throw PatternError(construct: "\"\\p{\(name)}\"") }
        return mask
    }

    private mutating func set() throws(PatternError) -> ScalarSet {
        index += 1
        let isNegated = take("^")
        var mask: UInt32 = 0
        var ranges: [ClosedRange<UInt32>] = []
        while let scalar = next, scalar != "]" {
            if scalar == "[" || take("&&") { throw PatternError(construct: "a class inside a class") }
            var first = [scalar.value...scalar.value]
            if scalar == "\\" {
                let (escapedMask, escapedRanges, isInverse) = try escape()
                guard !isInverse else { throw PatternError(construct: "a negated class inside a class") }
                mask |= escapedMask
                first = escapedRanges
            } else {
                index += 1
            }
            if next == "-", index + 1 < scalars.count, scalars[index + 1] != "]", let low = first.first?.lowerBound {
                index += 1
                var high = scalars[index].value
                if scalars[index] == "\\" {
                    guard let value = try escape().1.first?.lowerBound else {
                        throw PatternError(construct: "a range that is none")
                    }
                    high = value
                } else {
                    index += 1
                }
                guard low <= high else { throw PatternError(construct: "a range that is none") }
                first = [low...high]
            }
            ranges += first
        }
        guard take("]") else { throw PatternError(construct: "a class without end") }
        return ScalarSet(mask: mask, ranges: folded(ranges), isNegated: isNegated)
    }

    /// With the other cases of ASCII letters where case does not count: U+017F is a long s, U+212A the sign of Kelvin.
    private func folded(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        guard ignoresCase else { return ranges }
        var result = ranges
        for value in UInt32(0x61)...0x7A where ranges.contains(where: { $0.contains(value) || $0.contains(value - 32) })
        {
            result += [value...value, (value - 32)...(value - 32)]
            if value == 0x73 { result.append(0x17F...0x17F) }
            if value == 0x6B { result.append(0x212A...0x212A) }
        }
        return result
    }
}
