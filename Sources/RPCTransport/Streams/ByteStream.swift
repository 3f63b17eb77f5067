/// A connected pair of byte directions that never blocks: a socket, or memory in tests.
///
/// - Isolation: one event loop.
package protocol ByteStream: AnyObject {
    /// Who is told when the stream becomes ready; kept alive, if at all, until `close`.
    var delegate: (any ByteStreamDelegate)? { get set }

    /// The other end, for logs; `127.0.0.1:50432`.
    var peerName: String { get }

    /// Begins to report readiness; readable is wanted at first, writable is not.
    func start() throws(ByteStreamError)

    /// Reads what has come.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> ByteStreamReceiveResult

    /// Sends as much as there is room for.
    func send(_ bytes: UnsafeRawBufferPointer) -> ByteStreamSendResult

    /// Sends pieces that follow each other, at most 16, as much as there is room for.
    func send(_ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> ByteStreamSendResult

    /// Chooses whether to be told when the stream takes bytes again.
    func setWantsWritable(_ wantsWritable: Bool)

    /// Gives up a peer that acknowledges nothing for so long; 0 leaves that to the system.
    ///
    /// - Source: gRFC A18; tcp(7), TCP_USER_TIMEOUT.
    func setUserTimeout(milliseconds: UInt32)

    /// Says to the peer that nothing more comes; reading goes on.
    func shutdownSending()

    /// Ends the stream; the delegate is told nothing more. Once is enough, twice does no harm.
    func close()
}

/// What a read brought.
package enum ByteStreamReceiveResult: Equatable, Sendable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// Nothing yet.
    case wouldBlock
    /// The peer sends no more.
    case end
    case failed(ByteStreamError)
}

/// What became of bytes to be sent.
package enum ByteStreamSendResult: Equatable, Sendable {
    /// So many of them were taken; fewer than offered means that there is no more room.
    case sent(Int)
    case failed(ByteStreamError)
}

/// The error of a system call on a stream.
package struct ByteStreamError: Error, Hashable, Sendable, CustomStringConvertible {
    package let operation: String
    /// An errno.
    package let code: Int32

    package init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    package var description: String { "\(operation): \(SystemErrorText.text(of: code))" }
}

/// Is told about the readiness of a stream, on its loop.
package protocol ByteStreamDelegate: AnyObject {
    /// There are bytes, the end, or an error to be received.
    func streamIsReadable()
    /// The stream takes bytes again; only while that is wanted.
    func streamIsWritable()
}
