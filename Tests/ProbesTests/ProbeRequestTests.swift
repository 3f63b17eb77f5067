import Testing

@testable import Probes

@Suite("ProbeRequest")
struct ProbeRequestTests {
    @Test(
        "is complete with the empty line, whatever the headers are",
        arguments: [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n", "GET", "/metrics"),
            ("GET /metrics?name=up HTTP/1.1\r\n\r\n", "GET", "/metrics"),
            ("HEAD /healthz HTTP/1.0\r\n\r\n", "HEAD", "/healthz"), ("GET / HTTP/1.1\n\n", "GET", "/"),
            ("POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "POST", "/x"),
        ])
    func complete(text: String, method: String, path: String) {
        #expect(ProbeRequest(Array(text.utf8)) == .complete(method: method, path: path))
    }

    @Test("is incomplete at every byte before")
    func truncated() {
        let bytes = Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        for count in 0..<bytes.count { #expect(ProbeRequest(Array(bytes[..<count])) == .incomplete, "\(count)") }
    }

    @Test(
        "is refused when it is not HTTP/1",
        arguments: [
            "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET metrics HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\u{1} HTTP/1.1\r\n\r\n",
            "GET /é HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\n\n",
        ])
    func malformed(text: String) {
        #expect(ProbeRequest(Array(text.utf8)) == .malformed(.badRequest))
    }

    @Test("is refused when its head is longer than is kept")
    func tooLong() {
        let max = ProbeRequest.headByteCountMax
        #expect(ProbeRequest(Array(repeating: 65, count: max - 1)) == .incomplete)
        #expect(ProbeRequest(Array(repeating: 65, count: max)) == .malformed(.headTooLong))
        let long = "GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: max))\r\n\r\n"
        #expect(ProbeRequest(Array(long.utf8)) == .malformed(.headTooLong))
    }

    @Test("an answer says its length and that the connection ends; HEAD gets no body")
    func answers() {
        let answer = ProbeAnswer(200, "OK", "ünd\n")
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        #expect(String(decoding: answer.bytes(withBody: true), as: UTF8.self) == head + "ünd\n")
        #expect(String(decoding: answer.bytes(withBody: false), as: UTF8.self) == head)
    }
}
