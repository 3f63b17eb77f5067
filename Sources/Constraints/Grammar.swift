/// A language of byte strings: states with edges, grouped into rules that may call each other.
///
/// Without calls it is a nondeterministic finite automaton; with calls that come back to their own rule, a pushdown
/// automaton. `Machine` runs it.
///
/// ```
/// state ──bytes lo...hi──▶ state        reads one byte
/// state ──empty──▶ state                reads nothing
/// state ──call rule──▶ state            reads what the rule reads, from its start to its one end
/// ```
struct Grammar: Sendable {
    /// One way on from a state.
    enum Edge: Sendable, Equatable {
        case bytes(ClosedRange<UInt8>, to: Int32)
        case empty(to: Int32)
        case call(rule: Int32, to: Int32)
    }

    /// Where a rule begins and where it ends; nothing leaves its end.
    struct Rule: Sendable {
        let start: Int32
        let end: Int32
    }

    /// By state.
    private(set) var edges: [[Edge]] = []
    /// Whether a state is the end of its rule.
    private(set) var isEnd: [Bool] = []
    /// The first is the one that the whole text follows.
    private(set) var rules: [Rule] = []

    /// Most states; whatever needs more is refused.
    static let stateCountMax = 100_000

    /// Whether more states were asked for than there may be; the grammar is of no use then.
    var isTooLarge: Bool { edges.count > Self.stateCountMax }

    mutating func addState() -> Int32 {
        // One more than there may be is enough to be too large; loops that go on meanwhile stay bounded.
        guard !isTooLarge else { return Int32(edges.count - 1) }
        edges.append([])
        isEnd.append(false)
        return Int32(edges.count - 1)
    }

    /// A rule without edges yet.
    mutating func addRule() -> Int32 {
        let rule = Rule(start: addState(), end: addState())
        isEnd[Int(rule.end)] = true
        rules.append(rule)
        return Int32(rules.count - 1)
    }

    mutating func add(_ edge: Edge, from state: Int32) {
        guard !isTooLarge else { return }
        edges[Int(state)].append(edge)
    }

    mutating func keepEdges(where isKept: (Edge) -> Bool) {
        for state in edges.indices { edges[state].removeAll { !isKept($0) } }
    }
}

extension Grammar {
    /// How characters are written as bytes.
    enum Writing {
        /// UTF-8.
        case plain
        /// As in a JSON string: quotation mark, reverse solidus and control characters escaped, all others UTF-8.
        case jsonString
    }

    /// Adds the ways to read `pattern` from one state to another.
    mutating func add(_ pattern: Pattern, from start: Int32, to end: Int32, as writing: Writing) {
        guard !isTooLarge else { return }
        switch pattern {
        case .set(let set): add(set, from: start, to: end, as: writing)
        case .sequence(let parts):
            var state = start
            for (index, part) in parts.enumerated() {
                let next = index == parts.count - 1 ? end : addState()
                add(part, from: state, to: next, as: writing)
                state = next
            }
            if parts.isEmpty { add(.empty(to: end), from: start) }
        case .alternatives(let parts):
            for part in parts { add(part, from: start, to: end, as: writing) }
        case .repeated(let part, let min, let max):
            addRepeated(min: min, max: max, from: start, to: end) { grammar, from, to in
                grammar.add(part, from: from, to: to, as: writing)
            }
        }
    }

    /// Adds `min` to `max` of what `addOne` adds.
    mutating func addRepeated(
        min: Int, max: Int?, from start: Int32, to end: Int32,
        _ addOne: (inout Grammar, _ from: Int32, _ to: Int32) -> Void
    ) {
        // A state of its own, so that a loop does not become part of whatever else leaves `start`.
        var state = addState()
        add(.empty(to: state), from: start)
        for count in 0..<Swift.max(min, max ?? 0) {
            guard !isTooLarge else { return }
            if count >= min { add(.empty(to: end), from: state) }
            let next = addState()
            addOne(&self, state, next)
            state = next
        }
        add(.empty(to: end), from: state)
        guard max == nil else { return }
        let again = addState()
        addOne(&self, state, again)
        add(.empty(to: state), from: again)
    }

    /// Adds the ways to read one character out of a set.
    mutating func add(_ set: ScalarSet, from start: Int32, to end: Int32, as writing: Writing) {
        var plain = set
        if writing == .jsonString {
            plain = set.subtracting(Self.escapedInJSON)
            for scalar in Self.escapedInJSON.ranges.flatMap({ $0 }).compactMap(Unicode.Scalar.init)
            where set.contains(scalar) {
                add(bytes: JSONText.escaped(scalar).utf8, from: start, to: end)
            }
        }
        var shared: [[ClosedRange<UInt8>]: Int32] = [[]: end]
        for range in plain.ranges {
            UTF8Ranges.forEach(in: range) { add($0[...], from: start, &shared) }
        }
    }

    /// Adds exactly these bytes.
    mutating func add(bytes: some Collection<UInt8>, from start: Int32, to end: Int32) {
        var state = start
        for (index, byte) in bytes.enumerated() {
            let next = index == bytes.count - 1 ? end : addState()
            add(.bytes(byte...byte, to: next), from: state)
            state = next
        }
        if bytes.isEmpty { add(.empty(to: end), from: start) }
    }

    /// What a JSON string cannot have as it is.
    ///
    /// - Source: RFC 8259, section 7.
    private static let escapedInJSON = ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C])

    /// Adds a sequence of byte ranges whose tail may be shared with others of the same set.
    private mutating func add(
        _ ranges: ArraySlice<ClosedRange<UInt8>>, from start: Int32, _ shared: inout [[ClosedRange<UInt8>]: Int32]
    ) {
        let tail = Array(ranges.dropFirst())
        let next: Int32
        if let known = shared[tail] {
            next = known
        } else {
            next = addState()
            shared[tail] = next
            add(tail[...], from: next, &shared)
        }
        add(.bytes(ranges[ranges.startIndex], to: next), from: start)
    }
}

/// The UTF-8 encodings of ranges of scalars, as sequences of byte ranges.
enum UTF8Ranges {
    /// Hands out byte ranges, one for each byte, that together are the encodings of `range`.
    ///
    /// A sequence is handed out where any choice of bytes from its ranges is an encoding: a range is cut where the
    /// number of bytes changes, and at every border of what the last bytes can count.
    ///
    /// - Source: RFC 3629, section 3; Cox 2010, "Regular Expression Matching in the Wild", UTF-8 automata.
    static func forEach(in range: ClosedRange<UInt32>, _ body: ([ClosedRange<UInt8>]) -> Void) {
        for (limits, byteCount) in lengths where limits.overlaps(range) {
            split(range.clamped(to: limits), byteCount: byteCount, body)
        }
    }

    private static let lengths: [(ClosedRange<UInt32>, Int)] = [
        (0...0x7F, 1), (0x80...0x7FF, 2), (0x800...0xFFFF, 3), (0x10000...0x10FFFF, 4),
    ]

    private static func split(
        _ range: ClosedRange<UInt32>, byteCount: Int, _ body: ([ClosedRange<UInt8>]) -> Void
    ) {
        // From the largest block that the last bytes count through down to the smallest.
        for trailing in stride(from: byteCount - 1, to: 0, by: -1) {
            let mask: UInt32 = (1 << (6 * UInt32(trailing))) - 1
            let (low, high) = (range.lowerBound, range.upperBound)
            guard low & ~mask != high & ~mask else { continue }
            if low & mask != 0 {
                split(low...(low | mask), byteCount: byteCount, body)
                return split((low | mask) + 1...high, byteCount: byteCount, body)
            }
            if high & mask != mask {
                split(low...(high & ~mask) - 1, byteCount: byteCount, body)
                return split((high & ~mask)...high, byteCount: byteCount, body)
            }
        }
        let (low, high) = (bytes(range.lowerBound, byteCount), bytes(range.upperBound, byteCount))
        body(zip(low, high).map { $0...$1 })
    }

    private static func bytes(_ value: UInt32, _ byteCount: Int) -> [UInt8] {
        guard byteCount > 1 else { return [UInt8(value)] }
        let lead: [UInt32] = [0, 0, 0xC0, 0xE0, 0xF0]
        return (0..<byteCount).map { index in
            let bits = value >> (6 * UInt32(byteCount - 1 - index))
            return index == 0 ? UInt8(lead[byteCount] | bits) : UInt8(0x80 | bits & 0x3F)
        }
    }
}
