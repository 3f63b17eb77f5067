package import Vocabulary

/// Connections that have not finished TLS and the preface, the oldest first; a value: time in, who must go out.
///
/// Beyond `countMax` the oldest go, but none that is younger than `ageNanosecondsMin`: clients that mean it are done by
/// then, also when a thousand of them come at once, and whoever only holds a place is the oldest sooner or later.
package struct HalfOpenQueue<Element> {
    /// Whoever is younger is given the time to finish.
    package static var ageNanosecondsMin: UInt64 { 2_000_000_000 }

    /// Names an element until it is removed.
    package struct Ticket: Equatable, Sendable {
        fileprivate let number: UInt64
    }

    private let countMax: Int
    private var nextNumber: UInt64 = 0
    /// In the order of their numbers, which is that of their times.
    private var entries: [(number: UInt64, time: MonotonicTime, element: Element)] = []

    package init(countMax: Int) { self.countMax = countMax }

    package var count: Int { entries.count }

    /// Adds a connection that begins at `now`.
    package mutating func add(_ element: Element, at now: MonotonicTime) -> Ticket {
        defer { nextNumber += 1 }
        entries.append((nextNumber, now, element))
        return Ticket(number: nextNumber)
    }

    /// Forgets a connection that is done or gone; nothing happens when it was removed before.
    package mutating func remove(_ ticket: Ticket) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < ticket.number { low = middle + 1 } else { high = middle }
        }
        if low < entries.count, entries[low].number == ticket.number { entries.remove(at: low) }
    }

    /// The oldest connection if it must go at `now`, which removes it.
    package mutating func popExcess(at now: MonotonicTime) -> Element? {
        guard let excessTime, now >= excessTime else { return nil }
        return entries.removeFirst().element
    }

    /// When `popExcess` has something next if nothing changes.
    package var excessTime: MonotonicTime? {
        guard entries.count > countMax, let oldest = entries.first else { return nil }
        return oldest.time.advanced(byNanoseconds: Self.ageNanosecondsMin)
    }
}
