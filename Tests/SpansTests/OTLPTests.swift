import Foundation
import Messages
import Telemetry
import Testing
import Tracing
import Vocabulary

@testable import Spans

@Suite("Spans in the words of OTLP")
struct OTLPTests {
    private let list = SpanList()

    /// One span with everything that a span may have.
    private func request() -> OTLPExportTraceServiceRequest {
        let tracer = list.tracer()
        let parent = TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        let origin = tracer.origin(parent: parent, isRemote: true)
        let span = tracer.startSpan(
            "a \"name\"\n\u{1}é", origin, ofKind: .client, atNanosecondsSince1970: 1_700_000_000_000_000_001)
        var attributes: SpanAttributes = [
            "text": "t", "truth": .bool(false), "small": .int32(-7), "large": .int64(.max), "half": .double(0.5),
            "endless": .double(.infinity), "list": .stringArray(["a", "b"]), "empty": "",
        ]
        attributes["marks"] = "e" + String(repeating: "\u{301}", count: 5_000)
        attributes["long"] = String(repeating: "x", count: 5_000)
        span.attributes = attributes
        span.addEvent(SpanEvent(name: "event", at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 2)))
        span.addLink(SpanLink(context: span.context, attributes: ["k": 1]))
        span.addLink(SpanLink(context: .topLevel, attributes: [:]))
        span.setStatus(SpanStatus(code: .error, message: "why"))
        span.end(atNanosecondsSince1970: .max)
        return OTLPExportTraceServiceRequest(
            list.all, of: OTLPResource([("service.name", "apus")]),
            scope: OTLPInstrumentationScope(name: "apus", version: "1"))
    }

    @Test("a message says all that is known of a span, and comes back as it was")
    func message() throws {
        let request = request()
        let span = try #require(request.resourceSpans.first?.scopeSpans.first?.spans.first)
        #expect(span.traceId.array.prefix(2) == [0x4b, 0xf9] && span.traceId.count == 16 && span.spanId.count == 8)
        #expect(span.parentSpanId.array == [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])
        #expect(span.kind == .client && span.flags == 0x301 && span.endTimeUnixNano == .max)
        #expect(span.attributes.map(\.key) == span.attributes.map(\.key).sorted() && span.attributes.count == 10)
        let values = Dictionary(uniqueKeysWithValues: span.attributes.map { ($0.key, $0.value?.value) })
        #expect(values["small"] == .intValue(-7) && values["list"] == .stringValue(#"["a", "b"]"#))
        #expect(values["long"] == .stringValue(String(repeating: "x", count: 1024)))
        #expect(values["marks"] == .stringValue("e" + String(repeating: "\u{301}", count: 511)), "bytes are a bound")
        #expect(span.links.count == 1, "a link to no span is none")
        #expect(span.status == OTLPStatus(message: "why", code: .error))
        #expect(request.spanCount == 1)
        #expect(try OTLPExportTraceServiceRequest(decoding: request.encoded()) == request)
    }

    @Test("JSON has identifiers in hexadecimal digits, enums by number and long numbers as text")
    func json() throws {
        let line = OTLPJSON.line(request())
        #expect(!line.contains("\n"))
        let root = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        let resource = try #require((root["resourceSpans"] as? [[String: Any]])?.first)
        let scope = try #require((resource["scopeSpans"] as? [[String: Any]])?.first)
        #expect((scope["scope"] as? [String: String]) == ["name": "apus", "version": "1"])
        let span = try #require((scope["spans"] as? [[String: Any]])?.first)
        #expect(span["traceId"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(span["parentSpanId"] as? String == "00f067aa0ba902b7")
        #expect(span["name"] as? String == "a \"name\"\n\u{1}é")
        #expect(span["kind"] as? Int == 3 && span["flags"] as? Int == 0x301)
        #expect(span["startTimeUnixNano"] as? String == "1700000000000000001")
        #expect(span["endTimeUnixNano"] as? String == "18446744073709551615")
        #expect((span["status"] as? [String: Any])?["code"] as? Int == 2)
        let attributes = try #require(span["attributes"] as? [[String: Any]])
        let values = Dictionary(
            uniqueKeysWithValues: attributes.map { ($0["key"] as! String, $0["value"] as! [String: Any]) })
        #expect(values["large"]?["intValue"] as? String == "9223372036854775807")
        #expect(values["half"]?["doubleValue"] as? Double == 0.5)
        #expect(values["endless"]?["doubleValue"] as? String == "Infinity")
        #expect(values["truth"]?["boolValue"] as? Bool == false)
        #expect(values["empty"]?["stringValue"] as? String == "")
        #expect(span["droppedAttributesCount"] == nil && span["traceState"] == nil, "what is zero is left out")
    }

    @Test("nothing at all is an empty object")
    func empty() {
        #expect(OTLPJSON.line(OTLPExportTraceServiceRequest()) == "{}")
        #expect(OTLPJSON.line(OTLPExportTraceServiceRequest(resourceSpans: [.init()])) == #"{"resourceSpans":[{}]}"#)
    }
}
