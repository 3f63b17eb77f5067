import EventLoops
import InferenceService
import Logging
import RPCTransport
import Routing
import TLS
import Vocabulary

/// The shards of a server: finds their addresses, and keeps a link to each.
///
/// Hosts are looked up again and again; an address that appears is linked, one that is gone is let go, and calls that
/// it has go on.
actor ShardSet {
    private let configuration: ServerConfiguration.Shards
    private let directory: ShardDirectory
    private let loops: EventLoopGroup
    private let tls: TLSContextSource?
    private let logger: Logger
    private var links: [ReplicaID: Task<Void, Never>] = [:]
    /// Hosts whose last lookup failed, so that it is said once.
    private var unknownHosts: Set<String> = []

    /// - Throws: `StartError` naming the certificate file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Shards, directory: ShardDirectory, loops: EventLoopGroup, logger: Logger
    ) throws(StartError) {
        self.configuration = configuration
        self.directory = directory
        self.loops = loops
        self.logger = logger
        do throws(TLSError) {
            tls = try configuration.certificates.map { files throws(TLSError) in try TLSContextSource(following: files)
            }
        } catch {
            throw StartError(["shards: \(error)"])
        }
    }

    /// Looks the hosts up until the task is cancelled, then ends all links.
    func run() async {
        while !Task.isCancelled {
            await lookUp()
            try? await Task.sleep(nanoseconds: configuration.lookUpNanoseconds)
        }
        for link in links.values { link.cancel() }
        for link in links.values { await link.value }
    }

    private func lookUp() async {
        var found: [ReplicaID: ServerConfiguration.ListenAddress] = [:]
        var failedHosts: Set<String> = []
        for address in configuration.addresses {
            guard let numbers = await HostLookup.addresses(of: address.host) else {
                failedHosts.insert(address.host)
                continue
            }
            for number in numbers {
                let place = ServerConfiguration.ListenAddress(host: number, port: address.port)
                found[ReplicaID(place.description)] = address
            }
        }
        for host in failedHosts.subtracting(unknownHosts) {
            logger.warning("shard's host not found", metadata: ["host": "\(host)"])
        }
        unknownHosts = failedHosts
        for (replica, address) in found where links[replica] == nil { link(replica, of: address) }
        // A resolver that fails says nothing about those that it found before.
        guard failedHosts.isEmpty else { return }
        for replica in links.keys where found[replica] == nil {
            links.removeValue(forKey: replica)?.cancel()
            directory.remove(replica)
            logger.notice("shard gone from its host's addresses", metadata: ["shard": "\(replica)"])
        }
    }

    private func link(_ replica: ReplicaID, of address: ServerConfiguration.ListenAddress) {
        guard let place = ServerConfiguration.ListenAddress(replica.address) else {
            preconditionFailure("no address: \(replica)")
        }
        var channel = RPCChannelConfiguration(host: place.host, port: UInt16(clamping: place.port))
        channel.tlsSource = tls
        channel.serverName = configuration.serverName ?? address.host
        channel.connectionCount = loops.loops.count
        channel.prefersCurrentLoop = true
        // Many clients are behind one router: it may need more streams than a shard gives one connection.
        channel.connectionCountPerAddressMax = 8
        channel.backoff.maxNanoseconds = 1_000_000_000
        channel.backoff.initialNanoseconds = 200_000_000
        channel.keepalive.timeNanoseconds = 10_000_000_000
        channel.keepalive.timeoutNanoseconds = 5_000_000_000
        let link = ShardLink(
            replica: replica, channel: RPCChannel(configuration: channel, loops: loops), directory: directory,
            logger: logger)
        directory.add(replica, link.channel)
        links[replica] = Task { await link.run() }
    }
}
