import Synchronization

/// Whether the server takes calls.
///
/// - Isolation: read from any thread; set by the one who starts and stops the server.
package final class ServingState: Sendable {
    private let serving = Atomic<Bool>(false)
    private let observers = Mutex<[@Sendable (Bool) -> Void]>([])

    package init() {}

    /// False until the models are loaded, and again from the moment the server drains.
    package var isServing: Bool {
        get { serving.load(ordering: .acquiring) }
        set {
            serving.store(newValue, ordering: .releasing)
            for observer in observers.withLock({ $0 }) { observer(newValue) }
        }
    }

    /// Calls `observer` with what holds now and, as long as this lives, with every new value.
    package func observe(_ observer: @escaping @Sendable (Bool) -> Void) {
        observers.withLock { $0.append(observer) }
        observer(isServing)
    }
}
