package import Telemetry
package import Tracing

/// Makes spans, and decides which there are to be: the tracer of swift-distributed-tracing.
///
/// A caller that says whether its trace is recorded decides; where nobody has said, the sampler does. A span that is
/// not recorded costs its object and nothing more, and whoever can tell beforehand by `origin` does not even make it.
///
/// - Isolation: any thread.
package final class SpanTracer: Tracer {
    private let sampler: SpanSampler
    private let identifiers: IdentifierSource
    private let record: @Sendable (FinishedSpan) -> Void

    /// - Parameters:
    ///   - sampler: decides about traces that begin here.
    ///   - identifiers: names traces and spans.
    ///   - record: takes each span that has ended, on the thread that ends it; returns quickly.
    package init(
        sampler: SpanSampler, identifiers: IdentifierSource, record: @escaping @Sendable (FinishedSpan) -> Void
    ) {
        self.sampler = sampler
        self.identifiers = identifiers
        self.record = record
    }

    /// Where a span belongs that has this parent, in another process or in this one, or none.
    package func origin(parent: TraceContext?, isRemote: Bool) -> SpanOrigin {
        if let parent { return SpanOrigin(parent: parent, isRemote: isRemote) }
        let trace = identifiers.trace()
        return SpanOrigin(root: trace, isSampled: sampler.samples(trace))
    }

    /// What is sent to those who are called on behalf of a call that has no span.
    package func context(unrecorded origin: SpanOrigin) -> TraceContext {
        TraceContext(
            trace: origin.trace, span: origin.parent ?? identifiers.span(), isSampled: false, state: origin.state)
    }

    /// Begins a span; `end` records it.
    package func startSpan(
        _ name: String, _ origin: SpanOrigin, ofKind kind: SpanKind, atNanosecondsSince1970 start: UInt64
    ) -> RecordedSpan {
        let own = TraceContext(
            trace: origin.trace, span: identifiers.span(), isSampled: origin.isSampled, state: origin.state)
        return RecordedSpan(
            FinishedSpan(own, origin, name: name, kind: kind, startNanoseconds: start),
            record: origin.isSampled ? record : nil)
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> RecordedSpan {
        let context = context()
        let origin = origin(parent: context.traceContext, isRemote: context.isRemoteTrace)
        return startSpan(
            operationName, origin, ofKind: kind, atNanosecondsSince1970: instant().nanosecondsSinceEpoch)
    }

    /// Does nothing: exporters send by themselves, and everything that is left when the server drains.
    package func forceFlush() {}

    /// Reads `traceparent` and `tracestate`.
    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let text = extractor.extract(key: "traceparent", from: carrier),
            var parent = TraceContext(traceparent: text)
        else { return }
        parent.state = TraceState.joined(extractor.extract(key: "tracestate", from: carrier).map { [$0] } ?? [])
        context.traceContext = parent
        context.isRemoteTrace = true
    }

    /// Writes `traceparent` and `tracestate`.
    package func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.traceContext else { return }
        injector.inject(trace.traceparent, forKey: "traceparent", into: &carrier)
        if !trace.state.isEmpty { injector.inject(trace.state, forKey: "tracestate", into: &carrier) }
    }
}

private enum TraceContextKey: InstrumentationContextKey { typealias Value = TraceContext }
private enum RemoteTraceKey: InstrumentationContextKey { typealias Value = Bool }

extension InstrumentationContext {
    /// The span in which whatever has this context happens; nil outside of any.
    package internal(set) var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }

    /// Whether that is a span of another process.
    var isRemoteTrace: Bool {
        get { self[RemoteTraceKey.self] ?? false }
        set { self[RemoteTraceKey.self] = newValue ? true : nil }
    }
}
