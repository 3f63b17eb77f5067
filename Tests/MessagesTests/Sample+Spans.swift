import Vocabulary

@testable import Messages

/// The messages of OpenTelemetry.
extension Sample {
    static let spans = [
        Sample(OTLPAnyValue(), ""),
        Sample(OTLPAnyValue(value: .stringValue("")), #"string_value: """#),
        Sample(OTLPAnyValue(value: .boolValue(false)), "bool_value: false"),
        Sample(OTLPAnyValue(value: .intValue(-7)), "int_value: -7"),
        Sample(OTLPAnyValue(value: .doubleValue(0.1)), "double_value: 0.1"),
        Sample(
            OTLPKeyValue(key: "k", value: OTLPAnyValue(value: .intValue(1))), #"key: "k" value { int_value: 1 }"#),
        Sample(OTLPInstrumentationScope(name: "apus", version: "1"), #"name: "apus" version: "1""#),
        Sample(
            OTLPResource(attributes: [OTLPKeyValue(key: "k")], droppedAttributesCount: 2),
            #"attributes { key: "k" } dropped_attributes_count: 2"#),
        Sample(
            OTLPResourceSpans(
                resource: OTLPResource(), scopeSpans: [OTLPScopeSpans(schemaUrl: "b")], schemaUrl: "a"),
            #"resource {} scope_spans { schema_url: "b" } schema_url: "a""#),
        Sample(
            OTLPScopeSpans(scope: OTLPInstrumentationScope(name: "s"), spans: [OTLPSpan(name: "n")], schemaUrl: "u"),
            #"scope { name: "s" } spans { name: "n" } schema_url: "u""#),
        Sample(
            OTLPSpan(
                traceId: Bytes([1, 255]), spanId: Bytes([2]), traceState: "a=b", parentSpanId: Bytes([3]), name: "n",
                kind: .client, startTimeUnixNano: 1, endTimeUnixNano: .max, attributes: [OTLPKeyValue(key: "k")],
                droppedAttributesCount: 1, events: [OTLPSpan.Event(timeUnixNano: 4, name: "e")], droppedEventsCount: 2,
                links: [OTLPSpan.Link(traceId: Bytes([5]))], droppedLinksCount: 3,
                status: OTLPStatus(message: "m", code: .error), flags: 0x301),
            #"""
            trace_id: "\001\377" span_id: "\002" trace_state: "a=b" parent_span_id: "\003" name: "n"
            kind: SPAN_KIND_CLIENT start_time_unix_nano: 1 end_time_unix_nano: 18446744073709551615
            attributes { key: "k" } dropped_attributes_count: 1 events { time_unix_nano: 4 name: "e" }
            dropped_events_count: 2 links { trace_id: "\005" } dropped_links_count: 3
            status { message: "m" code: STATUS_CODE_ERROR } flags: 769
            """#),
        Sample(
            OTLPSpan.Event(timeUnixNano: 1, name: "e", attributes: [OTLPKeyValue(key: "k")], droppedAttributesCount: 2),
            #"time_unix_nano: 1 name: "e" attributes { key: "k" } dropped_attributes_count: 2"#),
        Sample(
            OTLPSpan.Link(
                traceId: Bytes([1]), spanId: Bytes([2]), traceState: "a=b", attributes: [OTLPKeyValue(key: "k")],
                droppedAttributesCount: 3, flags: 1),
            #"""
            trace_id: "\001" span_id: "\002" trace_state: "a=b" attributes { key: "k" } dropped_attributes_count: 3
            flags: 1
            """#),
        Sample(OTLPStatus(message: "m", code: .ok), #"message: "m" code: STATUS_CODE_OK"#),
        Sample(OTLPExportTraceServiceRequest(resourceSpans: [OTLPResourceSpans()]), "resource_spans {}"),
        Sample(
            OTLPExportTraceServiceResponse(partialSuccess: OTLPExportTracePartialSuccess(rejectedSpans: 1)),
            "partial_success { rejected_spans: 1 }"),
        Sample(
            OTLPExportTracePartialSuccess(rejectedSpans: -1, errorMessage: "m"),
            #"rejected_spans: -1 error_message: "m""#),
    ]
}
