import Constraints
import Synchronization
import Tokenizers
import Vocabulary

/// The compiled constraints of one model, for requests that ask for the same again.
///
/// Bounded: the one unused longest goes when there are too many, and each bounds what it holds.
///
/// - Isolation: any thread.
final class ConstraintCache: Sendable {
    private let tokenizer: any Tokenizer
    private let endOfSequence: Set<Int32>
    private let state = Mutex(State())

    fileprivate struct State {
        /// Made when it is first needed: it takes as much memory as the vocabulary's text, several times.
        var trie: TokenTrie?
        /// The one used last at the end.
        var constraints: [(specification: ConstraintSpecification, constraint: Constraint)] = []
    }

    static let constraintCountMax = 16

    init(tokenizer: any Tokenizer, endOfSequence: Set<Int32>) {
        self.tokenizer = tokenizer
        self.endOfSequence = endOfSequence
    }

    /// What says which tokens may come next.
    ///
    /// - Throws: INVALID_ARGUMENT naming the field, and what in it is wrong or not supported.
    func constraint(for specification: ConstraintSpecification) async throws(ServingError) -> Constraint {
        if let known = state.withLock({ $0.take(specification) }) { return known }
        // Not on the caller's thread, which may be an event loop.
        let compiled = await Task.detached { [self] in
            Result { () throws(ConstraintError) in try compile(specification) }
        }.value
        do {
            return try compiled.get()
        } catch {
            throw ServingError(.invalidArgument, error.description, label: "bad_constraint")
        }
    }

    private func compile(_ specification: ConstraintSpecification) throws(ConstraintError) -> Constraint {
        let constraint = try specification.compiled(for: trie(), endTokens: endOfSequence)
        state.withLock { $0.put(specification, constraint) }
        return constraint
    }

    private func trie() -> TokenTrie {
        if let known = state.withLock({ $0.trie }) { return known }
        let trie = TokenTrie((0..<Int32(tokenizer.vocabularySize)).map { tokenizer.bytes(of: $0) })
        state.withLock { $0.trie = trie }
        return trie
    }
}

extension ConstraintCache.State {
    /// A constraint, unless it is not here or worn out.
    fileprivate mutating func take(_ specification: ConstraintSpecification) -> Constraint? {
        guard let index = constraints.firstIndex(where: { $0.specification == specification }) else { return nil }
        let entry = constraints.remove(at: index)
        guard !entry.constraint.isWorn else { return nil }
        constraints.append(entry)
        return entry.constraint
    }

    fileprivate mutating func put(_ specification: ConstraintSpecification, _ constraint: Constraint) {
        constraints.removeAll { $0.specification == specification }
        if constraints.count == ConstraintCache.constraintCountMax { constraints.removeFirst() }
        constraints.append((specification, constraint))
    }
}
