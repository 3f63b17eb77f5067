import Synchronization
package import Telemetry

/// Spans that wait to be sent; those for which there is no room are counted and dropped.
///
/// - Isolation: any thread; one short lock.
package final class SpanQueue: Sendable {
    private struct State {
        var spans: [FinishedSpan] = []
        /// Of these.
        var byteCount = 0
        var isClosed = false
    }

    /// The most spans that wait.
    package let spanCountMax: Int
    /// The most bytes of them.
    private let byteCountMax: Int
    /// So many make it worth sending them at once.
    private let urgentCount: Int
    private let state = Mutex(State())
    private let dropped: Counter
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - spanCountMax: the most spans that wait.
    ///   - byteCountMax: the most bytes of them.
    ///   - urgentCount: so many end a wait of `wakeUps` early.
    ///   - dropped: counts spans for which there was no room.
    package init(spanCountMax: Int, byteCountMax: Int, urgentCount: Int, dropped: Counter) {
        self.spanCountMax = spanCountMax
        self.byteCountMax = byteCountMax
        self.urgentCount = urgentCount
        self.dropped = dropped
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes a span, or drops it.
    package func append(_ span: FinishedSpan) {
        let byteCount = span.byteCount
        let count: Int? = state.withLock { state in
            guard !state.isClosed, state.spans.count < spanCountMax, state.byteCount + byteCount <= byteCountMax
            else { return nil }
            state.spans.append(span)
            state.byteCount += byteCount
            return state.spans.count
        }
        guard let count else { return dropped.increment() }
        if count == urgentCount { wake.yield() }
    }

    /// Takes out the oldest ones, as many as both bounds allow, but one at least.
    func take(countMax: Int, byteCountMax: Int) -> [FinishedSpan] {
        state.withLock { state in
            var (count, byteCount) = (0, 0)
            for span in state.spans.prefix(countMax) {
                let next = byteCount + span.byteCount
                guard count == 0 || next <= byteCountMax else { break }
                (count, byteCount) = (count + 1, next)
            }
            state.byteCount -= byteCount
            guard count < state.spans.count else { return state.spans.take() }
            let taken = Array(state.spans.prefix(count))
            state.spans.removeFirst(count)
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
