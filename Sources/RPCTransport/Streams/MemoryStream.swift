package import EventLoops
import Glibc

/// One end of a pipe in memory: what is sent on one end is received on the other, without system calls or threads.
///
/// Readiness is reported at the end of the loop's turn, never inside a call of the other end, as with a socket.
///
/// - Isolation: the loop both ends share.
package final class MemoryStream: ByteStream, EndOfTurnHandler {
    package weak var delegate: (any ByteStreamDelegate)?
    package let peerName: String
    private let loop: EventLoop
    private let capacity: Int
    private weak var other: MemoryStream?
    /// Sent by the other end, not received yet.
    private var incoming: [UInt8] = []
    private var incomingHasEnded = false
    private var wantsWritable = false
    private var isClosed = false
    private var isScheduled = false
    private var isReading = false
    /// What the owner asked for; 0 for nothing.
    package private(set) var userTimeoutMilliseconds: UInt32 = 0

    private init(peerName: String, capacity: Int, loop: EventLoop) {
        self.peerName = peerName
        self.capacity = capacity
        self.loop = loop
    }

    /// A pipe that holds `capacity` bytes each way.
    package static func pair(capacity: Int, loop: EventLoop) -> (server: MemoryStream, client: MemoryStream) {
        let server = MemoryStream(peerName: "memory client", capacity: capacity, loop: loop)
        let client = MemoryStream(peerName: "memory server", capacity: capacity, loop: loop)
        server.other = client
        client.other = server
        return (server, client)
    }

    package func start() {
        isReading = true
        schedule()
    }

    package func receive(into buffer: UnsafeMutableRawBufferPointer) -> ByteStreamReceiveResult {
        guard !incoming.isEmpty else { return incomingHasEnded || isClosed ? .end : .wouldBlock }
        let count = min(buffer.count, incoming.count)
        buffer.copyBytes(from: incoming[..<count])
        incoming.removeFirst(count)
        if !incoming.isEmpty { schedule() }
        if let other, other.wantsWritable { other.schedule() }
        return .bytes(count)
    }

    package func send(_ bytes: UnsafeRawBufferPointer) -> ByteStreamSendResult {
        guard let other, !other.isClosed, !isClosed else {
            return .failed(ByteStreamError(operation: "send", code: EPIPE))
        }
        let count = min(bytes.count, capacity - other.incoming.count)
        other.incoming.append(contentsOf: bytes.prefix(count))
        if count > 0 { other.schedule() }
        return .sent(count)
    }

    package func send(_ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> ByteStreamSendResult {
        var sentByteCount = 0
        for piece in pieces {
            guard case .sent(let count) = send(piece) else { return send(piece) }
            sentByteCount += count
            if count < piece.count { break }
        }
        return .sent(sentByteCount)
    }

    package func setWantsWritable(_ wantsWritable: Bool) {
        self.wantsWritable = wantsWritable
        if wantsWritable { schedule() }
    }

    /// Nothing comes of it: memory does not get lost on the way.
    package func setUserTimeout(milliseconds: UInt32) { userTimeoutMilliseconds = milliseconds }

    package func shutdownSending() {
        guard let other else { return }
        other.incomingHasEnded = true
        other.schedule()
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        shutdownSending()
    }

    private func schedule() {
        guard isReading, !isScheduled, !isClosed else { return }
        isScheduled = true
        loop.callAtEndOfTurn(self)
    }

    package func turnDidEnd() {
        isScheduled = false
        if wantsWritable, let other, other.incoming.count < capacity { delegate?.streamIsWritable() }
        let isReadable = !incoming.isEmpty || incomingHasEnded
        if isReadable, !isClosed { delegate?.streamIsReadable() }
    }
}
