package import Vocabulary

/// How one call is made.
package struct CallOptions: Sendable {
    /// When the caller loses interest; the call then ends with DEADLINE_EXCEEDED.
    package var deadline = Deadline.never
    /// Custom headers of the request.
    package var metadata = Metadata()
    /// Whether to wait for a connection even after an attempt to connect has failed; otherwise the call then fails
    /// with UNAVAILABLE.
    package var waitsForReady = false
    /// The longest response message accepted.
    package var responseByteCountMax = 4 << 20

    package init() {}
}

/// The answer to a unary call that succeeded.
package struct UnaryResponse: Sendable {
    package let message: Bytes
    package let initialMetadata: Metadata
    package let trailingMetadata: Metadata
}
