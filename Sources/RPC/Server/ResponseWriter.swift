package import Vocabulary

/// Sends the messages of a response.
///
/// - Isolation: the call's loop; one writer.
package struct ResponseWriter: Sendable {
    let call: ServerCall

    /// Sends a message; waits while the client is too far behind.
    ///
    /// What waits for a slow client is therefore at most the session's high-water mark and one message.
    ///
    /// - Throws: `CancellationError` when the call was cancelled, reset, timed out or answered otherwise;
    ///   `ServingError` RESOURCE_EXHAUSTED for a message over the limit.
    package func write(_ message: Bytes, compression: MessageCompression = .allowed) async throws {
        try await call.write(message, compression)
    }
}
