package import HTTP2
import Vocabulary

/// What requests have in common whose headers are the same, but for the time that they have.
///
/// Why: a client sends the same dozen headers with each call, and a front end would read them again and again to find
/// the same.
///
/// - Isolation: the loop of the connection, as far as it is about the note; the rest never changes.
package final class RequestPattern: @unchecked Sendable {
    // @unchecked: `note` is touched on one loop only.

    /// Of the first of them.
    let block: HeaderBlock
    /// Where the last `grpc-timeout` is, which counts.
    private let timeoutIndex: Int?
    let path: Bytes
    let encoding: MessageEncoding
    /// What an upper layer has found out about the headers.
    @exclusivity(unchecked) var note: (any AnyObject & Sendable)?

    init(_ block: HeaderBlock, encoding: MessageEncoding) {
        self.block = block
        self.encoding = encoding
        path = block.firstValue(of: ":path") ?? Bytes()
        timeoutIndex = block.lastIndex(of: Self.timeoutName)
    }

    static let timeoutName: StaticString = "grpc-timeout"

    /// Whether a request is one of them.
    func matches(_ block: HeaderBlock) -> Bool { block.isSame(as: self.block, exceptForValueAt: timeoutIndex) }

    /// The time that one of them has; nil without any.
    ///
    /// - Throws: how to refuse a request whose time is malformed.
    func timeoutNanoseconds(of block: HeaderBlock) throws(RequestRejection) -> UInt64? {
        guard let timeoutIndex else { return nil }
        guard let nanoseconds = block.withValue(at: timeoutIndex, Timeout.parse) else { throw .malformedTimeout }
        return nanoseconds
    }
}

/// The last patterns of requests that came on a loop.
///
/// Why of the loop and not of each connection: what is remembered for a pattern, such as the list that a front end
/// sends to a shard, serves all clients that send the same.
///
/// - Isolation: the loop.
package struct RequestPatterns {
    private static let countMax = 8
    /// Longer lists are not remembered.
    private static let byteCountMax = 2 << 10

    private var patterns: [RequestPattern] = []
    /// The next to be replaced.
    private var oldest = 0

    package init() {}

    /// Reads and checks a request's headers; `guess` is the pattern that they most likely have.
    ///
    /// - Throws: how to refuse the request.
    package mutating func head(_ block: HeaderBlock, guess: RequestPattern?) throws(RequestRejection) -> RequestHead {
        if let guess, let head = try RequestHead(block, as: guess) { return head }
        for pattern in patterns where pattern !== guess {
            if let head = try RequestHead(block, as: pattern) { return head }
        }
        let head = try RequestHead(block)
        guard block.listByteCount <= Self.byteCountMax else { return head }
        if patterns.count < Self.countMax {
            patterns.append(head.pattern)
        } else {
            patterns[oldest] = head.pattern
            oldest = (oldest + 1) % Self.countMax
        }
        return head
    }
}
