package import EventLoops
package import RPCTransport
import TLS

/// The files that say who a client is, and whose servers it believes; all in PEM.
public struct ApusCertificates: Hashable, Sendable {
    /// The authorities that may have signed the server's certificate.
    public var authorityFile: String
    /// The client's certificate, then those that sign it.
    public var certificateFile: String
    /// The unencrypted private key of the client's certificate.
    public var keyFile: String

    /// Three files wherever they are.
    ///
    /// They are read when a client is made, and again when a connection begins after they have changed.
    public init(authorityFile: String, certificateFile: String, keyFile: String) {
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// `ca.pem`, `client.pem` and `client.key` of a folder, as `apus serve` and `apus certs init` make them.
    public init(folder: String) {
        let folder = CertificateFolder(path: folder)
        self.init(
            authorityFile: folder.authorityCertificatePath, certificateFile: folder.clientCertificatePath,
            keyFile: folder.clientKeyPath)
    }
}

/// Where an `ApusClient` connects, and as whom.
public struct ApusClientConfiguration: Hashable, Sendable {
    /// How a connection is protected.
    public enum Security: Hashable, Sendable {
        /// TLS with a certificate at both ends; the client's names the tenant.
        case mutualTLS(ApusCertificates)
        /// No protection: for servers on the same machine that were started with `--plaintext`.
        case plaintext
    }

    /// A name or a numeric address, without brackets.
    public var host: String
    /// Of the gRPC listener.
    public var port: UInt16
    /// How connections are protected.
    public var security: Security
    /// The name that the server's certificate must have, and that requests say they are for; `host` when nil.
    ///
    /// A SPIFFE identity (`spiffe://DOMAIN/PATH`) is asked of the certificate only.
    public var serverName: String?
    /// The longest answer that is accepted.
    public var responseByteCountMax = 64 << 20
    /// Retries, timeouts, limits, balancing and health checks as gRPC's service configuration, in JSON; nil for none.
    ///
    /// A client with a configuration that has an error in it is not made.
    public var serviceConfig: String?
    /// The span that calls, as W3C's `traceparent`, sent with every call so that the server's spans join its trace; nil
    /// for none.
    ///
    /// A client whose `traceparent` is malformed is not made.
    public var traceparent: String?

    /// Metrics that may still change, to be kept nonetheless, such as `grpc.client.call.retries` or
    /// `grpc.subchannel.open_connections`.
    public var experimentalMetrics: Set<String> = []
    /// Labels that metrics have only where they are asked for, such as `grpc.disconnect_error`.
    public var optionalMetricLabels: Set<String> = []

    /// The port that `apus serve` listens on when nobody says otherwise.
    public static let defaultPort: UInt16 = 8461

    /// A server by its host and port.
    public init(host: String, port: UInt16 = defaultPort, security: Security) {
        self.host = host
        self.port = port
        self.security = security
    }

    /// Reads `HOST:PORT`, `HOST`, `[IPV6]:PORT` or `[IPV6]`; nil for anything else.
    public init?(target: String, security: Security) {
        let port: Substring?
        if target.hasPrefix("["), let bracket = target.firstIndex(of: "]") {
            host = String(target[target.index(after: target.startIndex)..<bracket])
            let rest = target[target.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = target.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = String(parts[0])
            port = parts.count == 2 ? parts[1] : nil
        }
        guard !host.isEmpty else { return nil }
        if let port {
            guard let number = UInt16(port), number > 0 else { return nil }
            self.port = number
        } else {
            self.port = Self.defaultPort
        }
        self.security = security
    }

    /// `HOST:PORT`, as `init(target:)` reads it.
    public var target: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// A channel on loops of the caller's, for those who speak messages instead of values.
    ///
    /// - Throws: `ApusError` FAILED_PRECONDITION naming the certificate file that cannot be used, or INVALID_ARGUMENT
    ///   naming the field of `serviceConfig` that is wrong.
    package func channel(
        loops: EventLoopGroup, connectionCount: Int = 1, metrics: ChannelMetrics? = nil
    ) throws(ApusError) -> RPCChannel {
        var configuration = RPCChannelConfiguration(host: host, port: port)
        configuration.metrics = metrics
        configuration.serverName = serverName
        configuration.connectionCount = connectionCount
        if let serviceConfig {
            do throws(ServiceConfigError) {
                configuration.serviceConfig = try ServiceConfig(json: serviceConfig)
            } catch {
                throw ApusError(.invalidArgument, error.description)
            }
        }
        if case .mutualTLS(let certificates) = security {
            do throws(TLSError) {
                configuration.tlsSource = try TLSContextSource(following: certificates.files)
            } catch {
                throw ApusError(.failedPrecondition, error.description)
            }
        }
        return RPCChannel(configuration: configuration, loops: loops)
    }
}

extension ApusCertificates {
    fileprivate var files: ClientCredentialFiles {
        ClientCredentialFiles(
            serverAuthoritiesPath: authorityFile, certificatePath: certificateFile, keyPath: keyFile)
    }
}
