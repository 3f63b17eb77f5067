// Made by Proto/generate from opentelemetry/proto/trace/v1/trace.proto.
// swift-format-ignore-file

package import Vocabulary

/// The spans of one program.
package struct OTLPResourceSpans: Message {
    /// The program.
    package var resource: OTLPResource?
    /// Its spans, by the part of it that made them.
    package var scopeSpans: [OTLPScopeSpans]
    /// Which version of the semantic conventions the resource follows.
    package var schemaUrl: String

    package init(resource: OTLPResource? = nil, scopeSpans: [OTLPScopeSpans] = [], schemaUrl: String = "") {
        self.resource = resource
        self.scopeSpans = scopeSpans
        self.schemaUrl = schemaUrl
    }
}

/// The spans that one part of a program made.
package struct OTLPScopeSpans: Message {
    /// The part.
    package var scope: OTLPInstrumentationScope?
    /// Its spans.
    package var spans: [OTLPSpan]
    /// Which version of the semantic conventions the spans follow.
    package var schemaUrl: String

    package init(scope: OTLPInstrumentationScope? = nil, spans: [OTLPSpan] = [], schemaUrl: String = "") {
        self.scope = scope
        self.spans = spans
        self.schemaUrl = schemaUrl
    }
}

/// One operation within a trace, from its begin to its end.
package struct OTLPSpan: Message {
    /// The side of an operation that a span shows.
    package enum SpanKind: Hashable, Sendable {
        /// Not said.
        case unspecified
        /// An operation inside a program.
        case `internal`
        /// A call, seen by the server.
        case server
        /// A call, seen by the client.
        case client
        /// The begin of work that somebody does later.
        case producer
        /// Work that somebody else began.
        case consumer
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .unspecified: 0
            case .internal: 1
            case .server: 2
            case .client: 3
            case .producer: 4
            case .consumer: 5
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .unspecified
            case 1: self = .internal
            case 2: self = .server
            case 3: self = .client
            case 4: self = .producer
            case 5: self = .consumer
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// Something that happened at one moment of a span.
    package struct Event: Message {
        /// When, in nanoseconds since 1970.
        package var timeUnixNano: UInt64
        /// What.
        package var name: String
        /// More about it.
        package var attributes: [OTLPKeyValue]
        /// How many were left out.
        package var droppedAttributesCount: UInt32

        package init(
            timeUnixNano: UInt64 = 0,
            name: String = "",
            attributes: [OTLPKeyValue] = [],
            droppedAttributesCount: UInt32 = 0
        ) {
            self.timeUnixNano = timeUnixNano
            self.name = name
            self.attributes = attributes
            self.droppedAttributesCount = droppedAttributesCount
        }
    }

    /// Another span that has to do with this one, in this trace or another.
    package struct Link: Message {
        /// Sixteen bytes.
        package var traceId: Bytes
        /// Eight bytes.
        package var spanId: Bytes
        /// Its `tracestate`.
        package var traceState: String
        /// More about it.
        package var attributes: [OTLPKeyValue]
        /// How many were left out.
        package var droppedAttributesCount: UInt32
        /// As those of a span.
        package var flags: UInt32

        package init(
            traceId: Bytes = Bytes(),
            spanId: Bytes = Bytes(),
            traceState: String = "",
            attributes: [OTLPKeyValue] = [],
            droppedAttributesCount: UInt32 = 0,
            flags: UInt32 = 0
        ) {
            self.traceId = traceId
            self.spanId = spanId
            self.traceState = traceState
            self.attributes = attributes
            self.droppedAttributesCount = droppedAttributesCount
            self.flags = flags
        }
    }

    /// The trace: sixteen bytes, not all zero.
    package var traceId: Bytes
    /// The span: eight bytes, not all zero.
    package var spanId: Bytes
    /// The `tracestate` that came with the call.
    package var traceState: String
    /// The span that this one is a part of; empty for the root of a trace.
    package var parentSpanId: Bytes
    /// Such as `apus.text.v1.Text/Generate`.
    package var name: String
    /// The side of the operation.
    package var kind: OTLPSpan.SpanKind
    /// Nanoseconds since 1970.
    package var startTimeUnixNano: UInt64
    /// Nanoseconds since 1970, not before the start.
    package var endTimeUnixNano: UInt64
    /// What there is to know of it; each key once.
    package var attributes: [OTLPKeyValue]
    /// How many were left out.
    package var droppedAttributesCount: UInt32
    /// What happened meanwhile.
    package var events: [OTLPSpan.Event]
    /// How many were left out.
    package var droppedEventsCount: UInt32
    /// Spans that have to do with it.
    package var links: [OTLPSpan.Link]
    /// How many were left out.
    package var droppedLinksCount: UInt32
    /// How it ended.
    package var status: OTLPStatus?
    /// The trace flags of W3C in the lowest byte; bit 8: it is known whether the parent is in another program; bit 9: it
    /// is.
    package var flags: UInt32

    package init(
        traceId: Bytes = Bytes(),
        spanId: Bytes = Bytes(),
        traceState: String = "",
        parentSpanId: Bytes = Bytes(),
        name: String = "",
        kind: OTLPSpan.SpanKind = .unspecified,
        startTimeUnixNano: UInt64 = 0,
        endTimeUnixNano: UInt64 = 0,
        attributes: [OTLPKeyValue] = [],
        droppedAttributesCount: UInt32 = 0,
        events: [OTLPSpan.Event] = [],
        droppedEventsCount: UInt32 = 0,
        links: [OTLPSpan.Link] = [],
        droppedLinksCount: UInt32 = 0,
        status: OTLPStatus? = nil,
        flags: UInt32 = 0
    ) {
        self.traceId = traceId
        self.spanId = spanId
        self.traceState = traceState
        self.parentSpanId = parentSpanId
        self.name = name
        self.kind = kind
        self.startTimeUnixNano = startTimeUnixNano
        self.endTimeUnixNano = endTimeUnixNano
        self.attributes = attributes
        self.droppedAttributesCount = droppedAttributesCount
        self.events = events
        self.droppedEventsCount = droppedEventsCount
        self.links = links
        self.droppedLinksCount = droppedLinksCount
        self.status = status
        self.flags = flags
    }
}

/// How a span ended.
package struct OTLPStatus: Message {
    /// What became of an operation.
    package enum StatusCode: Hashable, Sendable {
        /// Nobody said; usually it went well.
        case unset
        /// Somebody has looked, and it went well.
        case ok
        /// It failed.
        case error
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .unset: 0
            case .ok: 1
            case .error: 2
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .unset
            case 1: self = .ok
            case 2: self = .error
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// Why it failed, for people.
    package var message: String
    /// What became of it.
    package var code: OTLPStatus.StatusCode

    package init(message: String = "", code: OTLPStatus.StatusCode = .unset) {
        self.message = message
        self.code = code
    }
}
