import Synchronization
import Vocabulary

/// Those who wait for a place in a model's queue: the tenants in turn, and of each tenant in their order.
///
/// There are as many of them as there are streams whose next request waits; who has no stream is refused instead.
///
/// - Isolation: any thread; one short lock.
final class QueueRoom: Sendable {
    /// One who waits.
    final class Turn: Sendable {
        let share: TenantShare
        /// True: a place may be free, false: nobody wants it any more.
        fileprivate let completion = Completion<Bool>()

        init(_ share: TenantShare) { self.share = share }
    }

    private struct State {
        /// None of them empty.
        var turns: [TenantID?: [Turn]] = [:]
        /// Who has turns, the one that has waited longest for a place first.
        var order: [TenantID?] = []

        mutating func remove(_ turn: Turn) {
            let tenant = turn.share.tenant
            turns[tenant]?.removeAll { $0 === turn }
            guard turns[tenant]?.isEmpty ?? false else { return }
            turns[tenant] = nil
            order.removeAll { $0 == tenant }
        }

        /// The next one that may have a place; its tenant comes last from then on.
        mutating func next(where mayEnter: (TenantShare) -> Bool) -> Turn? {
            for (index, tenant) in order.enumerated() {
                guard let turn = turns[tenant]?.first, mayEnter(turn.share) else { continue }
                order.remove(at: index)
                turns[tenant]?.removeFirst()
                if turns[tenant]?.isEmpty ?? true { turns[tenant] = nil } else { order.append(tenant) }
                return turn
            }
            return nil
        }
    }

    private let state = Mutex(State())

    /// Begins to wait, before the queue is looked at: whoever frees a place afterwards finds the turn here.
    ///
    /// - Parameters:
    ///   - share: who waits.
    ///   - isFirst: whether it has waited before, and somebody else has taken the place.
    /// - Returns: to be given to `value`, or to `leave`.
    func wait(_ share: TenantShare, isFirst: Bool) -> Turn {
        let turn = Turn(share)
        let tenant = share.tenant
        state.withLock { state in
            if state.turns[tenant] == nil { state.order.insert(tenant, at: isFirst ? 0 : state.order.count) }
            let index = isFirst ? 0 : state.turns[tenant]?.count ?? 0
            state.turns[tenant, default: []].insert(turn, at: index)
        }
        return turn
    }

    /// Whether it is worth looking again; false when the waiting task was cancelled.
    func value(of turn: Turn, mayEnter: @escaping @Sendable (TenantShare) -> Bool) async -> Bool {
        await withTaskCancellationHandler {
            await turn.completion.value()
        } onCancel: {
            leave(turn, mayEnter: mayEnter)
        }
    }

    /// Ends a turn that is not needed; if a place was meant for it, the next one gets to hear of it.
    func leave(_ turn: Turn, mayEnter: (TenantShare) -> Bool) {
        state.withLock { $0.remove(turn) }
        if !turn.completion.complete(false) { wake(1, mayEnter: mayEnter) }
    }

    /// So many places have become free.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - mayEnter: whether a tenant may have one of them; asked under the lock.
    func wake(_ count: Int, mayEnter: (TenantShare) -> Bool) {
        var left = count
        while left > 0, let turn = state.withLock({ $0.next(where: mayEnter) }) {
            if turn.completion.complete(true) { left -= 1 }
        }
    }
}
