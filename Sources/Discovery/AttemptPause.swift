import RPC
import Vocabulary

/// How long to wait behind a failed attempt, and whether there is anything new to tell about it.
///
/// An etcd that does not answer is asked as often as ever: it has few clients, and is wanted as soon as it is back. One
/// that refuses will refuse again until somebody has done something, and a wrong password costs it as much time as a
/// right one; there the pauses grow.
struct AttemptPause {
    /// Between attempts that nobody refuses.
    private let shortestNanoseconds: UInt64
    /// Between others, in the end.
    static let longestNanoseconds: UInt64 = 15_000_000_000

    private enum Trouble { case silence, refusal }
    private var told: Trouble?
    private var refusalCount: UInt64 = 0

    init(shortestNanoseconds: UInt64) { self.shortestNanoseconds = shortestNanoseconds }

    /// An attempt has succeeded: the next trouble is news.
    mutating func succeed() {
        told = nil
        refusalCount = 0
    }

    /// Takes an attempt that failed.
    ///
    /// - Returns: the pause, and whether this is another trouble than that of the attempt before.
    mutating func fail(_ failure: RPCFailure) -> (nanoseconds: UInt64, isNews: Bool) {
        let trouble: Trouble =
            switch failure.error.code {
            case .invalidArgument, .unauthenticated, .permissionDenied, .failedPrecondition: .refusal
            default: .silence
            }
        let isNews = told != trouble
        told = trouble
        guard trouble == .refusal else {
            refusalCount = 0
            return (shortestNanoseconds, isNews)
        }
        defer { refusalCount += 1 }
        let (pause, overflow) = shortestNanoseconds.multipliedReportingOverflow(by: 1 << min(refusalCount, 32))
        return (overflow ? Self.longestNanoseconds : min(pause, Self.longestNanoseconds), isNews)
    }
}
