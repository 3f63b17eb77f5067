import Synchronization
import Vocabulary

/// A request's place in its model's queue: taken before the request is sent to the engine thread, given back once.
///
/// Two may want to give it back, the engine thread when the request begins or ends, and its caller who cancels it
/// meanwhile; the first one does, the other's attempt is a no-op.
///
/// - Isolation: any thread.
final class QueuePlace: Sendable {
    /// Whose it is.
    let tenant: TenantID?
    private let isHeld = Atomic(true)

    init(_ tenant: TenantID?) { self.tenant = tenant }

    /// Ends the stay in the queue.
    ///
    /// - Returns: whether this call ended it; whoever ends it counts it.
    func leave() -> Bool { isHeld.exchange(false, ordering: .acquiringAndReleasing) }
}
