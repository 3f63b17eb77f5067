import Synchronization

/// Where calls ask for more of a budget than is set aside for this server, and wait for it.
///
/// - Isolation: any thread; a short lock.
package final class AdvanceDesk: Sendable {
    private struct State {
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastID: UInt64 = 0
        /// Whether the database answered when it was asked last.
        var isAnswering = false
        var roundCount: UInt64 = 0
    }

    /// When it is worth making a call again that was refused for want of an advance.
    package let retryNanoseconds: UInt64
    /// An element for calls that have asked, however many; for the one who asks the database.
    package let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    /// How often a call waits: of the first round it may have come too late to be asked for.
    package static let waitCountMax = 3
    /// The longest that a call waits each time.
    package static let waitNanosecondsMax: UInt64 = 200_000_000
    /// More calls than this do not wait at the same time.
    private static let waitingCountMax = 10_000

    package init(retryNanoseconds: UInt64) {
        self.retryNanoseconds = retryNanoseconds
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has the database asked at once.
    func ask() { wish.yield() }

    /// Whether the database answered when it was asked last.
    package var isAnswering: Bool { state.withLock(\.isAnswering) }

    /// How often the database has answered.
    package var roundCount: UInt64 { state.withLock(\.roundCount) }

    /// Waits until the database has answered more than `roundCount` times, but not long, and not at all while it does
    /// not answer.
    ///
    /// - Returns: whether it is worth trying again.
    package func wait(for roundCount: UInt64) async -> Bool {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let timer = Task.detached {
            try? await Task.sleep(nanoseconds: Self.waitNanosecondsMax)
            self.leave(id)
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard state.isAnswering, state.roundCount <= roundCount, state.waiting.count < Self.waitingCountMax
                else { return false }
                state.waiting[id] = continuation
                return true
            }
            if !waits { continuation.resume() }
        }
        return state.withLock { $0.isAnswering && $0.roundCount > roundCount }
    }

    private func leave(_ id: UInt64) { state.withLock { $0.waiting.removeValue(forKey: id) }?.resume() }

    /// The database has answered, or has not: whoever waits tries again, or gives up.
    package func didAsk(isAnswering: Bool) {
        let waiting = state.withLock { state in
            state.isAnswering = isAnswering
            if isAnswering { state.roundCount += 1 }
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }
}
