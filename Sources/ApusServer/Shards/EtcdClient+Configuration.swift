import Discovery
import EventLoops
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
            channel.backoff.maxNanoseconds = 1_000_000_000
            channel.backoff.attemptTimeoutNanoseconds = 2 * Self.attemptNanoseconds
            channel.keepalive.timeNanoseconds = 10_000_000_000
            channel.keepalive.timeoutNanoseconds = 5_000_000_000
            return RPCChannel(configuration: channel, loops: loops)
        }
        self.init(channels: channels, clock: clock)
    }
}
