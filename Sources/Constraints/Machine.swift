/// Runs a grammar byte by byte, as a deterministic automaton that is made where it is needed.
///
/// A *configuration* is a state of the grammar and the stack of states to return to; the automaton's states are sets of
/// configurations. Stacks share their beginnings, and equal ones are one number, so that equal sets are found again: a
/// language without recursion has finitely many, and of one with recursion only those that texts lead to are made.
///
/// Stacks are limited: a configuration is dropped unless the end can be reached within the limit. As that holds for the
/// start, and the way to the end keeps it, no automaton state is a dead end. Work is limited too; whoever hits a limit
/// finds `isExhausted`.
///
/// - Source: Rabin and Scott 1959 (subset construction); Thompson 1968 (made on the way); Tomita 1985 (shared stacks).
struct Machine {
    /// Not a state: no text of the language begins so.
    static let dead: Int32 = -1
    private static let unknown: Int32 = -2
    /// Calls within calls.
    static let depthMax: Int32 = 200
    /// Most states; texts that need more are treated as not in the language.
    static let stateCountMax = 1 << 16
    /// Most configurations that may be looked at to find one state.
    static let configurationCountMax = 1 << 13
    /// Most configurations that may be looked at between two refills, so that nobody's expression holds up others.
    static let workMax = 1 << 20

    private let grammar: Grammar
    private let depthsToEnd: [Int32]
    private let classes: [UInt8]
    private let classCount: Int

    /// What is on top of each stack, and the stack below; stack 0 is empty.
    private var stacks = [(top: Int32(-1), below: Int32(-1), depth: Int32(0))]
    private var stackNumbers: [UInt64: Int32] = [:]
    /// By state: its configurations that wait for a byte, ascending.
    private var configurations: [[UInt64]] = []
    private var stateNumbers: [Key: Int32] = [:]
    private var accepting: [Bool] = []
    /// `[stateCount, classCount]` the state after a byte of each class.
    private var transitions: [Int32] = []
    /// Where it begins; `dead` when the language is empty.
    private(set) var start: Int32 = Machine.dead
    /// Configurations that may still be looked at.
    private(set) var workLeft = Machine.workMax
    /// Whether a limit was hit; `dead` may then mean that nobody knows.
    private(set) var isExhausted = false

    private struct Key: Hashable {
        let configurations: [UInt64]
        let isAccepting: Bool
    }

    /// - Precondition: no rule calls itself before it has read anything.
    init(_ grammar: Grammar) {
        self.grammar = grammar
        depthsToEnd = grammar.depthsToEnd()
        (classes, classCount) = grammar.byteClasses()
        start = state(of: [Self.configuration(grammar.rules[0].start, stack: 0)])
    }

    var stateCount: Int { configurations.count }

    /// Begins a piece of work.
    mutating func refill() { workLeft = Self.workMax }

    /// Whether the text up to here is in the language.
    func isAccepting(_ state: Int32) -> Bool { state >= 0 && accepting[Int(state)] }

    /// Whether no longer text is in the language.
    func isFinal(_ state: Int32) -> Bool { state < 0 || configurations[Int(state)].isEmpty }

    /// The state after one more byte.
    mutating func next(_ state: Int32, _ byte: UInt8) -> Int32 {
        guard state >= 0 else { return Self.dead }
        let place = Int(state) * classCount + Int(classes[Int(byte)])
        let known = transitions[place]
        guard known == Self.unknown else { return known }
        let next = make(state, byte)
        transitions[place] = next
        return next
    }

    private mutating func make(_ state: Int32, _ byte: UInt8) -> Int32 {
        var reached: [UInt64] = []
        for configuration in configurations[Int(state)] {
            let (grammarState, stack) = Self.parts(configuration)
            for case .bytes(let range, let next) in grammar.edges[Int(grammarState)] where range.contains(byte) {
                reached.append(Self.configuration(next, stack: stack))
            }
        }
        return self.state(of: reached)
    }

    /// The number of the state with everything that can be reached from `roots` without reading.
    private mutating func state(of roots: [UInt64]) -> Int32 {
        var seen: Set<UInt64> = []
        var waiting: [UInt64] = []
        var isAccepting = false
        var open = roots
        while let configuration = open.popLast() {
            let (state, stack) = Self.parts(configuration)
            let depth = stacks[Int(stack)].depth
            guard depth + depthsToEnd[Int(state)] <= Self.depthMax, seen.insert(configuration).inserted else {
                continue
            }
            workLeft -= 1
            guard seen.count <= Self.configurationCountMax, workLeft >= 0 else {
                isExhausted = true
                return Self.dead
            }
            if grammar.isEnd[Int(state)] {
                if stack == 0 {
                    isAccepting = true
                } else {
                    let (top, below, _) = stacks[Int(stack)]
                    open.append(Self.configuration(top, stack: below))
                }
            }
            var waits = false
            for edge in grammar.edges[Int(state)] {
                switch edge {
                case .bytes: waits = true
                case .empty(let next): open.append(Self.configuration(next, stack: stack))
                case .call(let rule, let next):
                    let inner = push(next, on: stack)
                    open.append(Self.configuration(grammar.rules[Int(rule)].start, stack: inner))
                }
            }
            if waits { waiting.append(configuration) }
        }
        guard isAccepting || !waiting.isEmpty else { return Self.dead }
        waiting.sort()
        return number(of: Key(configurations: waiting, isAccepting: isAccepting))
    }

    private mutating func number(of key: Key) -> Int32 {
        if let known = stateNumbers[key] { return known }
        guard configurations.count < Self.stateCountMax else {
            isExhausted = true
            return Self.dead
        }
        let number = Int32(configurations.count)
        stateNumbers[key] = number
        configurations.append(key.configurations)
        accepting.append(key.isAccepting)
        transitions.append(contentsOf: repeatElement(Self.unknown, count: classCount))
        return number
    }

    /// The stack with one more return state; the end of a rule does nothing but return, and is left out.
    private mutating func push(_ state: Int32, on stack: Int32) -> Int32 {
        if grammar.isEnd[Int(state)], grammar.edges[Int(state)].isEmpty, stack != 0 { return stack }
        let key = UInt64(UInt32(bitPattern: state)) << 32 | UInt64(UInt32(bitPattern: stack))
        if let known = stackNumbers[key] { return known }
        let number = Int32(stacks.count)
        stackNumbers[key] = number
        stacks.append((state, stack, stacks[Int(stack)].depth + 1))
        return number
    }

    private static func configuration(_ state: Int32, stack: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: state)) << 32 | UInt64(UInt32(bitPattern: stack))
    }

    private static func parts(_ configuration: UInt64) -> (state: Int32, stack: Int32) {
        (Int32(truncatingIfNeeded: configuration >> 32), Int32(truncatingIfNeeded: configuration & 0xFFFF_FFFF))
    }
}
