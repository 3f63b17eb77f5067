import Configuration
package import Discovery
import Routing
package import TLS

extension ServerConfiguration {
    /// Other servers, which this one calls as a router.
    package struct Shards: Sendable, Equatable {
        /// `HOST:PORT`; all addresses of a host are shards.
        package var addresses: [ListenAddress]
        /// Where shards register themselves, beside those; nil for nowhere.
        package var etcd: Etcd?
        /// The certificate with the role `router`, its key, and the authority of the shards; nil over plaintext.
        package var certificates: ClientCredentialFiles?
        /// The name that the shards' certificates have, if not that of their host; or their SPIFFE identity.
        package var serverName: String?
        /// How often the addresses of hosts are looked up.
        package var lookUpNanoseconds: UInt64 = 5_000_000_000
        /// Which shard prompts prefer that begin alike; nil for none.
        package var affinity: Affinity? = Affinity()

        package init(addresses: [ListenAddress]) { self.addresses = addresses }
    }

    /// What makes prompts that begin alike go to the same shard, whose cache has their beginning.
    package struct Affinity: Sendable, Equatable {
        /// How much of a prompt counts: those that are alike so far prefer the same shard.
        package var prefixByteCount = 128
        /// How many requests busier than the least busy shard the one that is preferred may be.
        package var lead = ReplicaTable.affinityLeadDefault
    }

    /// An etcd, and where in it the shards are.
    package struct Etcd: Sendable, Equatable {
        /// `HOST:PORT` of its servers, at least one.
        package var endpoints: [ListenAddress]
        /// What the keys of shards begin with.
        package var prefix = KeyPrefix("/apus/shards/")
        /// Nil over plaintext.
        package var certificates: ClientCredentialFiles?
        /// The name that its certificates have, if not that of their host.
        package var serverName: String?
        /// Who calls it; nil when it does not ask, or takes the name in the certificate for it.
        package var user: EtcdUserSource?

        package init(endpoints: [ListenAddress]) { self.endpoints = endpoints }
    }

    /// A user of an etcd, and where the password is.
    package struct EtcdUserSource: Sendable, Equatable {
        package var name: String
        /// A file with nothing but the password; nil for `APUS_ETCD_PASSWORD` in the environment.
        package var passwordPath: String?
    }

    /// Where this server registers as a shard.
    package struct Registration: Sendable, Equatable {
        package var etcd: Etcd
        /// Where front ends reach it; the listener's address when nil.
        package var advertised: ListenAddress?
        /// How long it stays registered after it has died.
        package var leaseSeconds = 5

        package init(etcd: Etcd) { self.etcd = etcd }
    }
}

extension ServerConfiguration.Shards {
    init(reading map: ConfigurationMap, isPlaintext: Bool) throws(ConfigurationError) {
        self.init(addresses: try ServerConfiguration.addresses("addresses", in: map))
        if let section = try map.map("etcd") { etcd = try ServerConfiguration.Etcd(reading: section) }
        guard !addresses.isEmpty || etcd != nil else { throw map.error(at: "addresses", "is required, or etcd") }
        serverName = try map.string("server_name")
        if let nanoseconds = try map.nanoseconds("look_up_every", in: 100_000_000...3_600_000_000_000) {
            lookUpNanoseconds = UInt64(nanoseconds)
        }
        affinity = try ServerConfiguration.affinity(in: map)
        if try map.bool("plaintext") ?? false {
            guard isPlaintext, addresses.allSatisfy(\.isLoopback) else {
                throw map.error(at: "plaintext", "only loopback addresses are called without TLS, by a server without")
            }
        } else {
            certificates = try ServerConfiguration.clientFiles(map)
        }
    }
}

extension ServerConfiguration.Etcd {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        let endpoints = try ServerConfiguration.addresses("endpoints", in: map)
        guard !endpoints.isEmpty else { throw map.error(at: "endpoints", "is required") }
        self.init(endpoints: endpoints)
        if let text = try map.string("prefix") {
            guard !text.isEmpty else { throw map.error(at: "prefix", "may not be empty: that would be every key") }
            prefix = KeyPrefix(text)
        }
        user = try ServerConfiguration.EtcdUserSource(reading: map)
        serverName = try map.string("server_name")
        if try map.bool("plaintext") ?? false {
            guard endpoints.allSatisfy(\.isLoopback) else {
                throw map.error(at: "plaintext", "only loopback addresses are called without TLS")
            }
        } else {
            certificates = try ServerConfiguration.clientFiles(map)
        }
    }
}

extension ServerConfiguration.EtcdUserSource {
    /// Reads `user` and `password_file`; nil when there are none.
    ///
    /// Why the password is no key itself: configurations are shown around, logged and committed.
    fileprivate init?(reading map: ConfigurationMap) throws(ConfigurationError) {
        let path = try map.string("password_file")
        guard let name = try map.string("user") else {
            guard path == nil else { throw map.error(at: "user", "is required with password_file") }
            return nil
        }
        guard !name.isEmpty else { throw map.error(at: "user", "may not be empty") }
        guard path != nil || Self.environmentPassword != nil else {
            throw map.error(at: "password_file", "is required with user, or APUS_ETCD_PASSWORD in the environment")
        }
        self.init(name: name, passwordPath: path)
    }
}

extension ServerConfiguration.Registration {
    /// Reads the section `etcd` of a server that listens at `listening`.
    init(
        reading map: ConfigurationMap, listening: ServerConfiguration.ListenAddress
    ) throws(ConfigurationError) {
        self.init(etcd: try ServerConfiguration.Etcd(reading: map))
        if let text = try map.string("advertise") {
            let address = try ServerConfiguration.address(text, at: "advertise", in: map)
            guard address.port > 0, !address.isWildcard else {
                throw map.error(at: "advertise", "expected where front ends reach this server, got \"\(text)\"")
            }
            advertised = address
        } else if listening.isWildcard {
            throw map.error(at: "advertise", "is required where the server listens on every address")
        }
        if let nanoseconds = try map.nanoseconds("lease", in: 2_000_000_000...3_600_000_000_000) {
            leaseSeconds = (nanoseconds + 999_999_999) / 1_000_000_000
        }
    }
}

extension ServerConfiguration {
    /// `affinity: off`, or its settings; the defaults when it is absent.
    fileprivate static func affinity(in map: ConfigurationMap) throws(ConfigurationError) -> Affinity? {
        var affinity = Affinity()
        if map.kind(of: "affinity") == .text {
            let text = try map.requiredString("affinity")
            guard text == "off" else {
                throw map.error(at: "affinity", "expected off, or keys and values, got \"\(text)\"")
            }
            return nil
        }
        guard let section = try map.map("affinity") else { return affinity }
        affinity.prefixByteCount =
            try section.byteCount("prefix", in: 16...65_536) ?? affinity.prefixByteCount
        affinity.lead = try section.double("lead", in: 0...1000) ?? affinity.lead
        return affinity
    }

    /// Different addresses in the list under `key`; empty when it is absent.
    fileprivate static func addresses(
        _ key: String, in map: ConfigurationMap
    ) throws(ConfigurationError) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        for text in try map.strings(key) ?? [] {
            let address = try address(text, at: key, in: map)
            guard !addresses.contains(address) else { throw map.error(at: key, "\(text) stands there twice") }
            addresses.append(address)
        }
        return addresses
    }

    fileprivate static func clientFiles(_ map: ConfigurationMap) throws(ConfigurationError) -> ClientCredentialFiles {
        ClientCredentialFiles(
            serverAuthoritiesPath: try map.requiredString("ca"),
            certificatePath: try map.requiredString("certificate"), keyPath: try map.requiredString("key"))
    }
}

extension ServerConfiguration.ListenAddress {
    /// Whether it stands for every address of the machine, so that nobody can connect to it.
    fileprivate var isWildcard: Bool { ["0.0.0.0", "::", "0", "*"].contains(host) }
}
