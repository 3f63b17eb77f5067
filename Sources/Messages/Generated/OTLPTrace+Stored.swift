// Made by Proto/generate from opentelemetry/proto/trace/v1/trace.proto.
// swift-format-ignore-file

import CMessages

extension OTLPResourceSpans: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__ResourceSpans
    static let storedType = StoredType(opentelemetry__proto__trace__v1__resource_spans__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        resource = try arena.message(stored.resource)
        scopeSpans = try arena.messages(stored.scope_spans, stored.n_scope_spans)
        schemaUrl = try arena.string(stored.schema_url, "opentelemetry.proto.trace.v1.ResourceSpans.schema_url")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.resource = arena.store(resource)
        (stored.n_scope_spans, stored.scope_spans) = arena.store(scopeSpans)
        stored.schema_url = arena.store(schemaUrl)
    }
}

extension OTLPScopeSpans: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__ScopeSpans
    static let storedType = StoredType(opentelemetry__proto__trace__v1__scope_spans__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        scope = try arena.message(stored.scope)
        spans = try arena.messages(stored.spans, stored.n_spans)
        schemaUrl = try arena.string(stored.schema_url, "opentelemetry.proto.trace.v1.ScopeSpans.schema_url")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.scope = arena.store(scope)
        (stored.n_spans, stored.spans) = arena.store(spans)
        stored.schema_url = arena.store(schemaUrl)
    }
}

extension OTLPSpan: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__Span
    static let storedType = StoredType(opentelemetry__proto__trace__v1__span__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        traceId = arena.bytes(stored.trace_id)
        spanId = arena.bytes(stored.span_id)
        traceState = try arena.string(stored.trace_state, "opentelemetry.proto.trace.v1.Span.trace_state")
        parentSpanId = arena.bytes(stored.parent_span_id)
        name = try arena.string(stored.name, "opentelemetry.proto.trace.v1.Span.name")
        kind = OTLPSpan.SpanKind(rawValue: Int32(bitPattern: stored.kind.rawValue))
        startTimeUnixNano = stored.start_time_unix_nano
        endTimeUnixNano = stored.end_time_unix_nano
        attributes = try arena.messages(stored.attributes, stored.n_attributes)
        droppedAttributesCount = stored.dropped_attributes_count
        events = try arena.messages(stored.events, stored.n_events)
        droppedEventsCount = stored.dropped_events_count
        links = try arena.messages(stored.links, stored.n_links)
        droppedLinksCount = stored.dropped_links_count
        status = try arena.message(stored.status)
        flags = stored.flags
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.trace_id = arena.store(traceId)
        stored.span_id = arena.store(spanId)
        stored.trace_state = arena.store(traceState)
        stored.parent_span_id = arena.store(parentSpanId)
        stored.name = arena.store(name)
        stored.kind = Opentelemetry__Proto__Trace__V1__Span__SpanKind(UInt32(bitPattern: kind.rawValue))
        stored.start_time_unix_nano = startTimeUnixNano
        stored.end_time_unix_nano = endTimeUnixNano
        (stored.n_attributes, stored.attributes) = arena.store(attributes)
        stored.dropped_attributes_count = droppedAttributesCount
        (stored.n_events, stored.events) = arena.store(events)
        stored.dropped_events_count = droppedEventsCount
        (stored.n_links, stored.links) = arena.store(links)
        stored.dropped_links_count = droppedLinksCount
        stored.status = arena.store(status)
        stored.flags = flags
    }
}

extension OTLPSpan.Event: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__Span__Event
    static let storedType = StoredType(opentelemetry__proto__trace__v1__span__event__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        timeUnixNano = stored.time_unix_nano
        name = try arena.string(stored.name, "opentelemetry.proto.trace.v1.Span.Event.name")
        attributes = try arena.messages(stored.attributes, stored.n_attributes)
        droppedAttributesCount = stored.dropped_attributes_count
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.time_unix_nano = timeUnixNano
        stored.name = arena.store(name)
        (stored.n_attributes, stored.attributes) = arena.store(attributes)
        stored.dropped_attributes_count = droppedAttributesCount
    }
}

extension OTLPSpan.Link: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__Span__Link
    static let storedType = StoredType(opentelemetry__proto__trace__v1__span__link__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        traceId = arena.bytes(stored.trace_id)
        spanId = arena.bytes(stored.span_id)
        traceState = try arena.string(stored.trace_state, "opentelemetry.proto.trace.v1.Span.Link.trace_state")
        attributes = try arena.messages(stored.attributes, stored.n_attributes)
        droppedAttributesCount = stored.dropped_attributes_count
        flags = stored.flags
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.trace_id = arena.store(traceId)
        stored.span_id = arena.store(spanId)
        stored.trace_state = arena.store(traceState)
        (stored.n_attributes, stored.attributes) = arena.store(attributes)
        stored.dropped_attributes_count = droppedAttributesCount
        stored.flags = flags
    }
}

extension OTLPStatus: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Trace__V1__Status
    static let storedType = StoredType(opentelemetry__proto__trace__v1__status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        message = try arena.string(stored.message, "opentelemetry.proto.trace.v1.Status.message")
        code = OTLPStatus.StatusCode(rawValue: Int32(bitPattern: stored.code.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.message = arena.store(message)
        stored.code = Opentelemetry__Proto__Trace__V1__Status__StatusCode(UInt32(bitPattern: code.rawValue))
    }
}
