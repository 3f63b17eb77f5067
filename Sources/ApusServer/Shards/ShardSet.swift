import Discovery
import EventLoops
import InferenceService
import Logging
import RPCTransport
import Routing
import TLS
import Vocabulary

/// The shards of a server: finds their addresses, and keeps a link to each.
///
/// Addresses are those of the configuration and those that have registered in etcd. Hosts are looked up again and
/// again; an address that appears is linked, one that is gone is let go, and calls that it has go on.
///
/// A shard that is gone from etcd only stays as long as it says that it takes calls. Why: it is its way to etcd that is
/// cut, of all shards perhaps, while none of them is any worse for callers; one that ends says so itself, or is silent.
actor ShardSet {
    private struct Link {
        /// By which the shard was found.
        let origin: ServerConfiguration.ListenAddress
        let task: Task<Void, Never>
    }

    private let configuration: ServerConfiguration.Shards
    private let directory: ShardDirectory
    private let loops: EventLoopGroup
    private let tls: TLSContextSource?
    private let clock: any MonotonicClock
    private let logger: Logger
    private let etcd: EtcdClient?
    private let members: MemberWatch?
    /// When to look again.
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private var links: [ReplicaID: Link] = [:]
    /// Hosts whose last lookup failed, so that it is said once.
    private var unknownHosts: Set<String> = []
    /// Shards that etcd has no more, and that stay, so that it is said once.
    private var kept: Set<ReplicaID> = []
    /// Names in etcd that are no addresses, so that it is said once.
    private var unusableNames: Set<String> = []

    /// - Throws: `StartError` naming the certificate file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Shards, directory: ShardDirectory, loops: EventLoopGroup,
        clock: any MonotonicClock, logger: Logger
    ) throws(StartError) {
        self.configuration = configuration
        self.directory = directory
        self.loops = loops
        self.clock = clock
        self.logger = logger
        do throws(TLSError) {
            tls = try configuration.certificates.map { files throws(TLSError) in try TLSContextSource(following: files)
            }
        } catch {
            throw StartError(["shards: \(error)"])
        }
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wakes = wakes
        self.wake = wake
        etcd = try configuration.etcd.map { etcd throws(StartError) in
            try EtcdClient(etcd, section: "shards.etcd", loops: loops, clock: clock)
        }
        guard let etcd, let prefix = configuration.etcd?.prefix else {
            members = nil
            return
        }
        members = MemberWatch(client: etcd, prefix: prefix, clock: clock) { event in
            switch event {
            case .changed: wake.yield()
            case .connected: logger.notice("etcd tells which shards there are", metadata: ["prefix": "\(prefix)"])
            case .lost(let reason):
                logger.warning(
                    "etcd does not tell which shards there are; those known stay", metadata: ["detail": "\(reason)"])
            }
        }
    }

    /// Keeps the links until the task is cancelled, then ends them all.
    func run() async {
        let interval = configuration.lookUpNanoseconds
        let beside = [
            Task { [members] in await members?.run() },
            Task { [wake] in
                while !Task.isCancelled {
                    wake.yield()
                    try? await Task.sleep(nanoseconds: interval)
                }
            },
        ]
        // Ends when the task is cancelled.
        for await _ in wakes { await lookUp() }
        for task in beside { task.cancel() }
        for task in beside { await task.value }
        for link in links.values { link.task.cancel() }
        for link in links.values { await link.task.value }
        await etcd?.close()
    }

    /// The configured addresses, and those in etcd; numbers first, since names may take their time.
    private var origins: [ServerConfiguration.ListenAddress] {
        let names = members?.names ?? []
        let usable = names.compactMap { ServerConfiguration.ListenAddress($0) }
        let unusable = names.filter { ServerConfiguration.ListenAddress($0) == nil }
        for name in unusable.subtracting(unusableNames) {
            logger.warning(
                "shard's key in etcd is no HOST:PORT", metadata: ["name": "\(name.shown(byteCountMax: 255))"])
        }
        unusableNames = unusable
        let all = Set(configuration.addresses).union(usable)
        return all.filter { ServerAddress.isNumeric($0.host) } + all.filter { !ServerAddress.isNumeric($0.host) }
    }

    private func lookUp() async {
        let origins = origins
        var found: Set<ReplicaID> = []
        var failed: Set<ServerConfiguration.ListenAddress> = []
        for origin in origins {
            guard let numbers = await HostLookup.addresses(of: origin.host) else {
                failed.insert(origin)
                continue
            }
            for number in numbers {
                let place = ServerConfiguration.ListenAddress(host: number, port: origin.port)
                let replica = ReplicaID(place.description)
                if found.insert(replica).inserted, links[replica] == nil { link(replica, of: origin) }
            }
        }
        for host in Set(failed.map(\.host)).subtracting(unknownHosts) {
            logger.warning("shard's host not found", metadata: ["host": "\(host)"])
        }
        unknownHosts = Set(failed.map(\.host))
        // A resolver that fails says nothing about those that it found before.
        letGo(links.filter { !found.contains($0.key) && !failed.contains($0.value.origin) })
    }

    private func letGo(_ missing: [ReplicaID: Link]) {
        kept.formIntersection(missing.keys)
        for (replica, link) in missing {
            let metadata: Logger.Metadata = ["shard": "\(replica)", "address": "\(link.origin)"]
            if !configuration.addresses.contains(link.origin), directory.hears(replica) {
                if kept.insert(replica).inserted {
                    logger.warning("shard is not in etcd any more, but answers: it stays", metadata: metadata)
                }
                continue
            }
            links[replica] = nil
            kept.remove(replica)
            link.task.cancel()
            directory.remove(replica)
            logger.notice("shard gone", metadata: metadata)
        }
    }

    private func link(_ replica: ReplicaID, of origin: ServerConfiguration.ListenAddress) {
        guard let place = ServerConfiguration.ListenAddress(replica.address) else {
            preconditionFailure("no address: \(replica)")
        }
        var channel = RPCChannelConfiguration(host: place.host, port: UInt16(clamping: place.port))
        channel.tlsSource = tls
        channel.serverName = configuration.serverName ?? origin.host
        channel.connectionCount = loops.loops.count
        channel.prefersCurrentLoop = true
        // Many clients are behind one router: it may need more streams than a shard gives one connection.
        channel.connectionCountPerAddressMax = 8
        // Together with the time in which TCP tries again, about a second: so soon a shard is found that can be reached
        // again, however long it could not.
        channel.backoff.initialNanoseconds = 200_000_000
        channel.backoff.maxNanoseconds = 300_000_000
        channel.backoff.attemptTimeoutNanoseconds = 1_300_000_000
        channel.keepalive.timeNanoseconds = 10_000_000_000
        channel.keepalive.timeoutNanoseconds = 5_000_000_000
        let link = ShardLink(
            replica: replica, channel: RPCChannel(configuration: channel, loops: loops), configuration: channel,
            context: tls?.current, loops: loops, directory: directory, clock: clock, logger: logger
        ) { [wake] in wake.yield() }
        directory.add(replica, link.channel)
        links[replica] = Link(origin: origin, task: Task { await link.run() })
    }
}
