package import Vocabulary

/// Which of all requests a call belongs to, and which span of it called: what `traceparent` and `tracestate` say.
///
/// ```
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
///  │  trace: 16 bytes                  span: 8 bytes    │ flags; the lowest bit: somebody records this trace
///  version
/// ```
///
/// - Source: W3C Trace Context, level 1.
package struct TraceContext: Hashable, Sendable {
    package var trace: TraceID
    /// The span that calls.
    package var span: SpanID
    /// Whether spans of this trace are recorded.
    package var isSampled: Bool
    /// What the tracing systems on the way have to say to each other, passed on as it came; empty for nothing.
    package var state: String

    package init(trace: TraceID, span: SpanID, isSampled: Bool, state: String = "") {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
        self.state = state
    }

    private static let byteCount = 55
    private static let dash = UInt8(ascii: "-")

    /// Reads a `traceparent`; nil for one that is to be ignored.
    ///
    /// Of a version that is not known yet the four fields are read that every version begins with, and of its flags the
    /// one that is known.
    package init?(traceparent text: UnsafeRawBufferPointer) {
        guard text.count >= Self.byteCount, text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            let version = hexadecimal(text, 0..<2), version != 0xFF,
            let high = hexadecimal(text, 3..<19), let low = hexadecimal(text, 19..<35),
            let span = hexadecimal(text, 36..<52), let flags = hexadecimal(text, 53..<55),
            let trace = TraceID(high: high, low: low), let span = SpanID(span)
        else { return nil }
        guard text.count == Self.byteCount || version > 0 && text[Self.byteCount] == Self.dash else { return nil }
        self.init(trace: trace, span: span, isSampled: flags & 1 == 1)
    }

    /// As `init(traceparent:)`, of text.
    package init?(traceparent text: String) {
        var text = text
        guard let context = text.withUTF8({ TraceContext(traceparent: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = context
    }

    /// The header that says so, of version 00.
    package var traceparent: String {
        String(unsafeUninitializedCapacity: Self.byteCount) { text in
            write(0, digitCount: 2, to: text, at: 0)
            write(trace.high, digitCount: 16, to: text, at: 3)
            write(trace.low, digitCount: 16, to: text, at: 19)
            write(span.number, digitCount: 16, to: text, at: 36)
            write(isSampled ? 1 : 0, digitCount: 2, to: text, at: 53)
            for place in [2, 35, 52] { text[place] = Self.dash }
            return Self.byteCount
        }
    }
}

/// Names a trace; never all zeros.
package struct TraceID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// Thirty-two hexadecimal digits.
    package var description: String {
        String(unsafeUninitializedCapacity: 32) { text in
            write(high, digitCount: 16, to: text, at: 0)
            write(low, digitCount: 16, to: text, at: 16)
            return 32
        }
    }

    /// The sixteen bytes, the first digits first.
    package var bytes: Bytes { Bytes(bigEndianBytes(of: high) + bigEndianBytes(of: low)) }
}

/// Names a span within its trace; never zero.
package struct SpanID: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt64

    package init?(_ number: UInt64) {
        guard number != 0 else { return nil }
        self.number = number
    }

    /// Sixteen hexadecimal digits.
    package var description: String {
        String(unsafeUninitializedCapacity: 16) { text in
            write(number, digitCount: 16, to: text, at: 0)
            return 16
        }
    }

    /// The eight bytes, the first digits first.
    package var bytes: Bytes { Bytes(bigEndianBytes(of: number)) }
}

private func bigEndianBytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
}

/// The value of lower-case hexadecimal digits, sixteen at most; nil when there is anything else among them.
private func hexadecimal(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64? {
    var value: UInt64 = 0
    for index in range {
        let digit: UInt8
        switch text[index] {
        case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
        case let byte where byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"):
            digit = byte - UInt8(ascii: "a") + 10
        default: return nil
        }
        value = value << 4 | UInt64(digit)
    }
    return value
}

private func write(_ number: UInt64, digitCount: Int, to text: UnsafeMutableBufferPointer<UInt8>, at place: Int) {
    for index in 0..<digitCount {
        let digit = UInt8(truncatingIfNeeded: number >> (4 * UInt64(digitCount - 1 - index)) & 0xF)
        text[place + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
