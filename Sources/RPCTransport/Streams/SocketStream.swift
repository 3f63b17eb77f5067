import CLinux
package import EventLoops
import Glibc

/// A connected TCP socket.
///
/// - Isolation: its loop.
package final class SocketStream: ByteStream, ReadinessHandler {
    /// Kept until `close`.
    ///
    /// Why not weak: an object that was ever referred to weakly pays for it at every retain.
    package var delegate: (any ByteStreamDelegate)?
    package let peerName: String
    private let loop: EventLoop
    private var descriptor: Int32
    private var watch: WatchID?
    private var wantsWritable = false
    /// After the peer's end there is nothing to be read, and level-triggered readiness would never cease.
    private var hasEnded = false

    /// Takes a connected, non-blocking descriptor, which the stream closes.
    package init(descriptor: Int32, peer: SocketAddress, loop: EventLoop) {
        self.descriptor = descriptor
        peerName = peer.description
        self.loop = loop
        // Frames leave in one piece a turn: waiting for more of them, as Nagle's algorithm does, only delays.
        _ = apus_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // Nothing is lost on the way to oneself, and a control that paces, as BBR does, only rests in between: streams
        // of 64 KiB messages move up to twice the bytes without. Where there is a network, its administrator decides.
        if peer.isLoopback { _ = apus_set_congestion_control(descriptor, "reno") }
    }

    deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }

    package func start() throws(ByteStreamError) {
        do throws(EventLoopError) {
            watch = try loop.watch(descriptor, for: .readable, handler: self)
        } catch {
            throw ByteStreamError(operation: "watching a socket", code: error.code)
        }
    }

    package func descriptorIsReady(_ readiness: Readiness) {
        if readiness.contains(.writable) { delegate?.streamIsWritable() }
        let isReadable = !readiness.isDisjoint(with: .answersReads)
        if isReadable, watch != nil { delegate?.streamIsReadable() }
    }

    package func receive(into buffer: UnsafeMutableRawBufferPointer) -> ByteStreamReceiveResult {
        guard descriptor >= 0, !hasEnded else { return .end }
        let count = apus_receive(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 { return .bytes(count) }
        if count == 0 {
            hasEnded = true
            changeInterest()
            return .end
        }
        return count == -Int(EAGAIN) ? .wouldBlock : .failed(ByteStreamError(operation: "recv", code: Int32(-count)))
    }

    package func send(_ bytes: UnsafeRawBufferPointer) -> ByteStreamSendResult {
        guard descriptor >= 0 else { return .failed(ByteStreamError(operation: "send", code: EBADF)) }
        return Self.result(apus_send(descriptor, bytes.baseAddress, bytes.count))
    }

    package func send(_ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> ByteStreamSendResult {
        guard pieces.count > 1 else { return send(pieces[0]) }
        guard descriptor >= 0 else { return .failed(ByteStreamError(operation: "sendmsg", code: EBADF)) }
        let count = withUnsafeTemporaryAllocation(of: iovec.self, capacity: pieces.count) { vectors in
            for (index, piece) in pieces.enumerated() {
                // The kernel only reads from it.
                let base = UnsafeMutableRawPointer(mutating: piece.baseAddress)
                vectors.initializeElement(at: index, to: iovec(iov_base: base, iov_len: piece.count))
            }
            return apus_send_pieces(descriptor, vectors.baseAddress, pieces.count)
        }
        return Self.result(count)
    }

    private static func result(_ count: Int) -> ByteStreamSendResult {
        if count >= 0 { return .sent(count) }
        return count == -Int(EAGAIN) ? .sent(0) : .failed(ByteStreamError(operation: "send", code: Int32(-count)))
    }

    package func setWantsWritable(_ wantsWritable: Bool) {
        guard wantsWritable != self.wantsWritable else { return }
        self.wantsWritable = wantsWritable
        changeInterest()
    }

    private func changeInterest() {
        guard let watch else { return }
        var interest: Readiness = hasEnded ? [] : .readable
        if wantsWritable { interest.insert(.writable) }
        loop.change(watch, to: interest)
    }

    package func setUserTimeout(milliseconds: UInt32) {
        guard descriptor >= 0 else { return }
        // A kernel that refuses leaves the PINGs, which find the same thing out a little later.
        _ = apus_set_option(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Int32(clamping: milliseconds))
    }

    package func shutdownSending() {
        if descriptor >= 0 { _ = shutdown(descriptor, Int32(SHUT_WR)) }
    }

    package func close() {
        guard descriptor >= 0 else { return }
        if let watch { loop.unwatch(watch) }
        watch = nil
        _ = Glibc.close(descriptor)
        descriptor = -1
        delegate = nil
    }
}
