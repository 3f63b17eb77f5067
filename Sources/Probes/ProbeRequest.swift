/// The request line of HTTP/1, all that a probe says of interest.
///
/// A value made from the bytes that have come so far: nothing is kept between two looks but the bytes.
///
/// - Source: RFC 9112, sections 2 and 3.
package enum ProbeRequest: Hashable, Sendable {
    /// The head is not complete yet.
    case incomplete
    /// A method, and the path of its target without the query.
    case complete(method: String, path: String)
    /// Not a request of HTTP/1, or one that is too long.
    case malformed(ProbeAnswer)

    /// The longest head, in bytes, which is what a connection keeps of a request.
    package static let headByteCountMax = 8 << 10

    /// Looks at `bytes`, the beginning of what a client sends.
    package init(_ bytes: [UInt8]) {
        guard let end = Self.endOfHead(bytes) else {
            self = bytes.count < Self.headByteCountMax ? .incomplete : .malformed(.headTooLong)
            return
        }
        guard end <= Self.headByteCountMax else {
            self = .malformed(.headTooLong)
            return
        }
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let isPlain = line.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        guard isPlain, words.count == 3, !words[0].isEmpty, words[1].first == UInt8(ascii: "/"),
            words[2].starts(with: "HTTP/1.".utf8)
        else {
            self = .malformed(.badRequest)
            return
        }
        let path = words[1].prefix { $0 != UInt8(ascii: "?") }
        self = .complete(
            method: String(decoding: words[0], as: UTF8.self), path: String(decoding: path, as: UTF8.self))
    }

    /// Where the empty line ends; a lone line feed ends a line as well.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        // -1 before the first byte: an empty line that comes first is the request line, and a bad one.
        var lineLength = -1
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "\n"):
                if lineLength == 0 { return index + 1 }
                lineLength = 0
            case UInt8(ascii: "\r"): break
            default: lineLength = max(lineLength, 0) + 1
            }
        }
        return nil
    }
}
