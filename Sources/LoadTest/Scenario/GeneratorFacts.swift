import Glibc

/// What the load generator itself was like, so that a reader can tell when it, and not the server, was the bottleneck.
package struct GeneratorFacts: Codable, Equatable, Sendable {
    package var threads: Int
    /// Processor time of this process over the time it ran: 1 is one core.
    package var coresBusy: Double
    /// Calls of open loops that were sent more than 1 ms after their time though nothing held them back.
    package var lateCalls: UInt64
    /// Their share of the calls that nothing held back.
    package var lateShare: Double
    /// How late those calls were, the punctual ones included; absent without an open loop.
    package var lateness: LatencySummary?
    /// Calls of open loops that waited for others to end (4096 under way at once), or for the server's leave.
    package var heldBackCalls: UInt64

    /// More late calls than this are worth a warning.
    package static let lateShareMax = 0.01
    /// A thread that is busier than this may be late anywhere.
    package static let busyShareMax = 0.9

    /// Why the figures say something of the generator as well; nil when they do not.
    package var warning: String? {
        if lateShare > Self.lateShareMax {
            let share = LoadReport.number(lateShare * 100)
            return "the load generator was late: \(share) % of the calls went out more than 1 ms after their time, "
                + "which their latency includes"
        }
        if coresBusy > Self.busyShareMax * Double(threads) {
            return "the load generator was busy all the time (\(LoadReport.number(coresBusy)) cores of "
                + "\(threads == 1 ? "1 thread" : "\(threads) threads")): it may be what limits the figures"
        }
        return nil
    }

    /// Processor time of this process until now, in seconds.
    ///
    /// - Source: getrusage(2).
    static func processorSeconds() -> Double {
        var usage = rusage()
        let result = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        precondition(result == 0, "getrusage: errno \(errno)")
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}
