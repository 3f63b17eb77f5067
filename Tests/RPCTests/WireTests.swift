import RPC
import TestSupport
import Testing
import Vocabulary

@Suite("The small formats of gRPC")
struct WireTests {
    @Test(
        "S27: timeouts are read as the specification has them",
        arguments: [
            ("1n", 1), ("1u", 1_000), ("1m", 1_000_000), ("1S", 1_000_000_000), ("1M", 60_000_000_000),
            ("1H", 3_600_000_000_000), ("0S", 0), ("99999999n", 99_999_999), ("007m", 7_000_000),
            ("99999999H", UInt64.max), ("", nil), ("S", nil), ("5", nil), ("5s", nil), ("5 S", nil), ("-5S", nil),
            ("123456789n", nil), ("5SS", nil), ("5.0S", nil), ("٥S", nil),
        ] as [(String, UInt64?)])
    func parseTimeout(text: String, nanoseconds: UInt64?) {
        #expect(Array(text.utf8).withUnsafeBytes(Timeout.parse) == nanoseconds)
    }

    @Test(
        "C14: timeouts are written in the finest unit that fits, rounded up",
        arguments: [
            (0, "0n"), (1, "1n"), (99_999_999, "99999999n"), (100_000_000, "100000u"), (100_000_001, "100001u"),
            (99_999_999_001, "100000m"), (3_600_000_000_000, "3600000m"), (UInt64.max, "5124096H"),
        ] as [(UInt64, String)])
    func formatTimeout(nanoseconds: UInt64, text: String) {
        #expect(Timeout.format(nanoseconds: nanoseconds) == text)
    }

    @Test("C14: a timeout that was written is never read as less")
    func timeoutRoundTrip() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<1000 {
            let nanoseconds =
                UInt64.random(in: 0...UInt64.max, using: &generator) >> UInt64.random(in: 0..<64, using: &generator)
            let text = Timeout.format(nanoseconds: nanoseconds)
            let read = try #require(Array(text.utf8).withUnsafeBytes(Timeout.parse))
            #expect(read >= nanoseconds && text.utf8.count <= 9)
        }
    }

    @Test(
        "S82 C83: status messages are percent-encoded and come back",
        arguments: [
            ("", ""), ("plain text", "plain text"), ("100%", "100%25"), ("a\nb", "a%0Ab"), ("☺", "%E2%98%BA"),
            ("😈", "%F0%9F%98%88"), ("~ \u{7F}", "~ %7F"),
        ])
    func statusMessage(text: String, encoded: String) {
        #expect(StatusMessage.encode(text) == Array(encoded.utf8))
        #expect(Array(encoded.utf8).withUnsafeBytes(StatusMessage.decode) == text)
    }

    @Test(
        "C83: decoding a status message never fails",
        arguments: [
            ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41", "%A"), ("%e2%98%ba", "☺"), ("a%FFb", "a\u{FFFD}b"),
            ("x%0", "x%0"),
        ])
    func malformedStatusMessage(text: String, decoded: String) {
        #expect(Array(text.utf8).withUnsafeBytes(StatusMessage.decode) == decoded)
    }

    @Test("a long status message is cut between characters")
    func longStatusMessage() {
        let text = String(repeating: "é", count: 2000)
        let decoded = StatusMessage.encode(text).withUnsafeBytes(StatusMessage.decode)
        #expect(decoded == String(repeating: "é", count: StatusMessage.byteCountMax / 2))
    }

    @Test(
        "B42: base64 is read with and without padding",
        arguments: [
            ("", []), ("YQ", [97]), ("YQ==", [97]), ("YWI", [97, 98]), ("YWI=", [97, 98]), ("YWJj", [97, 98, 99]),
            ("q6ur", [0xAB, 0xAB, 0xAB]), ("+/8", [0xFB, 0xFF]), ("Y", nil), ("YQ=", nil), ("YWJj=", nil), ("=", nil),
            ("====", nil), ("Y Q=", nil), ("-_8", nil), ("YQ===", nil),
        ] as [(String, [UInt8]?)])
    func base64(text: String, bytes: [UInt8]?) {
        let decoded = Array(text.utf8).withUnsafeBytes(Base64.decode)
        #expect(decoded?.array == bytes)
        #expect(Array(text.utf8).withUnsafeBytes(Base64.isValid) == (bytes != nil))
    }

    @Test("B42: any bytes survive base64")
    func base64RoundTrip() {
        var generator = SeededGenerator(seed: 64)
        for count in 0..<100 {
            let bytes = generator.bytes(count: count)
            let text = bytes.withUnsafeBytes(Base64.encode)
            #expect(text.withUnsafeBytes(Base64.decode)?.array == bytes)
            #expect(!text.contains(UInt8(ascii: "=")))
        }
    }

    @Test(
        "B40 B41: metadata takes legal names with the right kind of value, and nothing else",
        arguments: [
            ("x-name", "value", nil), ("a.b_c-9", "", nil), ("X-Name", "v", .illegalName("X-Name")),
            ("", "v", .illegalName("")), ("a b", "v", .illegalName("a b")), (":path", "v", .illegalName(":path")),
            ("grpc-timeout", "1S", .reservedName("grpc-timeout")), ("te", "v", .reservedName("te")),
            ("content-type", "v", .reservedName("content-type")), ("grpc-retry-pushback-ms", "1", nil),
            ("x-bin", "v", .wrongKind(name: "x-bin")), ("x", "a\nb", .illegalValue(name: "x")),
            ("x", "é", .illegalValue(name: "x")),
        ] as [(String, String, MetadataError?)])
    func metadata(name: String, value: String, error: MetadataError?) throws {
        var metadata = Metadata()
        if let error {
            #expect(throws: error) { try metadata.append(name, value) }
        } else {
            try metadata.append(name, value)
        }
        #expect(metadata.isEmpty == (error != nil))
    }

    @Test("B43: values of one name keep their order")
    func metadataOrder() throws {
        var metadata = Metadata()
        try metadata.append("a", "1")
        try metadata.append("b-bin", binary: Bytes([1]))
        try metadata.append("a", "2")
        #expect(metadata.values(of: "a") == [.text("1"), .text("2")])
        #expect(metadata.firstText(of: "a") == "1" && metadata.firstBinary(of: "b-bin") == Bytes([1]))
    }

    @Test(
        "C85: HTTP statuses become status codes",
        arguments: [
            (200, .unknown), (400, .internal), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
            (429, .unavailable), (431, .internal), (500, .unknown), (502, .unavailable), (503, .unavailable),
            (504, .unavailable), (0, .unknown),
        ] as [(Int, StatusCode)])
    func httpStatus(number: Int, code: StatusCode) {
        #expect(StatusCode(httpStatus: number) == code)
    }

    @Test("S90: what a handler throws becomes a status")
    func handlerErrors() {
        struct Foreign: Error {}
        #expect(ServingError(handlerError: ServingError(.notFound, "x")).code == .notFound)
        #expect(ServingError(handlerError: CancellationError()).code == .cancelled)
        #expect(ServingError(handlerError: RPCFailure(.aborted, "x")).code == .aborted)
        #expect(ServingError(handlerError: Foreign()).code == .unknown)
    }
}
