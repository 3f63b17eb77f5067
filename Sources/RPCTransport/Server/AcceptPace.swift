import Vocabulary

/// How many connections a listener accepts in one turn of its loop: fewer when turns after accepting become long.
///
/// Why: a new connection costs what its client chooses to send in its first packet. Clients that connect, ask for
/// hundreds of answers and leave would otherwise fill whole turns, while everybody else waits for the end of each.
struct AcceptPace {
    /// The most in one turn.
    static let countMax = 16
    /// A turn that accepts takes no longer than this, or the next one accepts half as many.
    static let turnNanosecondsMax: UInt64 = 5_000_000

    private var allowance = countMax
    private var last: (turn: UInt64, time: MonotonicTime)?

    /// Decides for one turn.
    ///
    /// - Parameters:
    ///   - turn: the number of the loop's turn.
    ///   - now: the time, measured.
    /// - Returns: how many may be accepted now, at least 1.
    mutating func allowance(turn: UInt64, now: MonotonicTime) -> Int {
        if let last, turn == last.turn + 1, now.nanoseconds(since: last.time) > Self.turnNanosecondsMax {
            allowance = max(1, allowance / 2)
        } else {
            allowance = min(Self.countMax, allowance * 2)
        }
        last = (turn, now)
        return allowance
    }
}
