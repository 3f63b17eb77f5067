import Synchronization

/// Whether the server takes calls.
package final class Readiness: Sendable {
    private let serving = Atomic<Bool>(false)

    package init() {}

    /// False until the models are loaded, and again from the moment the server drains.
    package var isServing: Bool {
        get { serving.load(ordering: .acquiring) }
        set { serving.store(newValue, ordering: .releasing) }
    }
}
