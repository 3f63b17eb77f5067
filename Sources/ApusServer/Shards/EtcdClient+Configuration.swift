import Discovery
import EventLoops
import Foundation
import RPC
import RPCTransport
import TLS
import Vocabulary

extension EtcdClient {
    /// A client of the etcd that the configuration names, whose channels live on `loops`.
    ///
    /// - Parameters:
    ///   - etcd: where it is.
    ///   - section: of the configuration, for errors.
    ///   - loops: of the server.
    ///   - clock: of deadlines.
    /// - Throws: `StartError` naming the certificate file that cannot be used.
    convenience init(
        _ etcd: ServerConfiguration.Etcd, section: String, loops: EventLoopGroup, clock: any MonotonicClock
    ) throws(StartError) {
        let tls: TLSContextSource?
        do throws(TLSError) {
            tls = try etcd.certificates.map { files throws(TLSError) in try TLSContextSource(following: files) }
        } catch {
            throw StartError(["\(section): \(error)"])
        }
        let channels = etcd.endpoints.map { endpoint in
            var channel = RPCChannelConfiguration(host: endpoint.host, port: UInt16(clamping: endpoint.port))
            channel.tlsSource = tls
            channel.serverName = etcd.serverName
            // An etcd that restarts is called again soon: it has few clients, who were told nothing meanwhile.
            channel.backoff.initialNanoseconds = 100_000_000
            channel.backoff.maxNanoseconds = 300_000_000
            channel.backoff.attemptTimeoutNanoseconds = 2 * Self.attemptNanoseconds
            channel.keepalive.timeNanoseconds = 10_000_000_000
            // Across a cut, TCP waits about as long again before it sends once more, and the shard would be away for
            // that long: a new connection is there within a second or so.
            channel.keepalive.timeoutNanoseconds = 2_000_000_000
            return RPCChannel(configuration: channel, loops: loops)
        }
        self.init(
            channels: channels,
            user: etcd.user.map { source in
                EtcdUser(name: source.name) { Result { () throws(RPCFailure) in try source.password() } }
            },
            clock: clock)
    }
}

extension ServerConfiguration.EtcdUserSource {
    /// The longest password; what is longer is another file.
    private static let byteCountMax = 4096

    /// What the environment says; nil for nothing.
    static var environmentPassword: String? {
        guard let text = getenv("APUS_ETCD_PASSWORD") else { return nil }
        let password = String(cString: text)
        return password.isEmpty ? nil : password
    }

    /// Reads the password.
    ///
    /// - Throws: FAILED_PRECONDITION naming the file, never what is in it.
    fileprivate func password() throws(RPCFailure) -> String {
        guard let path = passwordPath else {
            guard let password = Self.environmentPassword else {
                throw RPCFailure(.failedPrecondition, "APUS_ETCD_PASSWORD is not set")
            }
            return password
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RPCFailure(.failedPrecondition, "password_file \(path) cannot be read")
        }
        // Editors end a file with a line's end, which no password has.
        let line = data.last == 0x0A ? data.dropLast(data.dropLast().last == 0x0D ? 2 : 1) : data
        guard line.count <= Self.byteCountMax, let password = String(data: line, encoding: .utf8), !password.isEmpty
        else {
            throw RPCFailure(
                .failedPrecondition, "password_file \(path): expected one to \(Self.byteCountMax) bytes of UTF-8")
        }
        return password
    }
}
