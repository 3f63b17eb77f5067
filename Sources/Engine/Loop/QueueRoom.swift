import Synchronization

/// Those who wait for a place in a model's queue, in their order.
///
/// There are as many of them as there are streams whose next request waits; who has no stream is refused instead.
///
/// - Isolation: any thread; one short lock.
final class QueueRoom: Sendable {
    /// One who waits; true: a place may be free, false: nobody wants it any more.
    typealias Turn = Completion<Bool>

    private let turns = Mutex<[Turn]>([])

    /// Begins to wait, before the queue is looked at: whoever frees a place afterwards finds the turn here.
    func wait(isFirst: Bool) -> Turn {
        let turn = Turn()
        turns.withLock { $0.insert(turn, at: isFirst ? 0 : $0.count) }
        return turn
    }

    /// Whether it is worth looking again; false when the waiting task was cancelled.
    func value(of turn: Turn) async -> Bool {
        await withTaskCancellationHandler {
            await turn.value()
        } onCancel: {
            leave(turn)
        }
    }

    /// Ends a turn that is not needed; if a place was meant for it, the next one gets to hear of it.
    func leave(_ turn: Turn) {
        turns.withLock { $0.removeAll { $0 === turn } }
        if !turn.complete(false) { wake(1) }
    }

    /// So many places have become free.
    func wake(_ count: Int) {
        let woken = turns.withLock { turns in
            let woken = Array(turns.prefix(count))
            turns.removeFirst(woken.count)
            return woken
        }
        for turn in woken where !turn.complete(true) { wake(1) }
    }
}
