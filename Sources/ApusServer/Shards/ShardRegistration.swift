import Discovery
import EventLoops
import Logging
import Synchronization
import Vocabulary

/// Keeps this server registered as a shard, from when it serves until it drains.
///
/// - Isolation: any thread.
final class ShardRegistration: Sendable {
    private let configuration: ServerConfiguration.Registration
    private let client: EtcdClient
    private let logger: Logger
    private let running = Mutex<(registration: Registration, task: Task<Void, Never>)?>(nil)

    /// - Parameters:
    ///   - configuration: where to register.
    ///   - loops: of the server.
    ///   - clock: of deadlines.
    ///   - logger: gets what happens.
    /// - Throws: `StartError` naming the certificate file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Registration, loops: EventLoopGroup, clock: any MonotonicClock,
        logger: Logger
    ) throws(StartError) {
        self.configuration = configuration
        self.logger = logger
        client = try EtcdClient(configuration.etcd, section: "etcd", loops: loops, clock: clock)
    }

    /// Registers the server, which listens at `address`.
    func begin(_ address: String) {
        let name = configuration.advertised?.description ?? address
        let registration = Registration(
            client: client, prefix: configuration.etcd.prefix, name: name,
            leaseSeconds: Int64(configuration.leaseSeconds)
        ) { [logger] event in
            switch event {
            case .registered: logger.notice("registered in etcd", metadata: ["shard": "\(name)"])
            case .forgotten: logger.notice("etcd has forgotten this shard", metadata: ["shard": "\(name)"])
            case .failed(let reason):
                logger.warning(
                    "not registered in etcd; tries go on", metadata: ["shard": "\(name)", "detail": "\(reason)"])
            }
        }
        running.withLock { $0 = (registration, Task { await registration.run() }) }
    }

    /// Returns once the shard is registered no more, or etcd has not answered in a second from each of its servers.
    func end() async {
        if let (registration, task) = running.withLock({ $0.take() }) {
            task.cancel()
            await task.value
            await registration.leave()
        }
        await client.close()
    }
}
