import RPCTransport
import Routing

/// Where shards are, by what their names stood for when somebody last knew.
///
/// A value without clock or I/O.
struct AddressBook {
    /// By which shards are found: the addresses of the configuration, and those in etcd.
    private(set) var origins: Set<ServerConfiguration.ListenAddress> = []
    private let configured: Set<ServerConfiguration.ListenAddress>
    private var numbersByHost: [String: [String]] = [:]

    /// A book with the addresses of the configuration.
    init(configured: [ServerConfiguration.ListenAddress]) {
        self.configured = Set(configured)
        origins = self.configured
    }

    /// Takes the addresses that others have told of, beside the configured ones; what hosts stand for is forgotten
    /// with the last address that names them.
    mutating func set(told: some Sequence<ServerConfiguration.ListenAddress>) {
        origins = configured.union(told)
        let hosts = Set(origins.map(\.host))
        numbersByHost = numbersByHost.filter { hosts.contains($0.key) }
    }

    /// The hosts that have to be looked up; all others are numbers.
    var names: Set<String> { Set(origins.map(\.host).filter { !ServerAddress.isNumeric($0) }) }

    /// Whether a host that has to be looked up never was with success.
    func lacks(_ host: String) -> Bool { numbersByHost[host] == nil }

    /// A host stands for these numbers; of one that nobody asked for nothing is kept.
    mutating func note(_ host: String, standsFor numbers: [String]) {
        if names.contains(host) { numbersByHost[host] = numbers }
    }

    /// Whether an address is one of the configuration.
    func isConfigured(_ origin: ServerConfiguration.ListenAddress) -> Bool { configured.contains(origin) }

    /// The shards, each with the address by which it was found; the configuration's where there are several.
    ///
    /// What a host stood for holds until something else is known: a resolver that fails says nothing about it.
    var places: [ReplicaID: ServerConfiguration.ListenAddress] {
        var places: [ReplicaID: ServerConfiguration.ListenAddress] = [:]
        for origin in origins {
            let numbers = ServerAddress.isNumeric(origin.host) ? [origin.host] : numbersByHost[origin.host] ?? []
            for number in numbers {
                let place = ServerConfiguration.ListenAddress(host: number, port: origin.port)
                let replica = ReplicaID(place.description)
                if places[replica] == nil || isConfigured(origin) { places[replica] = origin }
            }
        }
        return places
    }
}
