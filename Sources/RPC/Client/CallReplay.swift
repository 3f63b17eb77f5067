package import HTTP2
import Vocabulary

/// What a call has sent, and whether it can be sent again: a value.
///
/// It can until the caller has seen response headers, or has sent more than is kept.
///
/// - Source: gRFC A6, "When Retries are Valid" and "Transparent Retries".
package struct CallReplay {
    /// Request bytes that are kept.
    ///
    /// A first message is kept whatever its length. Less than a stream's high-water mark, so that a new stream takes
    /// them all at once.
    package static let byteCountMax = 64 << 10

    /// In order; nil once the call cannot be made again.
    package private(set) var messages: [FramedMessage]? = []
    private var byteCount = 0
    private var wasRefused = false

    package init() {}

    /// Whether the call can be made again.
    package var isPossible: Bool { messages != nil }

    /// The caller has sent a message.
    package mutating func append(_ message: FramedMessage) {
        byteCount += message.bytes.count
        let isKept = messages?.isEmpty == true || byteCount <= Self.byteCountMax
        if isKept { messages?.append(message) } else { messages = nil }
    }

    /// The call is not made again, whatever happens.
    package mutating func end() { messages = nil }

    /// Whether the call goes to another stream at once, and counts as no attempt, when its stream has closed.
    ///
    /// A stream of which nothing left this process (`hasLeft` is false) is opened again however often that happens: no
    /// server has seen it. One that was refused has been to a server and back, and is opened again once.
    package mutating func reopens(after code: HTTP2ErrorCode, hasLeft: Bool) -> Bool {
        guard isPossible else { return false }
        guard hasLeft else { return true }
        guard code == .refusedStream, !wasRefused else { return false }
        wasRefused = true
        return true
    }
}
