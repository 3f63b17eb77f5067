// Made by Proto/generate from opentelemetry/proto/collector/trace/v1/trace_service.proto.
// swift-format-ignore-file

import CMessages

extension OTLPExportTraceServiceRequest: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
    static let storedType = StoredType(opentelemetry__proto__collector__trace__v1__export_trace_service_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        resourceSpans = try arena.messages(stored.resource_spans, stored.n_resource_spans)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_resource_spans, stored.resource_spans) = arena.store(resourceSpans)
    }
}

extension OTLPExportTraceServiceResponse: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse
    static let storedType = StoredType(opentelemetry__proto__collector__trace__v1__export_trace_service_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        partialSuccess = try arena.message(stored.partial_success)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.partial_success = arena.store(partialSuccess)
    }
}

extension OTLPExportTracePartialSuccess: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess
    static let storedType = StoredType(opentelemetry__proto__collector__trace__v1__export_trace_partial_success__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        rejectedSpans = stored.rejected_spans
        errorMessage = try arena.string(stored.error_message, "opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess.error_message")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.rejected_spans = rejectedSpans
        stored.error_message = arena.store(errorMessage)
    }
}
