// Made by Proto/generate from opentelemetry/proto/collector/trace/v1/trace_service.proto.
// swift-format-ignore-file

/// Takes spans.
package enum OTLPTraceServiceMethods {
    /// The full name of the service.
    package static let service = "opentelemetry.proto.collector.trace.v1.TraceService"

    /// Takes spans, for keeps or to send them on.
    package static let export = MethodSignature<OTLPExportTraceServiceRequest, OTLPExportTraceServiceResponse>(
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export")
}

/// Spans to be taken.
package struct OTLPExportTraceServiceRequest: Message {
    /// The spans, by the program that made them.
    package var resourceSpans: [OTLPResourceSpans]

    package init(resourceSpans: [OTLPResourceSpans] = []) {
        self.resourceSpans = resourceSpans
    }
}

/// What became of them.
package struct OTLPExportTraceServiceResponse: Message {
    /// Those that were not taken; absent when all were.
    package var partialSuccess: OTLPExportTracePartialSuccess?

    package init(partialSuccess: OTLPExportTracePartialSuccess? = nil) {
        self.partialSuccess = partialSuccess
    }
}

/// That some spans were not taken, and are not to be sent again.
package struct OTLPExportTracePartialSuccess: Message {
    /// How many.
    package var rejectedSpans: Int64
    /// Why, or what to do better next time, for people.
    package var errorMessage: String

    package init(rejectedSpans: Int64 = 0, errorMessage: String = "") {
        self.rejectedSpans = rejectedSpans
        self.errorMessage = errorMessage
    }
}
