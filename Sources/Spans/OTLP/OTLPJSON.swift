import Messages
import Vocabulary

/// Writes an export request as OTLP's JSON: names in camel case, trace and span in hexadecimal digits, enums by their
/// numbers, whole numbers of 64 bits as texts; what is empty or zero is left out.
///
/// - Source: OTLP specification, "JSON Protobuf Encoding"; protobuf's mapping to JSON.
struct OTLPJSON {
    private(set) var text = ""

    /// One line, without a line feed.
    static func line(_ request: OTLPExportTraceServiceRequest) -> String {
        var json = OTLPJSON()
        json.object { json in
            json.list("resourceSpans", request.resourceSpans) { $0.write($1) }
        }
        return json.text
    }

    private mutating func write(_ spans: OTLPResourceSpans) {
        if let resource = spans.resource {
            member("resource") { json in
                json.object { json in
                    json.attributes(resource.attributes)
                    json.number("droppedAttributesCount", resource.droppedAttributesCount)
                }
            }
        }
        list("scopeSpans", spans.scopeSpans) { $0.write($1) }
        string("schemaUrl", spans.schemaUrl)
    }

    private mutating func write(_ spans: OTLPScopeSpans) {
        if let scope = spans.scope {
            member("scope") { json in
                json.object { json in
                    json.string("name", scope.name)
                    json.string("version", scope.version)
                }
            }
        }
        list("spans", spans.spans) { $0.write($1) }
        string("schemaUrl", spans.schemaUrl)
    }

    private mutating func write(_ span: OTLPSpan) {
        string("traceId", Self.hexadecimal(span.traceId))
        string("spanId", Self.hexadecimal(span.spanId))
        string("traceState", span.traceState)
        string("parentSpanId", Self.hexadecimal(span.parentSpanId))
        number("flags", span.flags)
        string("name", span.name)
        number("kind", span.kind.rawValue)
        quoted("startTimeUnixNano", span.startTimeUnixNano)
        quoted("endTimeUnixNano", span.endTimeUnixNano)
        attributes(span.attributes)
        number("droppedAttributesCount", span.droppedAttributesCount)
        list("events", span.events) { $0.write($1) }
        number("droppedEventsCount", span.droppedEventsCount)
        list("links", span.links) { $0.write($1) }
        number("droppedLinksCount", span.droppedLinksCount)
        if let status = span.status {
            member("status") { json in
                json.object { json in
                    json.string("message", status.message)
                    json.number("code", status.code.rawValue)
                }
            }
        }
    }

    private mutating func write(_ event: OTLPSpan.Event) {
        quoted("timeUnixNano", event.timeUnixNano)
        string("name", event.name)
        attributes(event.attributes)
        number("droppedAttributesCount", event.droppedAttributesCount)
    }

    private mutating func write(_ link: OTLPSpan.Link) {
        string("traceId", Self.hexadecimal(link.traceId))
        string("spanId", Self.hexadecimal(link.spanId))
        string("traceState", link.traceState)
        attributes(link.attributes)
        number("droppedAttributesCount", link.droppedAttributesCount)
        number("flags", link.flags)
    }

    private mutating func attributes(_ attributes: [OTLPKeyValue]) {
        list("attributes", attributes) { json, attribute in
            json.string("key", attribute.key)
            json.member("value") { json in
                json.object { json in json.write(attribute.value?.value) }
            }
        }
    }

    private mutating func write(_ value: OTLPAnyValue.Value?) {
        switch value {
        case .stringValue(let text): member("stringValue") { $0.quote(text) }
        case .boolValue(let isTrue): member("boolValue") { $0.text += isTrue ? "true" : "false" }
        case .intValue(let number): member("intValue") { $0.text += "\"\(number)\"" }
        case .doubleValue(let number): member("doubleValue") { $0.write(number) }
        case nil: break
        }
    }

    /// JSON has no numbers without end, so protobuf has words for them.
    private mutating func write(_ number: Double) {
        switch number {
        case .infinity: text += "\"Infinity\""
        case -.infinity: text += "\"-Infinity\""
        case _ where number.isNaN: text += "\"NaN\""
        default: text += "\(number)"
        }
    }

    // MARK: Syntax

    private mutating func object(_ members: (inout OTLPJSON) -> Void) {
        text += "{"
        members(&self)
        text += "}"
    }

    private mutating func member(_ name: String, _ value: (inout OTLPJSON) -> Void) {
        if text.utf8.last != UInt8(ascii: "{") { text += "," }
        text += "\"\(name)\":"
        value(&self)
    }

    private mutating func list<Element>(
        _ name: String, _ elements: [Element], _ write: (inout OTLPJSON, Element) -> Void
    ) {
        guard !elements.isEmpty else { return }
        member(name) { json in
            json.text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { json.text += "," }
                json.object { write(&$0, element) }
            }
            json.text += "]"
        }
    }

    private mutating func string(_ name: String, _ value: String) {
        if !value.isEmpty { member(name) { $0.quote(value) } }
    }

    private mutating func number(_ name: String, _ value: some BinaryInteger) {
        if value != 0 { member(name) { $0.text += "\(value)" } }
    }

    private mutating func quoted(_ name: String, _ value: UInt64) {
        if value != 0 { member(name) { $0.text += "\"\(value)\"" } }
    }

    private mutating func quote(_ value: String) {
        text += "\""
        for character in value.unicodeScalars {
            switch character {
            case "\"", "\\": text += "\\\(character)"
            case _ where character.value < 0x20:
                let digits = String(character.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(character)
            }
        }
        text += "\""
    }

    private static func hexadecimal(_ bytes: Bytes) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.array.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] })
    }
}
