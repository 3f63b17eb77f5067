package import Compression
package import Vocabulary

/// A compressed message that somebody waits for while an `Unfolder` unfolds it.
///
/// - Isolation: the loop of its unfolder.
package final class Unfolding: @unchecked Sendable {
    // @unchecked: touched on the unfolder's loop only.

    let message: Bytes
    let format: CompressionFormat
    let byteCountMax: Int
    let owner: ObjectIdentifier
    private let count: (Int) throws(ServingError) -> Void
    private var countedByteCount = 0
    /// While it is under way.
    var decompression: Decompression?
    /// While it waits for its turns.
    var ticket: OwnerQueue<Unfolding>.Ticket?
    private(set) var result: Result<Bytes, ServingError>?
    private var waiter: UnsafeContinuation<Void, Never>?

    /// - Parameters:
    ///   - message: as it came.
    ///   - format: what it is folded with.
    ///   - byteCountMax: the longest it may become.
    ///   - owner: whose messages are unfolded one after another, in turns with those of others.
    ///   - count: called with the bytes that have appeared, slice by slice; throws when they are too many.
    package init(
        _ message: Bytes, _ format: CompressionFormat, byteCountMax: Int, of owner: AnyObject,
        count: @escaping (Int) throws(ServingError) -> Void
    ) {
        self.message = message
        self.format = format
        self.byteCountMax = byteCountMax
        self.owner = ObjectIdentifier(owner)
        self.count = count
    }

    /// The bytes of the message, once its unfolder has come to its end.
    ///
    /// - Throws: `ServingError` as for any message that cannot be read; CANCELLED when it was given up.
    /// - Precondition: called once, after `Unfolder.start`.
    package func value() async throws(ServingError) -> Bytes {
        if result == nil { await withUnsafeContinuation { waiter = $0 } }
        guard let result else { preconditionFailure("an unfolding ended without a result") }
        return try result.get()
    }

    func countOutput(_ byteCount: Int) throws(ServingError) {
        let more = byteCount - countedByteCount
        guard more > 0 else { return }
        countedByteCount = byteCount
        try count(more)
    }

    func finish(_ result: Result<Bytes, ServingError>) {
        self.result = result
        waiter.take()?.resume()
    }
}
