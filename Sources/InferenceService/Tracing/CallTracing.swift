import HTTP2
package import RPC
package import Spans
import Telemetry
package import Tenancy
import Tracing
package import Vocabulary

/// Decides which calls have a span, and makes it: from `traceparent` to the end of the call.
///
/// - Isolation: any event loop.
package final class CallTracing: Sendable {
    let tracer: SpanTracer
    let clock: any MonotonicClock
    /// What is said while the server runs about calls of models.
    private let rules: SharedSpanRules?
    private let limiter: TraceLimiter
    /// Nanoseconds since 1970.
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - tracer: makes the spans.
    ///   - clock: of the loops.
    ///   - callerLimit: of the calls of each tenant that are recorded because it says so.
    ///   - rules: for calls of models; nil where nobody changes them.
    ///   - nanosecondsSince1970: the time that spans are written in.
    package init(
        tracer: SpanTracer, clock: any MonotonicClock, callerLimit: RateLimit = CallTracing.callerLimitDefault,
        rules: SharedSpanRules? = nil,
        nanosecondsSince1970: @escaping @Sendable () -> UInt64
    ) {
        self.tracer = tracer
        self.rules = rules
        self.clock = clock
        limiter = TraceLimiter(callerLimit)
        now = nanosecondsSince1970
    }

    /// More than anybody looks at, and less than anybody notices.
    package static let callerLimitDefault = RateLimit(perSecond: 100, burst: 200)

    /// A call as far as tracing goes: which trace it belongs to, and its span, if that is recorded.
    ///
    /// - Isolation: the handler of the call.
    final class Call: @unchecked Sendable {
        // @unchecked: the handler of one call uses it, and a handler runs on one loop.
        private let tracing: CallTracing
        private(set) var origin: SpanOrigin
        private(set) var span: CallSpan?
        /// Whether its caller wants it recorded, and wants that of too many.
        let isOverruled: Bool

        fileprivate init(tracing: CallTracing, origin: SpanOrigin, span: CallSpan?, isOverruled: Bool) {
            self.tracing = tracing
            self.origin = origin
            self.span = span
            self.isOverruled = isOverruled
        }

        /// What a server is told that is called now; nil for what the caller itself has said.
        var outgoing: TraceContext? {
            if let span { return span.outgoing }
            return origin.parent == nil || isOverruled ? tracing.tracer.context(unrecorded: origin) : nil
        }

        /// Decides anew now that the model is known, before anything of the call's work has begun.
        ///
        /// Why so late: a rule is for a model, and which one a call names is known only when its request is there. A
        /// span that began for nothing is forgotten; one that begins now begins when the call came.
        func follow(rulesFor model: ModelName, _ context: ServerContext) {
            guard !isOverruled else { return }
            switch tracing.rules?.decide(model, hasParent: origin.parent != nil) ?? .asConfigured {
            case .asConfigured: return
            case .skip:
                origin = origin.deciding(isSampled: false)
                span = nil
            case .record:
                origin = origin.deciding(isSampled: true)
                if span == nil { span = tracing.span(of: context.path, origin, startTime: context.arrivalTime) }
            }
        }
    }

    /// Reads what the caller says, and begins a span if it is recorded.
    func begin(_ context: ServerContext) -> Call {
        let origin = origin(context.requestHead.block)
        guard origin.isSampled else { return Call(tracing: self, origin: origin, span: nil, isOverruled: false) }
        guard allows(origin, of: context.peer) else {
            return Call(tracing: self, origin: origin, span: nil, isOverruled: true)
        }
        return Call(
            tracing: self, origin: origin, span: span(of: context.path, origin, startTime: context.arrivalTime),
            isOverruled: false)
    }

    /// Ends the span of a call; one that was refused before its handler began gets its span only now.
    package func callDidEnd(_ record: CallRecord) {
        guard let path = record.method else { return }
        if let keeper = record.note as? GateKeeper {
            keeper.traced?.span?.end(record, AccessLogEntry(record))
        } else if let headers = record.headers {
            let origin = origin(headers)
            guard origin.isSampled, allows(origin, of: record.peer) else { return }
            let start = clock.now().nanoseconds &- record.durationNanoseconds
            span(of: path, origin, startTime: MonotonicTime(nanoseconds: start)).end(record, AccessLogEntry(record))
        }
    }

    /// Whether a call is recorded whose origin says so.
    ///
    /// What the sampler has decided is its share already, and routers only repeat what was decided before them.
    private func allows(_ origin: SpanOrigin, of peer: PeerIdentity?) -> Bool {
        guard origin.parent != nil, peer?.principal != .router else { return true }
        guard case .tenant(let tenant)? = peer?.principal else { return limiter.allows(nil, at: clock.now()) }
        return limiter.allows(tenant, at: clock.now())
    }

    private func span(of path: String, _ origin: SpanOrigin, startTime: MonotonicTime) -> CallSpan {
        // Between both clocks; taken anew for each call, since people set one of them.
        let offset = now() &- clock.now().nanoseconds
        return CallSpan(
            tracer: tracer, clock: clock, name: String(path.dropFirst()), origin: origin, startTime: startTime,
            offset: offset)
    }

    /// The trace that the headers name; of two that name one, neither counts.
    private func origin(_ headers: HeaderBlock) -> SpanOrigin {
        guard let index = headers.firstIndex(of: "traceparent"),
            var parent = headers.withValue(at: index, { TraceContext(traceparent: $0) }),
            headers.values(of: "traceparent").count == 1
        else { return tracer.origin(parent: nil, isRemote: false) }
        if parent.isSampled { parent.state = TraceState.joined(headers.values(of: "tracestate")) }
        return tracer.origin(parent: parent, isRemote: true)
    }
}

extension HeaderBlock {
    /// The texts of all fields of that name, in order.
    fileprivate func values(of name: StaticString) -> [String] {
        var values: [String] = []
        forEach { found, value in
            if found.elementsEqual(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) {
                values.append(String(decoding: value, as: UTF8.self))
            }
        }
        return values
    }
}
