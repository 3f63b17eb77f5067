package import Messages
import Telemetry
import Tracing
import Vocabulary

extension OTLPExportTraceServiceRequest {
    /// Spans of one program.
    package init(_ spans: [FinishedSpan], of resource: OTLPResource, scope: OTLPInstrumentationScope) {
        self.init(
            resourceSpans: [
                OTLPResourceSpans(
                    resource: resource, scopeSpans: [OTLPScopeSpans(scope: scope, spans: spans.map(OTLPSpan.init))])
            ])
    }

    var spanCount: Int { resourceSpans.reduce(0) { $0 + $1.scopeSpans.reduce(0) { $0 + $1.spans.count } } }
}

extension OTLPResource {
    /// What is said of a program, in order.
    package init(_ attributes: [(key: String, value: String)]) {
        self.init(
            attributes: attributes.map {
                OTLPKeyValue(key: $0.key, value: OTLPAnyValue(value: .stringValue($0.value)))
            })
    }
}

extension OTLPSpan {
    init(_ span: FinishedSpan) {
        self.init(
            traceId: span.context.trace.bytes, spanId: span.context.span.bytes, traceState: span.context.state,
            parentSpanId: span.origin.parent?.bytes ?? Bytes(), name: span.name, kind: SpanKind(span.kind),
            startTimeUnixNano: span.startNanoseconds, endTimeUnixNano: span.endNanoseconds,
            attributes: [OTLPKeyValue](span.attributes),
            droppedAttributesCount: UInt32(clamping: span.droppedAttributeCount),
            events: span.events.map(Event.init), droppedEventsCount: UInt32(clamping: span.droppedEventCount),
            links: span.links.compactMap(Link.init), droppedLinksCount: UInt32(clamping: span.droppedLinkCount),
            status: span.status.map(OTLPStatus.init), flags: Self.flags(span.context, span.origin.parentIsRemote))
    }

    /// That it is known whether the parent is remote, bit 8, is always so here.
    private static func flags(_ context: TraceContext, _ parentIsRemote: Bool) -> UInt32 {
        (context.isSampled ? 1 : 0) | 0x100 | (parentIsRemote ? 0x200 : 0)
    }
}

extension OTLPSpan.SpanKind {
    init(_ kind: Tracing.SpanKind) {
        switch kind {
        case .server: self = .server
        case .client: self = .client
        case .producer: self = .producer
        case .consumer: self = .consumer
        case .internal: self = .internal
        }
    }
}

extension OTLPSpan.Event {
    init(_ event: SpanEvent) {
        self.init(
            timeUnixNano: event.nanosecondsSinceEpoch, name: event.name, attributes: [OTLPKeyValue](event.attributes))
    }
}

extension OTLPSpan.Link {
    /// Nil for a link to no span.
    init?(_ link: SpanLink) {
        guard let context = link.context.traceContext else { return nil }
        self.init(
            traceId: context.trace.bytes, spanId: context.span.bytes, traceState: context.state,
            attributes: [OTLPKeyValue](link.attributes), flags: context.isSampled ? 1 : 0)
    }
}

extension OTLPStatus {
    init(_ status: SpanStatus) {
        switch status.code {
        case .ok: self.init(code: .ok)
        case .error: self.init(message: status.message ?? "", code: .error)
        }
    }
}

extension [OTLPKeyValue] {
    /// By key, so that equal attributes are equal messages.
    init(_ attributes: SpanAttributes) {
        self = []
        reserveCapacity(attributes.count)
        attributes.forEach { key, value in append(OTLPKeyValue(key: key, value: OTLPAnyValue(value))) }
        sort { $0.key < $1.key }
    }
}

extension OTLPAnyValue {
    /// A longer text is cut, as a caller may have written it: bytes of UTF-8.
    static let byteCountMax = 1024

    /// Lists become a text: OTLP's would be a type within itself, and no span of this server has one.
    init(_ attribute: SpanAttribute) {
        switch attribute {
        case .bool(let value): self.init(value: .boolValue(value))
        case .int32(let value): self.init(value: .intValue(Int64(value)))
        case .int64(let value): self.init(value: .intValue(value))
        case .double(let value): self.init(value: .doubleValue(value))
        case .string(let value): self.init(value: .stringValue(Self.cut(value)))
        case .stringConvertible(let value): self.init(value: .stringValue(Self.cut("\(value)")))
        case .boolArray(let values): self.init(list: values)
        case .int32Array(let values): self.init(list: values)
        case .int64Array(let values): self.init(list: values)
        case .doubleArray(let values): self.init(list: values)
        case .stringArray(let values): self.init(list: values)
        case .stringConvertibleArray(let values): self.init(list: values.map { "\($0)" })
        default: self.init()
        }
    }

    private init(list: [some Any]) {
        // Each element takes three bytes at least, so that more of them would be cut anyway.
        self.init(value: .stringValue(Self.cut("\(Array(list.prefix(Self.byteCountMax)))")))
    }

    private static func cut(_ text: String) -> String { text.shown(byteCountMax: byteCountMax) }
}
