import EventLoops

/// Finds the connections of a loop on which nothing moves any more, and has them give back what only moving bytes need.
///
/// Why: OpenSSL keeps a record of 16 KiB in each direction, used or not, and of ten thousand connections nearly all say
/// nothing most of the time. One timer serves all connections, and none runs while all are quiet.
///
/// - Isolation: its loop.
final class QuietWatch {
    /// A connection is quiet when nothing has moved between two looks.
    static let intervalNanoseconds: UInt64 = 1_000_000_000

    private struct Entry {
        let connection: Connection
        /// Of the last look.
        var movement: UInt64
    }

    private var entries: [ObjectIdentifier: Entry] = [:]
    private var timer: TimerID?

    /// Connections that were not quiet at the last look.
    var count: Int { entries.count }

    /// Watches a connection on which something moves; it is let go of when it is quiet.
    func add(_ connection: Connection) {
        // The first look then finds a movement.
        entries[ObjectIdentifier(connection)] = Entry(connection: connection, movement: connection.movement &- 1)
        if timer == nil { lookLater(connection.loop) }
    }

    /// Forgets a connection that is gone.
    func remove(_ connection: Connection) {
        guard entries.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if entries.isEmpty, let timer {
            connection.loop.cancel(timer)
            self.timer = nil
        }
    }

    private func lookLater(_ loop: EventLoop) {
        // Held by its timer, which ends with the last connection or the loop.
        timer = loop.schedule(afterNanoseconds: Self.intervalNanoseconds) { self.look(loop) }
    }

    private func look(_ loop: EventLoop) {
        timer = nil
        for (id, entry) in entries {
            let movement = entry.connection.movement
            if entry.movement == movement {
                entries[id] = nil
                entry.connection.becomeQuiet()
            } else {
                entries[id]?.movement = movement
            }
        }
        if !entries.isEmpty { lookLater(loop) }
    }
}
