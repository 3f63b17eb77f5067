import CLinux
import EventLoops
import Glibc
import RPC

/// Resolves names on threads of their own, and connects sockets.
struct SocketConnector: Connector {
    /// getaddrinfo(3) waits for servers; it gets a thread for this one name, so that no loop waits.
    func resolve(
        host: String, port: UInt16, on loop: EventLoop,
        completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void
    ) {
        let resolution = Resolution(completion)
        let job = ResolverJob {
            let result: Result<[ServerAddress], ConnectError>
            do throws(AddressError) {
                let addresses = try SocketAddress.resolve(host: host, port: port, isNumeric: false)
                result = .success(addresses.map { ServerAddress(host: $0.host, port: $0.port) })
            } catch {
                result = .failure(ConnectError(description: error.description))
            }
            loop.submit { resolution.completion(result) }
        }
        if !job.start() { completion(.failure(ConnectError(description: "no thread to resolve \(host)"))) }
    }

    func connect(
        to address: ServerAddress, on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) -> ConnectCancellation {
        let attempt = ConnectAttempt(address, loop: loop, completion: completion)
        attempt.start(timeoutNanoseconds: timeoutNanoseconds)
        return { attempt.cancel() }
    }
}

/// Carries a completion past the resolver's thread and back to its loop.
private final class Resolution: @unchecked Sendable {
    // @unchecked: called on the loop that made it, and nowhere else.
    let completion: (Result<[ServerAddress], ConnectError>) -> Void

    init(_ completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void) { self.completion = completion }
}

/// Work for a detached thread.
final class ResolverJob: Sendable {
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

/// One try of one address.
///
/// - Isolation: its loop.
private final class ConnectAttempt: ReadinessHandler {
    private let address: ServerAddress
    private let loop: EventLoop
    private var completion: ((Result<any ByteStream, ConnectError>) -> Void)?
    private var socket: (descriptor: Int32, watch: WatchID, peer: SocketAddress)?
    private var timer: TimerID?

    init(
        _ address: ServerAddress, loop: EventLoop,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) {
        self.address = address
        self.loop = loop
        self.completion = completion
    }

    func start(timeoutNanoseconds: UInt64) {
        let socketAddress: SocketAddress
        do throws(AddressError) {
            let list = try SocketAddress.resolve(host: address.host, port: address.port, isNumeric: true)
            guard let first = list.first else { return fail("no address") }
            socketAddress = first
        } catch {
            return fail(error.reason)
        }
        let descriptor = apus_stream_socket(socketAddress.family)
        guard descriptor >= 0 else { return fail(SystemErrorText.text(of: -descriptor)) }
        let result = socketAddress.withUnsafeAddress { Glibc.connect(descriptor, $0, $1) }
        let code = errno
        guard result == 0 || code == EINPROGRESS, let watch = try? loop.watch(descriptor, for: .writable, handler: self)
        else {
            _ = close(descriptor)
            return fail(SystemErrorText.text(of: code))
        }
        socket = (descriptor, watch, socketAddress)
        timer = loop.schedule(afterNanoseconds: timeoutNanoseconds) {
            self.timer = nil
            self.dropSocket()
            self.fail("no connection in time")
        }
    }

    func descriptorIsReady(_ readiness: Readiness) {
        guard let (descriptor, watch, peer) = socket else { return }
        socket = nil
        loop.unwatch(watch)
        let code = apus_socket_error(descriptor)
        guard code == 0 else {
            _ = close(descriptor)
            return fail(SystemErrorText.text(of: code))
        }
        finish(.success(SocketStream(descriptor: descriptor, peer: peer, loop: loop)))
    }

    func cancel() {
        completion = nil
        stopTimer()
        dropSocket()
    }

    private func fail(_ reason: String) {
        finish(.failure(ConnectError(description: "\(address): \(reason)")))
    }

    private func finish(_ result: Result<any ByteStream, ConnectError>) {
        stopTimer()
        let completion = self.completion
        self.completion = nil
        completion?(result)
    }

    private func dropSocket() {
        guard let (descriptor, watch, _) = socket else { return }
        socket = nil
        loop.unwatch(watch)
        _ = close(descriptor)
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }
}
