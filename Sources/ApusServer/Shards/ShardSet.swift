import EventLoops
import InferenceService
import Logging
import RPCTransport
import Routing
import TLS
import Vocabulary

/// Keeps a link to each of the shards of a server, wherever `ShardAddresses` finds them.
///
/// An address that appears is linked, one that is gone is let go, and calls that it has go on.
///
/// A shard that is gone from etcd only stays as long as it says that it takes calls. Why: it is its way to etcd that is
/// cut, of all shards perhaps, while none of them is any worse for callers; one that ends says so itself, or is silent.
actor ShardSet {
    private struct Link {
        /// By which the shard was found.
        var origin: ServerConfiguration.ListenAddress
        let task: Task<Void, Never>
    }

    private let configuration: ServerConfiguration.Shards
    private let addresses: ShardAddresses
    private let directory: ShardDirectory
    private let loops: EventLoopGroup
    private let tls: TLSContextSource?
    private let clock: any MonotonicClock
    private let logger: Logger
    private var links: [ReplicaID: Link] = [:]
    /// Those that were let go, until the last of their calls has ended.
    private var ending: [Int: Task<Void, Never>] = [:]
    private var endCount = 0
    /// Shards that etcd has no more, and that stay, so that it is said once.
    private var kept: Set<ReplicaID> = []
    /// Addresses of other machines that would have to be called in the clear, so that it is said once.
    private var refused: Set<ReplicaID> = []

    /// - Throws: `StartError` naming the certificate file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Shards, directory: ShardDirectory, loops: EventLoopGroup,
        clock: any MonotonicClock, logger: Logger, lookUp: @escaping ShardAddresses.LookUp = HostLookup.addresses
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
        addresses = try ShardAddresses(configuration, loops: loops, clock: clock, logger: logger, lookUp: lookUp)
    }

    /// Keeps the links until the task is cancelled, then ends them all.
    func run() async {
        let finding = Task { [addresses] in await addresses.run() }
        // Ends when the task is cancelled.
        for await _ in addresses.changes { follow(await addresses.places) }
        finding.cancel()
        await finding.value
        for link in links.values { link.task.cancel() }
        for link in links.values { await link.task.value }
        for task in ending.values { await task.value }
    }

    /// Links what is new, and lets go what is not there any more.
    private func follow(_ places: [ReplicaID: ServerConfiguration.ListenAddress]) {
        refused.formIntersection(places.keys)
        for (replica, origin) in places {
            if links[replica] != nil { links[replica]?.origin = origin } else { link(replica, of: origin) }
        }
        letGo(links.filter { places[$0.key] == nil })
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
            directory.remove(replica)
            end(link)
            logger.notice("shard gone", metadata: metadata)
        }
    }

    private func end(_ link: Link) {
        link.task.cancel()
        endCount += 1
        let number = endCount
        ending[number] = Task {
            await link.task.value
            ending[number] = nil
        }
    }

    private func link(_ replica: ReplicaID, of origin: ServerConfiguration.ListenAddress) {
        guard let place = ServerConfiguration.ListenAddress(replica.address) else {
            preconditionFailure("no address: \(replica)")
        }
        // Who can write to etcd, or answers for a name, must not be sent what callers ask.
        guard tls != nil || place.isLoopback else {
            if refused.insert(replica).inserted {
                logger.warning(
                    "shard is on another machine, and shards.plaintext calls none: it is left alone",
                    metadata: ["shard": "\(replica)", "address": "\(origin)"])
            }
            return
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
        ) { [addresses] in addresses.wake() }
        directory.add(replica, link.channel)
        links[replica] = Link(origin: origin, task: Task { await link.run() })
    }
}
