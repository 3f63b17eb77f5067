import Discovery
import EventLoops
import Logging
import RPCTransport
import Routing
import Vocabulary

/// Finds the addresses of shards: those of the configuration, those that have registered in etcd, and what the names
/// among them stand for.
///
/// Names are looked up again and again, each by itself: a resolver may take half a minute for one that is nobody's, and
/// all others are found meanwhile.
actor ShardAddresses {
    /// Gives the numbers that a host stands for; nil when nobody knows.
    typealias LookUp = @Sendable (_ host: String) async -> [String]?

    private let intervalNanoseconds: UInt64
    private let lookUp: LookUp
    private let logger: Logger
    private let etcd: EtcdClient?
    private let members: MemberWatch?
    private var book: AddressBook
    /// Hosts whose lookup is under way.
    private var underWay: Set<String> = []
    /// Hosts whose last lookup failed, so that it is said once.
    private var unknownHosts: Set<String> = []
    /// Names in etcd that are no addresses, so that it is said once.
    private var unusableNames: Set<String> = []
    /// That etcd has something new.
    private let news: AsyncStream<Void>
    /// That `places` may be others.
    nonisolated let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    /// - Throws: `StartError` naming the certificate file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Shards, loops: EventLoopGroup, clock: any MonotonicClock, logger: Logger,
        lookUp: @escaping LookUp = HostLookup.addresses
    ) throws(StartError) {
        intervalNanoseconds = configuration.lookUpNanoseconds
        self.lookUp = lookUp
        self.logger = logger
        book = AddressBook(configured: configuration.addresses)
        let (news, tell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.news = news
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        etcd = try configuration.etcd.map { etcd throws(StartError) in
            try EtcdClient(etcd, section: "shards.etcd", loops: loops, clock: clock)
        }
        guard let etcd, let prefix = configuration.etcd?.prefix else {
            members = nil
            return
        }
        members = MemberWatch(client: etcd, prefix: prefix, clock: clock) { event in
            switch event {
            case .changed: tell.yield()
            case .connected: logger.notice("etcd tells which shards there are", metadata: ["prefix": "\(prefix)"])
            case .lost(let reason):
                logger.warning(
                    "etcd does not tell which shards there are; those known stay", metadata: ["detail": "\(reason)"])
            }
        }
    }

    /// The shards, each with the address by which it was found.
    var places: [ReplicaID: ServerConfiguration.ListenAddress] { book.places }

    /// Lets `changes` say that it is worth a look, whatever the reason.
    nonisolated func wake() { change.yield() }

    /// Keeps the addresses up to date until the task is cancelled; lookups that are under way then are nobody's.
    func run() async {
        let beside = [
            Task { [members] in await members?.run() },
            Task { [intervalNanoseconds] in
                while !Task.isCancelled {
                    refresh(isTime: true)
                    try? await Task.sleep(nanoseconds: intervalNanoseconds)
                }
            },
        ]
        // Ends when the task is cancelled.
        for await _ in news { refresh(isTime: false) }
        for task in beside { task.cancel() }
        for task in beside { await task.value }
        await etcd?.close()
    }

    /// Takes what etcd has now, and looks up the names that are new, or all when it is time for that.
    private func refresh(isTime: Bool) {
        let names = members?.names ?? []
        let addresses = names.map { (name: $0, address: ServerConfiguration.ListenAddress($0)) }
        let unusable = Set(addresses.filter { $0.address == nil }.map(\.name))
        for name in unusable.subtracting(unusableNames) {
            logger.warning(
                "shard's key in etcd is no HOST:PORT",
                metadata: ["name": "\(name.shown(byteCountMax: 255))"])
        }
        unusableNames = unusable
        book.set(told: addresses.compactMap(\.address))
        unknownHosts.formIntersection(book.names)
        change.yield()
        for host in book.names where isTime || book.lacks(host) {
            guard underWay.insert(host).inserted else { continue }
            Task { [weak self, lookUp] in
                let numbers = await lookUp(host)
                await self?.note(host, numbers)
            }
        }
    }

    private func note(_ host: String, _ numbers: [String]?) {
        underWay.remove(host)
        guard let numbers else {
            if book.names.contains(host), unknownHosts.insert(host).inserted {
                logger.warning("shard's host not found", metadata: ["host": "\(host)"])
            }
            return
        }
        unknownHosts.remove(host)
        book.note(host, standsFor: numbers)
        change.yield()
    }
}
