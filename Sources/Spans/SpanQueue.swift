import Synchronization
package import Telemetry

/// Spans that wait to be sent; those for which there is no room are counted and dropped.
///
/// - Isolation: any thread; one short lock.
package final class SpanQueue: Sendable {
    private struct State {
        var spans: [FinishedSpan] = []
        var isClosed = false
    }

    /// The most spans that wait.
    package let spanCountMax: Int
    /// So many make it worth sending them at once.
    private let urgentCount: Int
    private let state = Mutex(State())
    private let dropped: Counter
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - spanCountMax: the most spans that wait.
    ///   - urgentCount: so many end a wait of `wakeUps` early.
    ///   - dropped: counts spans for which there was no room.
    package init(spanCountMax: Int, urgentCount: Int, dropped: Counter) {
        self.spanCountMax = spanCountMax
        self.urgentCount = urgentCount
        self.dropped = dropped
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes a span, or drops it.
    package func append(_ span: FinishedSpan) {
        let count: Int? = state.withLock { state in
            guard !state.isClosed, state.spans.count < spanCountMax else { return nil }
            state.spans.append(span)
            return state.spans.count
        }
        guard let count else { return dropped.increment() }
        if count == urgentCount { wake.yield() }
    }

    /// Takes out the oldest ones.
    func take(countMax: Int) -> [FinishedSpan] {
        state.withLock { state in
            guard state.spans.count > countMax else { return state.spans.take() }
            let taken = Array(state.spans.prefix(countMax))
            state.spans.removeFirst(countMax)
            return taken
        }
    }

    /// Takes no more, and ends the waits.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.finish()
    }

    /// When to look: as soon as enough have come, and whenever `nudge` says.
    var wakeUps: AsyncStream<Void> { wakes }

    func nudge() { wake.yield() }
}

extension Array {
    /// The array, which is empty then.
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}
