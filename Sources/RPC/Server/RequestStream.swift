package import Vocabulary

/// The messages of a request, one at a time.
///
/// Messages are received no faster than they are taken: those that wait hold back the client's window.
///
/// - Isolation: the call's loop; one reader.
package struct RequestStream: Sendable {
    let call: ServerCall

    /// The next message; nil after the client's last.
    ///
    /// - Throws: `CancellationError` when the call was cancelled, reset, timed out or answered otherwise.
    package func next() async throws -> Bytes? { try await call.nextMessage() }
}
