import CLinux
package import EventLoops
import Glibc

/// A listening socket: accepts connections and gives them away.
///
/// - Isolation: its loop, after `init`.
package final class Listener: ReadinessHandler {
    static let backlog: Int32 = 1024
    /// Without memory, how long to leave clients in the backlog before the next try.
    static let pauseNanoseconds: UInt64 = 100_000_000

    package let address: SocketAddress
    private let loop: EventLoop
    private var descriptor: Int32
    private var pace = AcceptPace()
    private let accepted: (_ descriptor: Int32, _ peer: SocketAddress) -> Void
    private let turnedAway: (_ peer: SocketAddress) -> Void
    /// Kept to have one descriptor left when there are no others; -1 when even this one cannot be had.
    private var reserve: Int32
    private var watch: WatchID?
    private var pause: TimerID?

    /// Binds and listens; connections are accepted from `start` on.
    ///
    /// - Parameters:
    ///   - host: a numeric address or a name.
    ///   - port: 0 for any free port.
    ///   - loop: where the callbacks are called.
    ///   - accepted: takes a connection, and its descriptor with it.
    ///   - turnedAway: is told of a client that was closed at once because the process is out of descriptors.
    /// - Throws: `RPCServerError.cannotListen`.
    package init(
        host: String, port: UInt16, loop: EventLoop,
        accepted: @escaping (_ descriptor: Int32, _ peer: SocketAddress) -> Void,
        turnedAway: @escaping (_ peer: SocketAddress) -> Void
    ) throws(RPCServerError) {
        self.loop = loop
        self.accepted = accepted
        self.turnedAway = turnedAway
        reserve = Self.openReserve()
        do throws(AddressError) {
            let addresses = try SocketAddress.resolve(host: host, port: port, isNumeric: false)
            guard let first = addresses.first else { throw AddressError(host: host, reason: "has no address") }
            address = first
        } catch {
            throw .cannotListen(where: "\(host):\(port)", reason: error.reason)
        }
        descriptor = try Self.listen(at: address)
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        if reserve >= 0 { _ = Glibc.close(reserve) }
    }

    private static func listen(at address: SocketAddress) throws(RPCServerError) -> Int32 {
        let descriptor = apus_stream_socket(address.family)
        guard descriptor >= 0 else { throw .cannotListen(address, code: -descriptor) }
        // A server that is started again must not wait for the last one's connections to be forgotten.
        _ = apus_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        let bound = address.withUnsafeAddress { bind(descriptor, $0, $1) }
        guard bound == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let code = errno
            _ = Glibc.close(descriptor)
            throw .cannotListen(address, code: code)
        }
        return descriptor
    }

    /// The address that was bound, with the port the kernel chose for port 0.
    package var boundAddress: SocketAddress { SocketAddress.ofSocket(descriptor) }

    package func start() throws(EventLoopError) {
        watch = try loop.watch(descriptor, for: .readable, handler: self)
    }

    package func descriptorIsReady(_ readiness: Readiness) {
        for _ in 0..<pace.allowance(turn: loop.turnCount, now: loop.measuredNow()) {
            var peer = sockaddr_storage()
            var byteCount = socklen_t(0)
            let result = apus_accept(descriptor, &peer, &byteCount)
            if result >= 0 {
                accepted(result, SocketAddress(peer, byteCount: byteCount))
                guard watch != nil else { return }
                continue
            }
            switch -result {
            case EAGAIN: return
            case EMFILE, ENFILE:
                let next = turnAwayNext()
                if next == -EAGAIN { return }
                if next < 0 { return pauseAccepting() }
            case ENOBUFS, ENOMEM: return pauseAccepting()
            default: continue  // That one connection failed before it was accepted; see accept(2).
            }
        }
    }

    /// Closes the next client at once, with the descriptor that was kept for this; what accept(2) returned.
    ///
    /// Why not leave it in the backlog: it would wait there without a word, where now it can go elsewhere.
    private func turnAwayNext() -> Int32 {
        if reserve >= 0 { _ = Glibc.close(reserve) }
        var peer = sockaddr_storage()
        var byteCount = socklen_t(0)
        let result = apus_accept(descriptor, &peer, &byteCount)
        if result >= 0 { _ = Glibc.close(result) }
        reserve = Self.openReserve()
        if result >= 0 { turnedAway(SocketAddress(peer, byteCount: byteCount)) }
        return result
    }

    private static func openReserve() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

    /// Readiness is level-triggered: without a pause the loop would spin until a descriptor is free.
    private func pauseAccepting() {
        guard let watch else { return }
        loop.change(watch, to: [])
        pause = loop.schedule(afterNanoseconds: Self.pauseNanoseconds) { [weak self] in
            guard let self, let watch = self.watch else { return }
            self.pause = nil
            loop.change(watch, to: .readable)
        }
    }

    /// Stops listening; connections that were not accepted are refused.
    package func close() {
        guard descriptor >= 0 else { return }
        if let pause { loop.cancel(pause) }
        if let watch { loop.unwatch(watch) }
        watch = nil
        _ = Glibc.close(descriptor)
        descriptor = -1
        if reserve >= 0 { _ = Glibc.close(reserve) }
        reserve = -1
    }
}

/// Why a server could not start.
package enum RPCServerError: Error, Hashable, Sendable, CustomStringConvertible {
    case cannotListen(where: String, reason: String)

    static func cannotListen(_ address: SocketAddress, code: Int32) -> RPCServerError {
        .cannotListen(where: address.description, reason: SystemErrorText.text(of: code))
    }

    package var description: String {
        switch self {
        case .cannotListen(let place, let reason): "cannot listen on \(place): \(reason)"
        }
    }
}
