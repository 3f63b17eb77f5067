/// A regular expression, compiled, that finds its matches in UTF-8 text from left to right.
///
/// - Complexity: backtracking, with a limit of steps per match in proportion to the text that is left; the patterns
///   of the known tokenizers need a few steps a byte.
struct WordPattern: Sendable {
    enum Instruction: Sendable {
        /// One scalar of the set.
        case set(Int32)
        /// As many scalars of the set as possible, giving back down to the minimum unless possessive.
        case repeatSet(Int32, minimum: Int32, maximum: Int32, isPossessive: Bool)
        case split(first: Int32, second: Int32)
        case jump(Int32)
        /// Looks ahead with the instructions behind it up to `accept`, then goes on at `next`.
        case lookahead(next: Int32, isNegative: Bool)
        case start
        case end
        case accept
    }

    /// The pattern as it was written.
    let text: String
    private(set) var sets: [ScalarSet] = []
    private(set) var instructions: [Instruction] = []
    /// Where the outermost alternatives begin, and for each first byte the ones that can match: bit i for the i-th.
    private var branches: [Int32] = []
    private var branchesOfByte = [UInt64](repeating: .max, count: 256)

    init(_ pattern: String) throws(PatternError) {
        text = pattern
        var parser = PatternParser(pattern)
        let tree = try parser.parse()
        let alternatives = if case .alternatives(let nodes) = tree, nodes.count <= 64 { nodes } else { [tree] }
        for node in alternatives {
            branches.append(Int32(instructions.count))
            try compile(node)
            instructions.append(.accept)
        }
        for byte in 0..<256 {
            branchesOfByte[byte] = 0
            for (index, node) in alternatives.enumerated() where canBegin(node, with: UInt8(byte)) ?? true {
                branchesOfByte[byte] |= 1 << UInt64(index)
            }
        }
    }

    /// Matches `literal` itself; an empty one matches nowhere.
    init(literal: String) {
        text = literal
        branches = [0]
        for scalar in literal.unicodeScalars {
            instructions.append(.set(index(of: ScalarSet(ranges: [scalar.value...scalar.value]))))
        }
        instructions.append(.accept)
        branchesOfByte = Array(repeating: 0, count: 256)
        if let first = literal.utf8.first { branchesOfByte[Int(first)] = 1 }
    }

    private mutating func index(of set: ScalarSet) -> Int32 {
        if let index = sets.firstIndex(of: set) { return Int32(index) }
        sets.append(set)
        return Int32(sets.count - 1)
    }

    private mutating func compile(_ node: PatternNode) throws(PatternError) {
        guard instructions.count < 20_000 else { throw PatternError(construct: "a pattern this long") }
        switch node {
        case .set(let set): instructions.append(.set(index(of: set)))
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .alternatives(let nodes): try compile(alternatives: nodes)
        case .repeated(.set(let set), let minimum, let maximum, let isPossessive):
            instructions.append(
                .repeatSet(
                    index(of: set), minimum: Int32(minimum), maximum: Int32(maximum ?? Int(Int32.max)),
                    isPossessive: isPossessive))
        case .repeated(let node, let minimum, let maximum, _):
            try compile(group: node, minimum: minimum, maximum: maximum)
        case .lookahead(let node, let isNegative):
            let position = instructions.count
            instructions.append(.accept)
            try compile(node)
            instructions.append(.accept)
            instructions[position] = .lookahead(next: Int32(instructions.count), isNegative: isNegative)
        case .start: instructions.append(.start)
        case .end: instructions.append(.end)
        }
    }

    private mutating func compile(alternatives nodes: [PatternNode]) throws(PatternError) {
        var jumps: [Int] = []
        for (index, node) in nodes.enumerated() {
            let split = instructions.count
            if index < nodes.count - 1 { instructions.append(.accept) }
            try compile(node)
            guard index < nodes.count - 1 else { break }
            jumps.append(instructions.count)
            instructions.append(.accept)
            instructions[split] = .split(first: Int32(split + 1), second: Int32(instructions.count))
        }
        for jump in jumps { instructions[jump] = .jump(Int32(instructions.count)) }
    }

    private mutating func compile(group node: PatternNode, minimum: Int, maximum: Int?) throws(PatternError) {
        guard maximum != nil || canBeEmpty(node) == false else {
            throw PatternError(construct: "a repeated group that can be empty")
        }
        for _ in 0..<minimum { try compile(node) }
        guard let maximum else {
            let split = instructions.count
            instructions.append(.accept)
            try compile(node)
            instructions.append(.jump(Int32(split)))
            instructions[split] = .split(first: Int32(split + 1), second: Int32(instructions.count))
            return
        }
        for _ in minimum..<max(minimum, maximum) {
            let split = instructions.count
            instructions.append(.accept)
            try compile(node)
            instructions[split] = .split(first: Int32(split + 1), second: Int32(instructions.count))
        }
    }

    private func canBeEmpty(_ node: PatternNode) -> Bool {
        switch node {
        case .set: false
        case .sequence(let nodes): nodes.allSatisfy(canBeEmpty)
        case .alternatives(let nodes): nodes.contains(where: canBeEmpty)
        case .repeated(let node, let minimum, _, _): minimum == 0 || canBeEmpty(node)
        case .lookahead, .start, .end: true
        }
    }

    /// Whether a match can begin with this byte; nil when the node can be empty, so that the next one decides.
    private func canBegin(_ node: PatternNode, with byte: UInt8) -> Bool? {
        switch node {
        case .set(let set): return byte >= 0x80 || set.contains(Unicode.Scalar(byte))
        case .sequence(let nodes):
            for node in nodes {
                guard let answer = canBegin(node, with: byte) else { continue }
                return answer
            }
            return nil
        case .alternatives(let nodes):
            let answers = nodes.map { canBegin($0, with: byte) }
            if answers.contains(true) { return true }
            return answers.contains(nil) ? nil : false
        case .repeated(let node, let minimum, _, _):
            let answer = canBegin(node, with: byte)
            if answer == true { return true }
            return minimum == 0 ? nil : answer
        case .lookahead, .start, .end: return nil
        }
    }

    /// Hands `body` the pieces of `range` in order: every match, and what stands between matches.
    func forEachPiece(
        in bytes: borrowing [UInt8], _ range: Range<Int>, _ body: (Range<Int>, _ isMatch: Bool) -> Void
    ) {
        var matcher = PatternMatcher(bounds: range)
        var gapStart = range.lowerBound
        var index = range.lowerBound
        while index < range.upperBound {
            if let end = match(in: bytes, at: index, &matcher), end > index {
                if gapStart < index { body(gapStart..<index, false) }
                body(index..<end, true)
                index = end
                gapStart = end
            } else {
                index += decodeScalar(bytes, at: index).count
            }
        }
        if gapStart < range.upperBound { body(gapStart..<range.upperBound, false) }
    }

    private func match(in bytes: borrowing [UInt8], at index: Int, _ matcher: inout PatternMatcher) -> Int? {
        var candidates = branchesOfByte[Int(bytes[index])]
        while candidates != 0 {
            let branch = candidates.trailingZeroBitCount
            candidates &= candidates - 1
            if let end = matcher.run(self, bytes, from: Int(branches[branch]), at: index) { return end }
        }
        return nil
    }
}

/// The state of a search: what is left to try.
struct PatternMatcher {
    /// A place to go back to: `minimum` below `position` for a run that gives back scalar by scalar.
    private struct Choice {
        var instruction: Int
        var position: Int
        var minimum: Int
    }

    /// Steps that one match may take for each byte of the text, before it counts as none.
    private static let stepsPerByte = 64

    let bounds: Range<Int>
    private var choices: [Choice] = []

    init(bounds: Range<Int>) { self.bounds = bounds }

    /// Where the match of the instructions from `first` at `start` ends.
    mutating func run(_ pattern: WordPattern, _ bytes: borrowing [UInt8], from first: Int, at start: Int) -> Int? {
        let base = choices.count
        defer { choices.removeLast(choices.count - base) }
        var instruction = first
        var position = start
        var stepsLeft = 1000 + Self.stepsPerByte * (bounds.upperBound - start)
        while stepsLeft > 0 {
            stepsLeft -= 1
            if step(pattern, bytes, &instruction, &position) {
                if instruction < 0 { return position }
                continue
            }
            guard choices.count > base else { return nil }
            goBack(bytes, &instruction, &position)
        }
        return nil
    }

    private mutating func goBack(_ bytes: borrowing [UInt8], _ instruction: inout Int, _ position: inout Int) {
        let last = choices.count - 1
        instruction = choices[last].instruction
        position = choices[last].position
        if position > choices[last].minimum {
            choices[last].position = startOfScalar(bytes, before: position)
        } else {
            choices.removeLast()
        }
    }

    /// One instruction: false when it fails; `instruction` is -1 when the match is complete.
    private mutating func step(
        _ pattern: WordPattern, _ bytes: borrowing [UInt8], _ instruction: inout Int, _ position: inout Int
    ) -> Bool {
        switch pattern.instructions[instruction] {
        case .set(let set):
            guard position < bounds.upperBound else { return false }
            let (scalar, count) = decodeScalar(bytes, at: position)
            guard pattern.sets[Int(set)].contains(scalar) else { return false }
            position += count
            instruction += 1
        case .repeatSet(let set, let minimum, let maximum, let isPossessive):
            return repeatSet(
                pattern.sets[Int(set)], bytes, Int(minimum), Int(maximum), isPossessive, &instruction, &position)
        case .split(let first, let second):
            choices.append(Choice(instruction: Int(second), position: position, minimum: position))
            instruction = Int(first)
        case .jump(let target): instruction = Int(target)
        case .lookahead(let next, let isNegative):
            guard (run(pattern, bytes, from: instruction + 1, at: position) != nil) != isNegative else { return false }
            instruction = Int(next)
        case .start:
            guard position == bounds.lowerBound else { return false }
            instruction += 1
        case .end:
            guard position == bounds.upperBound else { return false }
            instruction += 1
        case .accept: instruction = -1
        }
        return true
    }

    private mutating func repeatSet(
        _ set: borrowing ScalarSet, _ bytes: borrowing [UInt8], _ minimum: Int, _ maximum: Int, _ isPossessive: Bool,
        _ instruction: inout Int, _ position: inout Int
    ) -> Bool {
        var count = 0
        var atMinimum = position
        while count < maximum, position < bounds.upperBound {
            let (scalar, byteCount) = decodeScalar(bytes, at: position)
            guard set.contains(scalar) else { break }
            position += byteCount
            count += 1
            if count == minimum { atMinimum = position }
        }
        guard count >= minimum else { return false }
        instruction += 1
        if !isPossessive, position > atMinimum {
            choices.append(
                Choice(
                    instruction: instruction, position: startOfScalar(bytes, before: position), minimum: atMinimum))
        }
        return true
    }
}
