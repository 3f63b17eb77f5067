package import Configuration
import Engine
import Glibc
import Ledger
import RPCTransport
import TLS
import Tenancy
import Vocabulary

extension ServerConfiguration {
    /// Reads a configuration file; what is absent keeps its default.
    ///
    /// ```yaml
    /// listen: 127.0.0.1:8461
    /// plaintext: false             # true only on a loopback address
    /// tls:
    ///   certificate: server.pem
    ///   key: server.key
    ///   client_ca: ca.pem
    ///   crl: revoked.crl           # a file or a folder of revocation lists; none when absent
    ///   close_revoked: true        # a list that names a certificate ends its connections
    ///   look_every: 5s             # how often the files are looked at for changes
    /// http_listen: 127.0.0.1:8462  # /metrics, /healthz and /readyz, over HTTP; off for none
    /// metrics_file: apus.prom      # the metrics as text, written anew every second; none when absent
    /// event_loops: 1
    /// compute_threads: 2
    /// repositories: [/srv/models]
    /// models: [digits, karate]     # all models of the repositories when absent
    /// repository:
    ///   control: none              # serves what lies there at the start; poll looks again, explicit lets admins load
    ///   poll_every: 5s             # with poll; a change counts when two looks in a row find it
    /// memory:
    ///   limit: 8GiB                # of all models together, weights, caches and graphs; none when absent. Models that
    ///                              # were called longest ago go out of memory; the next call brings them back
    /// shared_memory: false         # true only on a loopback address: requests may name tensors in shared memory
    ///                              # that an admin has registered for the tenant that apus-region-tenant names
    /// limits:
    ///   connections: 1024
    ///   streams_per_connection: 256
    ///   message_size: 64MiB
    ///   held_per_connection: 128MiB
    /// compression:                 # of answers, for clients that accept it
    ///   format: off                # gzip or deflate
    ///   minimum_size: 1KiB         # shorter messages are sent as they are, as are those over 1 MiB
    /// connections:                 # how long they live, and how they are watched
    ///   max_idle: 5min             # without calls; for ever when absent
    ///   max_age: 1h                # give or take a tenth; for ever when absent
    ///   age_grace: 30s             # for the calls that are left then; for ever when absent
    ///   keepalive_time: 2h         # silence before a PING
    ///   keepalive_timeout: 20s     # and for its answer
    ///   ping_interval: 5min        # a client that pings more often is warned twice, then closed
    ///   ping_without_calls: false  # false: two hours while it has no call
    ///   handshake_timeout: 10s     # for TLS
    ///   preface_timeout: 5s        # and then for the first frames
    ///   half_open: 512             # a loop's connections in their handshake, beyond which the oldest go after 2 s;
    ///                              # half of limits.connections when absent
    ///   stall_timeout: 1min        # a client that takes no answers, or stops within a request, is ended
    /// drain: 30s
    /// log_level: info
    /// access_log: failures         # all writes a line for every call that has ended; off for none
    /// tenancy: {…}                 # see TenantTable; read anew when the file changes
    /// shards:                      # other servers, whose models are called through this one
    ///   addresses: [10.0.0.5:8461, text.internal:8461]   # every address of a host is a shard
    ///   certificate: role-router.pem                     # of apus certs issue --role router
    ///   key: role-router.key
    ///   ca: ca.pem
    ///   plaintext: false                                 # true on loopback addresses, without certificates
    ///   server_name: shard.internal                      # in the shards' certificates; their host's when absent
    ///   look_up_every: 5s                                # of hosts
    ///   affinity:                                        # off, or which shard prompts prefer that begin alike:
    ///     prefix: 128                                    # in so many bytes,
    ///     lead: 4                                        # as long as it is no more requests busier than another
    ///   etcd:                                            # shards that register themselves, beside addresses or alone
    ///     endpoints: [10.0.0.2:2379, 10.0.0.3:2379]      # of the servers of one etcd
    ///     prefix: /apus/shards/                          # of the shards' keys
    ///     certificate: etcd.pem                          # as etcd wants it of its clients
    ///     key: etcd.key
    ///     ca: etcd-ca.pem
    ///     plaintext: false                               # true on loopback addresses, without certificates
    ///     server_name: etcd.internal                     # in etcd's certificates; the endpoint's host when absent
    ///     user: front                                    # where etcd asks for one; none when absent
    ///     password_file: etcd.password                   # what is in it, or in APUS_ETCD_PASSWORD when absent; read
    ///                                                    # anew whenever etcd wants to hear it
    /// etcd:                        # registers this server as a shard: the keys above, and
    ///   endpoints: [10.0.0.2:2379]
    ///   advertise: 10.0.0.5:8461   # where front ends reach it; listen when absent
    ///   lease: 5s                  # after a crash it is there so long
    /// tracing:                     # spans of calls, as OpenTelemetry has them; none when absent
    ///   sample: 0.01               # of the calls whose caller sends no traceparent, which decides otherwise
    ///   caller_limit: 100          # calls a second of each tenant that are recorded because its traceparent says so
    ///   file: spans.jsonl          # appends OTLP as JSON, a line for each batch; and, or
    ///   otlp:                      # sends them to a collector, by gRPC
    ///     endpoint: collector.internal:4317
    ///     ca: ca.pem
    ///     certificate: role-router.pem # and key, where the collector wants to know who sends
    ///     key: role-router.key
    ///     plaintext: false         # true on a loopback address, without certificates
    ///     server_name: otel.internal   # in the collector's certificate; its host's when absent
    ///     compression: off         # gzip or deflate
    ///   service_name: apus         # who made them
    /// tei:                         # tei.v1, whose requests name no model
    ///   model: minilm              # the server's one encoder when absent; metadata apus-model of a call goes first
    /// ledger:                      # what tenants have used, by hour and model; none when absent
    ///   path: usage.sqlite         # kill -9 loses nothing: see the file beside it, usage.sqlite.journal
    ///   write_every: 1s
    /// # or, in a database that several servers share:
    /// ledger:
    ///   postgres: host=db.internal dbname=apus user=apus   # or postgres://…, as libpq reads it, PGPASSWORD too
    ///   journal: usage.journal     # a file of this server alone; what the database does not have yet
    ///   write_every: 1s            # as often budgets hear of other servers, and give back what they do not need
    /// ```
    ///
    /// - Throws: `ConfigurationError` with file, line and key.
    package init(path: String) throws(ConfigurationError) {
        let map = try ConfigurationFile.read(path: path)
        try self.init(reading: map)
        self.path = path
        try Self.checkPaths(map)
    }

    /// Refuses names of files and folders that are not there.
    ///
    /// Why here, where nothing opens them: only who reads the file knows where in it the name stands.
    private static func checkPaths(_ map: ConfigurationMap) throws(ConfigurationError) {
        for path in try map.strings("repositories") ?? [] where access(path, F_OK) != 0 {
            throw map.error(at: "repositories", "no such folder: \(path)")
        }
        let client = ["certificate", "key", "ca", "password_file"]
        for (section, keys) in [
            (try map.map("tls"), ["certificate", "key", "client_ca", "crl"]), (try map.map("shards"), client),
            (try map.map("shards")?.map("etcd"), client), (try map.map("etcd"), client),
            (try map.map("tracing")?.map("otlp"), client),
        ] {
            guard let section else { continue }
            for key in keys {
                guard let path = try section.string(key), access(path, F_OK) != 0 else { continue }
                throw section.error(at: key, "no such file: \(path)")
            }
        }
    }

    /// Reads the root of a configuration file and refuses unknown keys.
    package init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init()
        if let text = try map.string("listen") { address = try Self.address(text, at: "listen", in: map) }
        if let text = try map.string("http_listen") {
            probes = text == "off" ? .off : .on(try Self.address(text, at: "http_listen", in: map))
        }
        isPlaintext = try map.bool("plaintext") ?? isPlaintext
        metricsFile = try map.string("metrics_file")
        if let tls = try map.map("tls") { try readCertificates(tls) }
        eventLoopCount = try map.integer("event_loops", in: 1...256) ?? eventLoopCount
        computeThreadCount = try map.integer("compute_threads", in: 1...1024)
        repositories = try map.strings("repositories") ?? repositories
        models = try map.strings("models")
        if let repository = try map.map("repository") {
            repositoryControl = try repository.choice("control", of: LiveRepository.Control.self) ?? repositoryControl
            if let nanoseconds = try repository.nanoseconds("poll_every", in: 10_000_000...3_600_000_000_000) {
                repositoryPollNanoseconds = UInt64(nanoseconds)
            }
        }
        if let memory = try map.map("memory") {
            modelByteCountMax = try memory.byteCount("limit", in: (1 << 20)...(1 << 50))
        }
        allowsSharedMemory = try map.bool("shared_memory") ?? allowsSharedMemory
        if let limits = try map.map("limits") { try self.limits.read(limits) }
        if let compression = try map.map("compression") { try self.compression.read(compression) }
        if let connections = try map.map("connections") { try self.connections.read(connections) }
        if let nanoseconds = try map.nanoseconds("drain", in: 0...3_600_000_000_000) {
            drainNanoseconds = UInt64(nanoseconds)
        }
        logLevel = try map.choice("log_level", of: LogLevel.self) ?? logLevel
        accessLog = try map.choice("access_log", of: AccessLog.self) ?? accessLog
        if let tenancy = try map.map("tenancy") { tenants = try TenantTable(reading: tenancy) }
        if let section = try map.map("shards") { shards = try Shards(reading: section, isPlaintext: isPlaintext) }
        if let section = try map.map("etcd") { registration = try Registration(reading: section, listening: address) }
        if let section = try map.map("tracing") { tracing = try Tracing(reading: section) }
        if let section = try map.map("tei") { teiModel = try Self.modelName("model", in: section) }
        if let section = try map.map("ledger") {
            var ledger = LedgerFile(try Self.ledgerStore(section))
            if let nanoseconds = try section.nanoseconds("write_every", in: 10_000_000...3_600_000_000_000) {
                ledger.writeNanoseconds = UInt64(nanoseconds)
            }
            self.ledger = ledger
        }
        try map.finish()
        try checkFloors(map)
        if allowsSharedMemory, !address.isLoopback {
            throw map.error(at: "shared_memory", "only on a loopback address, not \(address.host)")
        }
        if isPlaintext, !address.isLoopback {
            throw map.error(at: "plaintext", "only a loopback address is served without TLS, not \(address.host)")
        }
    }

    private static func ledgerStore(_ map: ConfigurationMap) throws(ConfigurationError) -> LedgerFile.Store {
        guard let parameters = try map.string("postgres") else {
            return .sqlite(path: try map.requiredString("path"))
        }
        guard try map.string("path") == nil else {
            throw map.error(at: "path", "is the file of SQLite; beside postgres the file is called journal")
        }
        do {
            return .postgres(try PostgresLocation(parameters), journal: try map.requiredString("journal"))
        } catch let error as LedgerError {
            throw map.error(at: "postgres", error.problem)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            preconditionFailure("unexpected \(error)")
        }
    }

    private static func modelName(
        _ key: String, in map: ConfigurationMap
    ) throws(ConfigurationError) -> ModelName {
        let text = try map.requiredString(key)
        guard let name = ModelName(text) else { throw map.error(at: key, "\"\(text)\" is no name of a model") }
        return name
    }

    /// Refuses floors of memory that cannot all be kept.
    private func checkFloors(_ map: ConfigurationMap) throws(ConfigurationError) {
        let floors = tenants.policies.values.compactMap(\.residentByteCount)
        guard !floors.isEmpty else { return }
        guard let modelByteCountMax else {
            throw map.error(at: "tenancy", "resident_memory means nothing without memory.limit")
        }
        let sum = floors.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        guard sum <= modelByteCountMax else {
            throw map.error(
                at: "tenancy", "the tenants' resident_memory is \(sum) bytes in all, more than memory.limit allows")
        }
    }

    /// Reads `HOST:PORT` or `[IPV6]:PORT`.
    static func address(
        _ text: String, at key: String, in map: ConfigurationMap
    ) throws(ConfigurationError) -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw map.error(at: key, "expected HOST:PORT, such as 127.0.0.1:8461 or [::1]:8461, got \"\(text)\"")
        }
        return address
    }
}

extension ServerConfiguration.ListenAddress {
    /// Nil unless `text` is `HOST:PORT` or `[IPV6]:PORT` with a port in 0...65535.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }
}

extension ServerConfiguration {
    fileprivate mutating func readCertificates(_ map: ConfigurationMap) throws(ConfigurationError) {
        certificates = ServerCredentialFiles(
            certificatePath: try map.requiredString("certificate"), keyPath: try map.requiredString("key"),
            clientAuthoritiesPath: try map.requiredString("client_ca"), revocationPath: try map.string("crl"))
        closesRevoked = try map.bool("close_revoked") ?? closesRevoked
        if let nanoseconds = try map.nanoseconds("look_every", in: 100_000_000...3_600_000_000_000) {
            certificateLookNanoseconds = UInt64(nanoseconds)
        }
    }
}

extension ServerConfiguration.ConnectionLimits {
    fileprivate mutating func read(_ map: ConfigurationMap) throws(ConfigurationError) {
        connectionCountMax = try map.integer("connections", in: 1...1_000_000) ?? connectionCountMax
        streamCountMax = try map.integer("streams_per_connection", in: 1...100_000) ?? streamCountMax
        heldByteCountMax = try map.byteCount("held_per_connection", in: 1024...(1 << 36)) ?? heldByteCountMax
        messageByteCountMax = try map.byteCount("message_size", in: 1024...(1 << 30)) ?? messageByteCountMax
    }
}

extension ServerConfiguration.Compression {
    fileprivate mutating func read(_ map: ConfigurationMap) throws(ConfigurationError) {
        format = try map.choice("format", of: Format.self) ?? format
        messageByteCountMin = try map.byteCount("minimum_size", in: 0...(1 << 30)) ?? messageByteCountMin
    }
}

extension ServerConnectionPolicy {
    /// A day: nothing that is watched for waits longer.
    private static let durationNanosecondsMax = 86_400_000_000_000

    fileprivate mutating func read(_ map: ConfigurationMap) throws(ConfigurationError) {
        func duration(_ key: String, atLeast minimum: Int = 1_000_000_000) throws(ConfigurationError) -> UInt64? {
            try map.nanoseconds(key, in: minimum...Self.durationNanosecondsMax).map(UInt64.init)
        }
        maxIdleNanoseconds = try duration("max_idle")
        maxAgeNanoseconds = try duration("max_age")
        ageGraceNanoseconds = try duration("age_grace", atLeast: 0)
        keepalive.timeNanoseconds = try duration("keepalive_time") ?? keepalive.timeNanoseconds
        keepalive.timeoutNanoseconds = try duration("keepalive_timeout") ?? keepalive.timeoutNanoseconds
        pings.intervalNanosecondsMin = try duration("ping_interval", atLeast: 0) ?? pings.intervalNanosecondsMin
        pings.permitsWithoutCalls = try map.bool("ping_without_calls") ?? pings.permitsWithoutCalls
        handshakeTimeoutNanoseconds = try duration("handshake_timeout") ?? handshakeTimeoutNanoseconds
        prefaceTimeoutNanoseconds = try duration("preface_timeout") ?? prefaceTimeoutNanoseconds
        halfOpenCountMax = try map.integer("half_open", in: 1...1_000_000) ?? halfOpenCountMax
        stallTimeoutNanoseconds = try duration("stall_timeout") ?? stallTimeoutNanoseconds
    }
}
