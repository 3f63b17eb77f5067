package import HTTP2
package import RPC
package import TLS

/// Where a server listens, and its limits.
package struct RPCServerConfiguration: Sendable {
    /// A numeric address or a name.
    package var host = "127.0.0.1"
    /// 0 for any free port.
    package var port: UInt16 = 0
    /// Where new connections get their context; nil serves in the clear.
    package var tlsSource: TLSContextSource?
    /// The newest context of `tlsSource`; setting it makes a source that nobody else changes.
    package var tls: TLSContext? {
        get { tlsSource?.current }
        set { tlsSource = newValue.map(TLSContextSource.init) }
    }
    package var http2 = HTTP2Configuration()
    package var calls = ServerCallLimits()
    /// Connections open at once; those beyond it are closed on arrival.
    package var connectionCountMax = 10_000
    /// Calls of one connection that are at work at once, cancelled ones whose handler has not returned among them.
    ///
    /// Why count those: a client that opens and resets streams would otherwise pile up handlers without limit.
    package var callsPerConnectionMax = 1_000
    package var connections = ServerConnectionPolicy()
    /// Beyond it, the call whose bytes are too many ends with RESOURCE_EXHAUSTED.
    package var requestBudget = RequestBudget()

    package init() {}
}
