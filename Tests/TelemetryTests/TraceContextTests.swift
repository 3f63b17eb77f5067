import Testing
import Vocabulary

@testable import Telemetry

@Suite("The trace of a call")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test("is read from traceparent, and written as it was", arguments: ["00", "01"])
    func roundTrip(flags: String) throws {
        let text = "00-\(Self.trace)-\(Self.span)-\(flags)"
        let context = try #require(TraceContext(traceparent: text))
        #expect(context.trace == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
        #expect(context.trace.description == Self.trace && context.span.description == Self.span)
        #expect(context.isSampled == (flags == "01") && context.state.isEmpty)
        #expect(context.traceparent == text)
        #expect(context.trace.bytes.array.prefix(3) == [0x4b, 0xf9, 0x2f] && context.span.bytes.count == 8)
    }

    @Test("of a later version is what the first version has of it", arguments: ["cc", "01", "fe"])
    func laterVersions(version: String) {
        let known = "\(Self.trace)-\(Self.span)-01"
        #expect(TraceContext(traceparent: "\(version)-\(known)")?.traceparent == "00-\(known)")
        #expect(TraceContext(traceparent: "\(version)-\(known)-what-the-future-will-be-like")?.isSampled == true)
        #expect(TraceContext(traceparent: "\(version)-\(known).what-the-future-will-be-like") == nil)
        #expect(TraceContext(traceparent: "\(version)-\(known)-") != nil)
    }

    @Test("has one flag that is known; the others are not passed on", arguments: ["03", "ff", "81"])
    func flags(flags: String) {
        #expect(
            TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-\(flags)")?.traceparent.hasSuffix("-01") == true)
        #expect(TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-02")?.isSampled == false)
    }

    @Test(
        "is nobody's when the header is malformed",
        arguments: [
            "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-01-",
            "00-\(trace)-\(span)-011",
            "00-\(trace)-\(span)-01-extra", "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01x",
            "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span.uppercased())-01", "0A-\(trace)-\(span)-01",
            "00-\(String(repeating: "0", count: 32))-\(span)-01", "00-\(trace)-\(String(repeating: "0", count: 16))-01",
            "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01", "00-\(trace)-\(span)_01", "00-\(trace)-\(span)-0g",
            "00-\(trace.dropLast())g-\(span)-01", " 00-\(trace)-\(span)-01", "00-\(trace)-\(span)-.1",
            "é0-\(trace)-\(span)-01",
        ])
    func malformed(text: String) { #expect(TraceContext(traceparent: text) == nil) }

    @Test("is read or refused at any length, whatever is in it")
    func truncation() {
        let text = Array("00-\(Self.trace)-\(Self.span)-01".utf8)
        for count in 0..<text.count {
            let isNil = text.prefix(count).withUnsafeBytes { TraceContext(traceparent: $0) == nil }
            #expect(isNil)
        }
        for index in text.indices {
            var changed = text
            changed[index] = UInt8(ascii: "!")
            let isNil = changed.withUnsafeBytes { TraceContext(traceparent: $0) == nil }
            #expect(isNil)
        }
    }
}

@Suite("What tracing systems say to each other")
struct TraceStateTests {
    @Test(
        "is passed on as it came, without the space between its members",
        arguments: [
            (["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            (["a=1", "b=2"], "a=1,b=2"), (["a=1 ,\tb=2\t"], "a=1,b=2"), (["a=1,,b=2", ""], "a=1,b=2"),
            (["0tenant@system=x"], "0tenant@system=x"), (["a_-*/9=! #$~"], "a_-*/9=! #$~"), ([], ""), ([""], ""),
            ([" , "], ""),
        ])
    func passes(headers: [String], joined: String) { #expect(TraceState.joined(headers) == joined) }

    @Test(
        "is dropped as a whole when a member is malformed",
        arguments: [
            "a", "a=", "=1", "A=1", "1a=1", "a=1=2", "a=é", "a=1\t2", "a=\u{0}", "a@=1", "@a=1", "a@b@c=1", "a@1=1",
            "a=1,a=2", "a b=1",
            "\(String(repeating: "a", count: 257))=1", "a=\(String(repeating: "1", count: 257))",
            "\(String(repeating: "a", count: 242))@b=1", "a@\(String(repeating: "b", count: 15))=1",
            (1...33).map { "a\($0)=1" }.joined(separator: ","),
            (1...17).map { "a\($0)=\(String(repeating: "1", count: 250))" }.joined(separator: ","),
        ])
    func drops(text: String) { #expect(TraceState.joined([text]) == "") }

    @Test("has as many members and as long ones as there may be")
    func limits() {
        let text = (1...32).map { "a\($0)=\(String(repeating: "1", count: 100))" }.joined(separator: ",")
        #expect(TraceState.joined([text]) == text)
        let key = "\(String(repeating: "a", count: 241))@\(String(repeating: "b", count: 14))"
        let long = "\(key)=\(String(repeating: "1", count: 256))"
        #expect(TraceState.joined([long]) == long)
    }
}
