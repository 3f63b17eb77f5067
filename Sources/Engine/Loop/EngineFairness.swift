import Scheduling
import Synchronization
package import Vocabulary

/// How the engine's time was divided among tenants: a snapshot.
package struct EngineFairness: Sendable, Equatable {
    /// Jain's index over the tenants that competed in the last interval, see `FairnessMeter`; 1 when fewer than two
    /// did.
    package private(set) var index = 1.0
    /// By tenant, the time that was computed for it; nil stands for requests without a tenant.
    package private(set) var computeNanoseconds: [TenantID?: UInt64] = [:]
    /// The time that was computed for all the tenants that came after the first `tenantCountMax`.
    package private(set) var otherComputeNanoseconds: UInt64 = 0
    private var indexTime = MonotonicTime(nanoseconds: 0)

    /// Tenants that are told apart.
    package static let tenantCountMax = 200

    /// Before anything was computed.
    package init() {}

    mutating func set(index: Double, at now: MonotonicTime) {
        self.index = index
        indexTime = now
    }

    mutating func add(_ tenant: TenantID?, nanoseconds: UInt64) {
        if let known = computeNanoseconds[tenant] {
            computeNanoseconds[tenant] = known + nanoseconds
        } else if computeNanoseconds.count < Self.tenantCountMax {
            computeNanoseconds[tenant] = nanoseconds
        } else {
            otherComputeNanoseconds &+= nanoseconds
        }
    }

    /// As somebody sees it who looks later: an index of long ago says nothing any more.
    func seen(at now: MonotonicTime) -> EngineFairness {
        var seen = self
        if now.nanoseconds(since: indexTime) > 2 * FairnessMeter.intervalNanoseconds { seen.index = 1 }
        return seen
    }
}

/// Where the engine thread leaves how it has divided its time, for everybody to read.
///
/// - Isolation: any thread.
final class FairnessReport: Sendable {
    private let state = Mutex(EngineFairness())

    func set(index: Double, at now: MonotonicTime) { state.withLock { $0.set(index: index, at: now) } }

    func add(_ charges: [(share: TenantShare, nanoseconds: Double)]) {
        state.withLock { state in
            for charge in charges {
                state.add(charge.share.tenant, nanoseconds: UInt64(charge.nanoseconds.rounded()))
            }
        }
    }

    func fairness(at now: MonotonicTime) -> EngineFairness { state.withLock { $0 }.seen(at: now) }
}
