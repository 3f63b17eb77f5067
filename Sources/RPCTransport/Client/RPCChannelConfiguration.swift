package import HTTP2
package import TLS

/// Where a channel connects, and its limits.
package struct RPCChannelConfiguration: Sendable {
    package var target: ChannelTarget
    /// Where attempts to connect get their context; nil connects in the clear.
    ///
    /// To show a new certificate, replace the source's context; open connections keep the old one until they end.
    package var tlsSource: TLSContextSource?
    /// The newest context of `tlsSource`; setting it makes a source that nobody else changes.
    package var tls: TLSContext? {
        get { tlsSource?.current }
        set { tlsSource = newValue.map(TLSContextSource.init) }
    }
    /// The name the servers' certificates must have; the target's when nil.
    ///
    /// A name of a host is also what requests say in `:authority`, so that a proxy sends them where they belong; a
    /// SPIFFE identity is none.
    package var serverName: String?
    /// Who calls, as `name/version`, before our own name in `user-agent`; empty for nothing more.
    package var userAgent = ""
    /// How calls are spread over the target's addresses.
    package var balancing = BalancingPolicy.pickFirst(shuffles: false)
    /// Lanes of the channel, each with connections of its own to the target; calls take turns.
    ///
    /// More than one is for load generators.
    package var connectionCount = 1
    /// Whether a call that is made on the loop of a lane goes to that lane, instead of to the one whose turn it is.
    ///
    /// For servers that call servers, with a lane for each loop: no call leaves its thread.
    package var prefersCurrentLoop = false
    /// Connections a lane may keep to one address, at least 1.
    ///
    /// Another is made when a call finds those there are at the server's MAX_CONCURRENT_STREAMS. One by default: the
    /// limit is how a server says what it wants to take from one client. Proxies, which stand for many clients, want
    /// more.
    /// - Source: gRFC A105.
    package var connectionCountPerAddressMax = 1
    /// Calls that may wait for one lane's connections; more fail with RESOURCE_EXHAUSTED.
    package var queuedCallCountMax = 10_000
    package var http2 = HTTP2Configuration()
    package var backoff = BackoffPolicy()
    /// Deadlines, limits and retries of methods, and what decides which addresses get calls.
    ///
    /// Its balancing policy counts before `balancing`.
    package var serviceConfig = ServiceConfig()
    /// Where the tokens of `serviceConfig.retryTokens` are counted; those of the process unless a test has its own.
    package var retryThrottles = RetryThrottles.shared
    /// Connections are closed after so long without a call.
    package var idleTimeoutNanoseconds: UInt64 = 1_800_000_000_000
    /// Numbers in `0 ..< 1`, for jitter and shuffling.
    package var random: @Sendable () -> Double = { Double.random(in: 0..<1) }
    /// When connections ask the server for a sign of life; a time below ten seconds is ten seconds.
    package var keepalive = KeepalivePolicy()
    /// Is told, from any thread, what an operator should know, such as that the server found the PINGs too many.
    package var warn: (@Sendable (String) -> Void)?

    /// Where calls, attempts and connections are counted; nil for nowhere.
    ///
    /// Calls appear when the channel's `collectMetrics` is called.
    package var metrics: ChannelMetrics?

    package init(target: ChannelTarget) { self.target = target }

    /// What requests say in `:authority`.
    var authority: String {
        guard let serverName, !serverName.hasPrefix("spiffe://") else { return target.authority }
        return serverName
    }

    /// A target by its host, without brackets, and its port.
    package init(host: String, port: UInt16) { self.init(target: ChannelTarget(host: host, port: port)) }
}
