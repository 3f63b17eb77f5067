package import Engine
package import Ledger
package import RPCTransport
package import TLS
package import Tenancy
package import Vocabulary

/// Everything `apus serve` can be told; each value has a default.
package struct ServerConfiguration: Sendable {
    /// The file that this was read from; nil for none.
    package var path: String?
    /// Where the gRPC listener is.
    package var address = ListenAddress(host: "127.0.0.1", port: 8461)
    /// Whether to serve without TLS; for loopback addresses only.
    package var isPlaintext = false
    /// The server's certificates; nil for `Certs/local`, made on first start.
    package var certificates: ServerCredentialFiles?
    /// How often the files of the certificates are looked at for changes.
    package var certificateLookNanoseconds: UInt64 = 5_000_000_000
    /// Whether a certificate that a new revocation list names loses the connections that it has, too.
    package var closesRevoked = true
    /// A file that is kept up to date with the metrics; nil for none.
    package var metricsFile: String?
    /// Where `/metrics`, `/healthz` and `/readyz` are answered over HTTP.
    package var probes = ProbeListener.ifFree(ListenAddress(host: "127.0.0.1", port: 8462))
    /// Threads that handle connections; at least 1.
    package var eventLoopCount = 1
    /// Threads that compute, at least 1; nil for one a core.
    package var computeThreadCount: Int?
    /// Folders of models; empty for the examples inside the package.
    package var repositories: [String] = []
    /// The models to serve, by name; nil for all in the repositories, or none to begin with where callers load them.
    package var models: [String]?
    /// Who decides what is served of the repositories.
    package var repositoryControl = LiveRepository.Control.none
    /// How often the repositories are looked at, where that is what decides.
    package var repositoryPollNanoseconds: UInt64 = 5_000_000_000
    /// Bytes that all models together may take, weights, caches and graphs; nil for no limit.
    package var modelByteCountMax: Int?
    /// Whether requests may take their tensors from shared memory; for loopback addresses only.
    package var allowsSharedMemory = false
    /// The most that the tensors of one request have there: as much as a message; nil where it is off.
    var sharedMemoryByteCountMax: Int? { allowsSharedMemory ? limits.messageByteCountMax : nil }
    package var limits = ConnectionLimits()
    /// Whether answers are compressed for clients that accept it; off by default, since tensors seldom shrink.
    package var compression = Compression()
    /// How long connections live, and how they are watched.
    package var connections = ServerConnectionPolicy()
    /// How long running calls may take to end after Ctrl-C or SIGTERM.
    package var drainNanoseconds: UInt64 = 30_000_000_000
    package var logLevel = LogLevel.info
    /// Which calls have a line in the log.
    package var accessLog = AccessLog.failures
    package var tenants = TenantTable()
    /// The other servers whose models are called through this one; nil for none.
    package var shards: Shards?
    /// Where this server says that it is there, for front ends to find it; nil for nowhere.
    package var registration: Registration?
    /// Which calls have spans, and where those go; nil for none.
    package var tracing: Tracing?
    /// The model of `tei.v1`, whose requests name none; nil for the only encoder there is.
    package var teiModel: ModelName?
    /// Where it is kept what tenants have used; nil for nowhere.
    package var ledger: LedgerFile?

    package init() {}

    /// An IP address or host name and a port; port 0 takes any free one.
    package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

        /// Whether only this machine can connect.
        package var isLoopback: Bool { host == "localhost" || ServerAddress.isLoopback(host) }
    }

    /// Whether there is a listener for probes.
    package enum ProbeListener: Sendable, Equatable {
        case off
        /// Nobody asked for it, so that a second server on the machine starts without.
        case ifFree(ListenAddress)
        case on(ListenAddress)

        package var address: ListenAddress? {
            switch self {
            case .off: nil
            case .ifFree(let address), .on(let address): address
            }
        }
    }

    /// What one peer may take.
    package struct ConnectionLimits: Sendable, Equatable {
        package var connectionCountMax = 1024
        package var streamCountMax = 256
        package var messageByteCountMax = 64 << 20
        /// Bytes of requests, and as many of answers, that the calls of one connection may keep in memory; at least
        /// twice `messageByteCountMax`.
        package var heldByteCountMax = 128 << 20
    }

    /// Where the ledger is.
    package struct LedgerFile: Sendable, Equatable {
        package var store: Store
        /// How often the journal is moved to the database.
        package var writeNanoseconds: UInt64 = 1_000_000_000

        package init(_ store: Store) { self.store = store }

        /// The database.
        package enum Store: Sendable, Equatable {
            /// A file; its journal lies beside it.
            case sqlite(path: String)
            /// One that several servers share; each has a journal of its own.
            case postgres(PostgresLocation, journal: String)
        }
    }

    /// Spans of calls.
    package struct Tracing: Sendable, Equatable {
        /// Of the calls whose caller does not say whether they are recorded, in 0...1.
        package var sampleRatio = 0.01
        /// Calls of each tenant that are recorded because their caller says so: in a second, and twice as many at once.
        package var callerLimit = 100.0
        /// Who made the spans, in the words of OpenTelemetry's `service.name`.
        package var serviceName = "apus"
        /// A file that lines of OTLP's JSON are appended to; nil for none.
        package var file: String?
        /// Where they are sent by OTLP; nil for nowhere.
        package var collector: Collector?

        package init() {}
    }

    /// A collector of OpenTelemetry.
    package struct Collector: Sendable, Equatable {
        package var endpoint: ListenAddress
        /// The authority of the collector, and the certificate shown to it, if any; nil over plaintext.
        package var certificates: ClientCredentialFiles?
        /// The name that the collector's certificate has, if not that of its host; or its SPIFFE identity.
        package var serverName: String?
        /// Of requests.
        package var compression = Compression.Format.off

        package init(endpoint: ListenAddress) { self.endpoint = endpoint }
    }

    /// How answers are compressed.
    package struct Compression: Sendable, Equatable {
        package var format = Format.off
        /// Shorter messages are sent as they are.
        package var messageByteCountMin = 1024

        /// The names of gRPC's encodings.
        package enum Format: String, Sendable, CaseIterable {
            case off, gzip, deflate
        }
    }

    /// Which calls have a line in the log when they have ended.
    package enum AccessLog: String, Sendable, CaseIterable {
        case off
        /// Those that failed, so many of a kind a second; all of them at the log level `debug`.
        case failures
        case all
    }

    /// How much is logged.
    package enum LogLevel: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error
    }
}
