import CLinux
package import EventLoops
import Glibc
import RPC
import Vocabulary

/// Makes the byte streams of a channel.
package protocol Connector: Sendable {
    /// Connects, and calls `completion` once, on `loop`.
    ///
    /// - Isolation: called on `loop`.
    func connect(
        on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void)
}

/// Why no connection came about.
package struct ConnectError: Error, Sendable {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Connects sockets: resolves the name on a thread of its own, then tries the addresses in order.
struct SocketConnector: Connector {
    let host: String
    let port: UInt16

    func connect(
        on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) {
        let attempt = ConnectAttempt(loop: loop, completion: completion)
        attempt.startTimer(timeoutNanoseconds)
        if let addresses = try? SocketAddress.resolve(host: host, port: port, isNumeric: true) {
            return attempt.tryAddresses(addresses)
        }
        resolveElsewhere(loop, attempt)
    }

    /// getaddrinfo(3) waits for servers; it gets a thread for this one name, so that no loop waits.
    private func resolveElsewhere(_ loop: EventLoop, _ attempt: ConnectAttempt) {
        let job = ResolverJob { [host, port] in
            let result: Result<[SocketAddress], AddressError>
            do throws(AddressError) {
                result = .success(try SocketAddress.resolve(host: host, port: port, isNumeric: false))
            } catch {
                result = .failure(error)
            }
            loop.submit { attempt.didResolve(result) }
        }
        if !job.start() { attempt.finish(.failure(ConnectError(description: "no thread to resolve \(host)"))) }
    }
}

/// Work for a detached thread.
private final class ResolverJob: Sendable {
    private let work: @Sendable () -> Void

    init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// False when the system has no thread for it.
    func start() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, &attributes,
            { context in
                Unmanaged<ResolverJob>.fromOpaque(context!).takeRetainedValue().work()
                return nil
            }, retained.toOpaque())
        if result != 0 { retained.release() }
        return result == 0
    }
}

/// One try of a target's addresses, one after another.
///
/// - Isolation: its loop.
private final class ConnectAttempt: ReadinessHandler, @unchecked Sendable {
    // @unchecked: touched on `loop` only.
    private let loop: EventLoop
    private var completion: ((Result<any ByteStream, ConnectError>) -> Void)?
    private var addresses: ArraySlice<SocketAddress> = []
    private var current: (descriptor: Int32, watch: WatchID, address: SocketAddress)?
    private var lastError = ConnectError(description: "the name has no address")
    private var timer: TimerID?

    init(loop: EventLoop, completion: @escaping (Result<any ByteStream, ConnectError>) -> Void) {
        self.loop = loop
        self.completion = completion
    }

    func startTimer(_ nanoseconds: UInt64) {
        timer = loop.schedule(afterNanoseconds: nanoseconds) {
            self.timer = nil
            self.finish(.failure(ConnectError(description: "no connection in time")))
        }
    }

    func didResolve(_ result: Result<[SocketAddress], AddressError>) {
        switch result {
        case .success(let addresses): tryAddresses(addresses)
        case .failure(let error): finish(.failure(ConnectError(description: error.description)))
        }
    }

    func tryAddresses(_ addresses: [SocketAddress]) {
        self.addresses = addresses[...]
        tryNext()
    }

    private func tryNext() {
        while completion != nil {
            guard let address = addresses.popFirst() else { return finish(.failure(lastError)) }
            if begin(address) { return }
        }
    }

    /// False when the address fails at once.
    private func begin(_ address: SocketAddress) -> Bool {
        let descriptor = apus_stream_socket(address.family)
        guard descriptor >= 0 else {
            note(address, code: -descriptor)
            return false
        }
        let result = address.withUnsafeAddress { Glibc.connect(descriptor, $0, $1) }
        if result == 0 || errno == EINPROGRESS, let watch = try? loop.watch(descriptor, for: .writable, handler: self) {
            current = (descriptor, watch, address)
            return true
        }
        note(address, code: errno)
        _ = close(descriptor)
        return false
    }

    func descriptorIsReady(_ readiness: Readiness) {
        guard let (descriptor, watch, address) = current else { return }
        current = nil
        loop.unwatch(watch)
        let code = apus_socket_error(descriptor)
        guard code == 0 else {
            note(address, code: code)
            _ = close(descriptor)
            return tryNext()
        }
        finish(.success(SocketStream(descriptor: descriptor, peerName: address.description, loop: loop)))
    }

    private func note(_ address: SocketAddress, code: Int32) {
        lastError = ConnectError(description: "\(address): \(SystemErrorText.text(of: code))")
    }

    func finish(_ result: Result<any ByteStream, ConnectError>) {
        guard let completion else { return }
        self.completion = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        if let (descriptor, watch, _) = current {
            current = nil
            loop.unwatch(watch)
            _ = close(descriptor)
        }
        completion(result)
    }
}
