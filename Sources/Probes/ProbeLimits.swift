/// How much probes may take of a server.
package struct ProbeLimits: Sendable {
    /// Connections open at once; one more ends the oldest, since a scrape takes milliseconds and whoever is there
    /// longest does not scrape.
    package var connectionCountMax = 16
    /// From accepting a connection to its end, whatever happens on it.
    package var connectionNanosecondsMax: UInt64 = 10_000_000_000
    /// A client that sends more than this is no probe.
    package var receivedByteCountMax = 64 << 10

    package init() {}
}
