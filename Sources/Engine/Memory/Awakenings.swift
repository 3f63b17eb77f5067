import Vocabulary

/// Who waits for which model to come back: decisions only, in a value.
///
/// One attempt at a time for each version of a model, whoever asks for it, and all who ask meanwhile share its outcome.
/// An attempt that has failed is not repeated at once: until then its error is the answer.
struct Awakenings {
    /// One version of a model.
    struct Key: Hashable, Sendable {
        let name: ModelName
        let version: ModelVersion
    }

    /// What somebody who waits is told.
    enum Answer: Sendable {
        case ended(Result<Void, ServingError>)
        /// Somebody else's attempt has failed for reasons of its own.
        case askAgain
    }

    /// One who waits.
    final class Waiter: Sendable {
        let tenant: TenantID?
        let answer = Completion<Answer>()

        init(for tenant: TenantID?) { self.tenant = tenant }
    }

    /// What is to be done for one who asks.
    enum Decision: Sendable {
        /// Bring the model back, and tell by `end`; the answer comes by then.
        case begin
        /// The answer comes.
        case wait
        case refuse(ServingError)
    }

    /// Whose error it is: without memory one tenant is refused where another may have its floor.
    private enum Scope: Hashable {
        case everybody
        case tenant(TenantID?)
    }

    private struct FailureKey: Hashable {
        let key: Key
        let scope: Scope
    }

    private struct Failure {
        let error: ServingError
        let end: MonotonicTime
    }

    /// For so long the error of a model that could not be loaded is the answer.
    static let failureNanoseconds: UInt64 = 3_000_000_000
    /// And so long that there was no memory, which may be there in a moment.
    static let shortageNanoseconds: UInt64 = 1_000_000_000

    private var waiters: [Key: [Waiter]] = [:]
    private var failures: [FailureKey: Failure] = [:]

    /// Somebody asks for a model that rests.
    mutating func join(_ key: Key, _ waiter: Waiter, at now: MonotonicTime) -> Decision {
        for scope in [Scope.everybody, .tenant(waiter.tenant)] {
            if let failure = failures[FailureKey(key: key, scope: scope)], now < failure.end {
                return .refuse(failure.error)
            }
        }
        guard waiters[key] != nil else {
            waiters[key] = [waiter]
            return .begin
        }
        waiters[key]?.append(waiter)
        return .wait
    }

    /// Somebody does not wait any more; the attempt goes on for the next who asks.
    mutating func leave(_ key: Key, _ waiter: Waiter) { waiters[key]?.removeAll { $0 === waiter } }

    /// An attempt has ended.
    ///
    /// - Parameters:
    ///   - key: what was to be brought back.
    ///   - tenant: for whom.
    ///   - outcome: what came of it.
    ///   - now: the time.
    /// - Returns: everybody who waits, and what each is to be told.
    mutating func end(
        _ key: Key, for tenant: TenantID?, _ outcome: Result<Void, ServingError>, at now: MonotonicTime
    ) -> [(waiter: Waiter, answer: Answer)] {
        let waiting = waiters.removeValue(forKey: key) ?? []
        guard case .failure(let error) = outcome else { return waiting.map { ($0, .ended(outcome)) } }
        let isShortage = error.code == .resourceExhausted
        failures = failures.filter { now < $0.value.end }
        failures[FailureKey(key: key, scope: isShortage ? .tenant(tenant) : .everybody)] = Failure(
            error: error,
            end: now.advanced(byNanoseconds: isShortage ? Self.shortageNanoseconds : Self.failureNanoseconds))
        return waiting.map { waiter in
            (waiter, isShortage && waiter.tenant != tenant ? .askAgain : .ended(outcome))
        }
    }

    /// A version has been loaded: what was wrong with it before is past.
    mutating func forget(_ key: Key) { failures = failures.filter { $0.key.key != key } }
}
