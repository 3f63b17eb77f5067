/// How much of one connection a turn of the loop reads, so that expensive bytes get no more time than cheap ones.
///
/// Why: 64 KiB of messages are the work of microseconds, 64 KiB of calls that are cancelled at once that of
/// milliseconds. Were turns measured in bytes, a peer that sends the latter would hold up every other connection of
/// the loop; measured in time, it only holds up itself.
///
/// The size of a read follows what the last ones cost: down at once, up by doubling.
struct ReadPace {
    /// What a turn may spend on reading from one connection.
    static let turnNanosecondsMax: UInt64 = 1_000_000
    static let readByteCountMax = 64 << 10
    /// Enough for progress: a few dozen frames.
    static let readByteCountMin = 2 << 10

    /// The size of the next read.
    private(set) var readByteCount = readByteCountMax
    private var turnNanoseconds: UInt64 = 0

    /// A turn begins.
    mutating func beginTurn() { turnNanoseconds = 0 }

    /// Whether a read of so many bytes is worth two looks at the clock: what is smaller cannot take long.
    static func isMeasured(byteCount: Int) -> Bool { byteCount >= readByteCountMin }

    /// A read, and everything that its bytes set off, has taken `nanoseconds`.
    ///
    /// - Returns: whether the turn has time left for another one.
    mutating func didRead(byteCount: Int, nanoseconds: UInt64) -> Bool {
        turnNanoseconds += nanoseconds
        let affordable = UInt64(byteCount) * Self.turnNanosecondsMax / max(nanoseconds, 1)
        readByteCount = min(
            max(Int(clamping: affordable), Self.readByteCountMin), readByteCount * 2, Self.readByteCountMax)
        return turnNanoseconds < Self.turnNanosecondsMax
    }
}
