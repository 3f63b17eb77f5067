import Synchronization

/// What an answer has to look like, for one vocabulary: says which tokens may come next.
///
/// Which they are is found by walking the vocabulary's tree of bytes together with the automaton, once for each state
/// that an answer reaches, and kept. Several answers and several requests share one constraint.
///
/// - Isolation: any thread; a lock guards what is found on the way.
package final class Constraint: Sendable {
    private let trie: TokenTrie
    /// Tokens that end an answer, which they may where it is complete.
    private let endTokens: [Int32]
    private let state: Mutex<State>

    private struct State {
        var machine: Machine
        var masks: [Int32: TokenMask] = [:]
    }

    /// Where an answer is.
    package struct Position: Sendable, Equatable {
        fileprivate var state: Int32
        /// Spaces at the beginning that are still to be dropped.
        fileprivate var droppedSpaceCount: Int
    }

    /// Bytes of masks that are kept; they are made again when there are more.
    static let maskByteCountMax = 16 << 20

    /// - Throws: `ConstraintError` when no text is in the language.
    init(
        _ grammar: Grammar, field: String, trie: TokenTrie, endTokens: Set<Int32>
    ) throws(ConstraintError) {
        self.trie = trie
        self.endTokens = endTokens.filter { $0 >= 0 && Int($0) < trie.tokenCount }.sorted()
        let machine = Machine(grammar)
        guard !machine.isExhausted else {
            throw ConstraintError(field: field, problem: "leaves too many ways open at once")
        }
        guard machine.start != Machine.dead else {
            throw ConstraintError(field: field, problem: "no text is like that")
        }
        state = Mutex(State(machine: machine))
    }

    /// Before the first token.
    ///
    /// - Parameter droppedSpaceCount: how many leading spaces of the whole text are not part of it.
    /// - Returns: where every answer begins.
    package func start(droppedSpaceCount: Int = 0) -> Position {
        Position(state: state.withLock { $0.machine.start }, droppedSpaceCount: droppedSpaceCount)
    }

    /// The tokens that may come next; those that end the answer where it is complete.
    ///
    /// - Parameters:
    ///   - position: where the answer is.
    ///   - allowsEnd: whether ending tokens are to be allowed at all.
    /// - Returns: an empty set where no token of the vocabulary goes on, or the automaton has grown too large.
    package func mask(at position: Position, allowsEnd: Bool = true) -> TokenMask {
        var mask = state.withLock { state -> TokenMask in
            if position.droppedSpaceCount == 0, let known = state.masks[position.state] { return known }
            state.machine.refill()
            let mask = makeMask(at: position, &state.machine)
            // Not to be relied on, then.
            guard !state.machine.isExhausted else { return TokenMask(tokenCount: trie.tokenCount) }
            guard position.droppedSpaceCount == 0 else { return mask }
            if state.masks.count * mask.words.count * 8 >= Self.maskByteCountMax { state.masks = [:] }
            state.masks[position.state] = mask
            return mask
        }
        if allowsEnd, isComplete(position) {
            for token in endTokens { mask.insert(token) }
        }
        return mask
    }

    /// Goes on by a token's bytes.
    ///
    /// - Returns: false when no text of the language goes on like that; the position is then of no more use.
    @discardableResult
    package func advance(_ position: inout Position, by bytes: [UInt8]) -> Bool {
        state.withLock { state in
            state.machine.refill()
            for byte in bytes {
                if position.droppedSpaceCount > 0 {
                    position.droppedSpaceCount = byte == UInt8(ascii: " ") ? position.droppedSpaceCount - 1 : 0
                    if byte == UInt8(ascii: " ") { continue }
                }
                position.state = state.machine.next(position.state, byte)
            }
            return position.state != Machine.dead
        }
    }

    /// Whether the answer may end here.
    package func isComplete(_ position: Position) -> Bool {
        state.withLock { $0.machine.isAccepting(position.state) }
    }

    /// Whether the answer has to end here.
    package func isFinished(_ position: Position) -> Bool {
        state.withLock { $0.machine.isAccepting(position.state) && $0.machine.isFinal(position.state) }
    }

    /// Whether it has hit a limit or used up half of the states it may have, and new requests had better get a new one.
    package var isWorn: Bool {
        state.withLock { $0.machine.isExhausted || $0.machine.stateCount > Machine.stateCountMax / 2 }
    }

    private func makeMask(at position: Position, _ machine: inout Machine) -> TokenMask {
        var mask = TokenMask(tokenCount: trie.tokenCount)
        trie.forEachToken(from: position.state, droppedSpaceCount: position.droppedSpaceCount) { state, byte in
            machine.next(state, byte)
        } _: { token in
            mask.insert(token)
        }
        // An ending token that has bytes all the same says nothing but that it ends the answer.
        for token in endTokens { mask.remove(token) }
        return mask
    }
}
