package import HTTP2
package import TLS

/// Where a channel connects, and its limits.
package struct RPCChannelConfiguration: Sendable {
    /// A name or a numeric address, without brackets.
    package var host: String
    package var port: UInt16
    /// Where attempts to connect get their context; nil connects in the clear.
    ///
    /// To show a new certificate, replace the source's context; open connections keep the old one until they end.
    package var tlsSource: TLSContextSource?
    /// The newest context of `tlsSource`; setting it makes a source that nobody else changes.
    package var tls: TLSContext? {
        get { tlsSource?.current }
        set { tlsSource = newValue.map(TLSContextSource.init) }
    }
    /// The name the server's certificate must have; the host when nil.
    package var serverName: String?
    /// Connections kept to the target; calls take turns.
    ///
    /// More than one is for load generators.
    package var connectionCount = 1
    /// Calls that may wait for one connection; more fail with RESOURCE_EXHAUSTED.
    package var queuedCallCountMax = 10_000
    package var http2 = HTTP2Configuration()
    package var backoff = BackoffPolicy()

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Host and port as `:authority` has them.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
