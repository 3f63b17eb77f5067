package import Vocabulary

/// What a probe is answered.
package struct ProbeAnswer: Hashable, Sendable {
    package let status: Int
    package let reason: String
    package let contentType: String
    package let body: Bytes
    /// More lines of the head, without line ends.
    private let extraHeaders: [String]

    package init(
        _ status: Int, _ reason: String, contentType: String = "text/plain; charset=utf-8", _ body: String,
        extraHeaders: [String] = []
    ) {
        self.status = status
        self.reason = reason
        self.contentType = contentType
        self.body = Bytes(utf8: body)
        self.extraHeaders = extraHeaders
    }

    /// As it travels; without its body for a HEAD request.
    func bytes(withBody: Bool) -> [UInt8] {
        let lines =
            [
                "HTTP/1.1 \(status) \(reason)", "Content-Type: \(contentType)", "Content-Length: \(body.count)",
                "Cache-Control: no-store", "Connection: close",
            ] + extraHeaders
        let head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        return withBody ? head + body.array : head
    }

    static let badRequest = ProbeAnswer(400, "Bad Request", "400 this is not HTTP/1.1\n")
    static let notFound = ProbeAnswer(404, "Not Found", "404 not found\n")
    static let methodNotAllowed = ProbeAnswer(
        405, "Method Not Allowed", "405 only GET and HEAD\n", extraHeaders: ["Allow: GET, HEAD"])
    static let headTooLong = ProbeAnswer(431, "Request Header Fields Too Large", "431 the request is too long\n")
}
