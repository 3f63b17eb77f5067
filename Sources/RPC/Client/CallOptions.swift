package import Compression
package import Vocabulary

/// How one call is made.
package struct CallOptions: Sendable {
    /// When the caller loses interest; the call then ends with DEADLINE_EXCEEDED.
    package var deadline = Deadline.never
    /// Whether whoever makes the call ends it at its deadline, so that it needs no timer of its own.
    package var isEndedByCaller = false
    /// Custom headers of the request.
    package var metadata = Metadata()
    /// Custom headers of a call that this one is made for, in front of `metadata`.
    package var passedHeaders: PassedHeaders?
    /// Whether to wait for a connection even after an attempt to connect has failed; otherwise the call then fails
    /// with UNAVAILABLE.
    ///
    /// Nil leaves it to the channel's service configuration, and means no when that says nothing.
    package var waitsForReady: Bool?
    /// Which failed attempts are followed by others; nil leaves it to the channel's service configuration.
    package var retryPolicy: RetryPolicy?
    /// The longest request message; a longer one fails the call's `write` with RESOURCE_EXHAUSTED.
    package var requestByteCountMax = Int(UInt32.max)
    /// The longest response message accepted, counted before and after decompression.
    package var responseByteCountMax = 4 << 20
    /// What request messages are compressed with; nil sends them as they are.
    ///
    /// Nobody asks the server first: one that does not know the format answers UNIMPLEMENTED.
    package var compression: CompressionFormat?

    package init() {}
}

/// The answer to a unary call that succeeded.
package struct UnaryResponse: Sendable {
    package let message: Bytes
    package let initialMetadata: Metadata
    package let trailingMetadata: Metadata
}
