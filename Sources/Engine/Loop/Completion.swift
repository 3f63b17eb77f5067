import Synchronization

/// A value that one side gives once and the other side waits for once.
///
/// The first to complete wins; that decides the race between an answer and a cancellation.
final class Completion<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, Never>)
        case full(Value)
        case taken
    }

    private let state = Mutex(State.empty)

    /// Whether `complete` has been called.
    var isComplete: Bool {
        state.withLock {
            switch $0 {
            case .empty, .awaited: false
            case .full, .taken: true
            }
        }
    }

    /// Gives the value.
    ///
    /// - Returns: false when there was one already; this one is then dropped.
    @discardableResult
    func complete(_ value: Value) -> Bool {
        let (isFirst, waiter): (Bool, CheckedContinuation<Value, Never>?) = state.withLock {
            switch $0 {
            case .empty:
                $0 = .full(value)
                return (true, nil)
            case .awaited(let continuation):
                $0 = .taken
                return (true, continuation)
            case .full, .taken:
                return (false, nil)
            }
        }
        waiter?.resume(returning: value)
        return isFirst
    }

    /// Waits for the value.
    ///
    /// - Precondition: called once.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value: Value? = state.withLock {
                switch $0 {
                case .empty:
                    $0 = .awaited(continuation)
                    return nil
                case .full(let value):
                    $0 = .taken
                    return value
                case .awaited, .taken:
                    preconditionFailure("a completion awaited twice")
                }
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}
