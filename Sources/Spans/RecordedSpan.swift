import Synchronization
package import Telemetry
package import Tracing

/// A span that goes on; one that is not recorded takes what is said of it and forgets it.
///
/// - Isolation: any thread; one short lock.
package final class RecordedSpan: Span {
    private struct State {
        var span: FinishedSpan
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let record: (@Sendable (FinishedSpan) -> Void)?
    /// What those who are called within the span are told.
    package let traceContext: TraceContext

    /// - Parameters:
    ///   - span: as it begins.
    ///   - record: takes the span when it ends; nil for a span that is not recorded.
    init(_ span: FinishedSpan, record: (@Sendable (FinishedSpan) -> Void)?) {
        traceContext = span.context
        state = Mutex(State(span: span))
        self.record = record
    }

    package var context: InstrumentationContext {
        var context = InstrumentationContext.topLevel
        context.traceContext = traceContext
        return context
    }

    package var isRecording: Bool { record != nil && !state.withLock { $0.hasEnded } }

    package var operationName: String {
        get { state.withLock { $0.span.name } }
        set { change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock { $0.span.attributes } }
        set { change { $0.set(newValue) } }
    }

    package func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    package func addEvent(_ event: SpanEvent) { change { $0.add(event) } }

    package func addLink(_ link: SpanLink) { change { $0.add(link) } }

    /// Adds the event that OpenTelemetry has for errors.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard record != nil else { return }
        var attributes = attributes
        attributes["exception.type"] = "\(type(of: error))"
        attributes["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard record != nil else { return }
        end(atNanosecondsSince1970: instant().nanosecondsSinceEpoch)
    }

    /// Ends the span; a second end is no end.
    package func end(atNanosecondsSince1970 end: UInt64) {
        guard let record else { return }
        let span: FinishedSpan? = state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            state.span.endNanoseconds = max(end, state.span.startNanoseconds)
            return state.span
        }
        if let span { record(span) }
    }

    private func change(_ body: (inout FinishedSpan) -> Void) {
        guard record != nil else { return }
        state.withLock { state in
            if !state.hasEnded { body(&state.span) }
        }
    }
}
