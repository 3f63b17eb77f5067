/// Work of several owners that takes many turns: the owners take turns, each with its oldest piece of work.
///
/// So whoever has much to do waits for itself, and the others for one turn of it. Only the first `activeOwnerCountMax`
/// owners take turns, since work that has begun holds memory; the others follow when one of those has done a piece.
///
/// A value without clock, loop or I/O.
package struct OwnerQueue<Work> {
    /// A piece of work in the queue.
    package struct Ticket: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Lane {
        let owner: ObjectIdentifier
        /// In the order of arrival; only the first may have begun.
        var pieces: [(ticket: Ticket, work: Work)]
    }

    private let activeOwnerCountMax: Int
    /// The first `activeOwnerCountMax` take turns; none is empty.
    private var lanes: [Lane] = []
    /// The lane whose turn is next.
    private var turn = 0
    private var lastNumber: UInt64 = 0

    /// - Precondition: `activeOwnerCountMax` is at least 1.
    package init(activeOwnerCountMax: Int) {
        precondition(activeOwnerCountMax >= 1, "\(activeOwnerCountMax) owners")
        self.activeOwnerCountMax = activeOwnerCountMax
    }

    package var isEmpty: Bool { lanes.isEmpty }

    /// Pieces of work.
    package var count: Int { lanes.reduce(0) { $0 + $1.pieces.count } }

    /// Whether new work of `owner` would get turns at once.
    package func isActive(newOwner owner: ObjectIdentifier) -> Bool {
        lanes.count < activeOwnerCountMax && !lanes.contains { $0.owner == owner }
    }

    /// Adds work behind all other of its owner.
    package mutating func append(_ work: Work, of owner: ObjectIdentifier) -> Ticket {
        lastNumber += 1
        let ticket = Ticket(number: lastNumber)
        if let index = lanes.firstIndex(where: { $0.owner == owner }) {
            lanes[index].pieces.append((ticket, work))
        } else {
            lanes.append(Lane(owner: owner, pieces: [(ticket, work)]))
        }
        return ticket
    }

    /// The work whose turn it is; it stays until it is removed.
    package mutating func next() -> Work? {
        guard !lanes.isEmpty else { return nil }
        if turn >= min(lanes.count, activeOwnerCountMax) { turn = 0 }
        defer { turn += 1 }
        return lanes[turn].pieces[0].work
    }

    /// Takes out work that is done or given up; nothing when it is not there any more.
    ///
    /// An owner that has done a piece goes behind the owners that wait.
    ///
    /// - Complexity: O(pieces).
    package mutating func remove(_ ticket: Ticket) {
        for index in lanes.indices {
            guard let piece = lanes[index].pieces.firstIndex(where: { $0.ticket == ticket }) else { continue }
            lanes[index].pieces.remove(at: piece)
            guard piece == 0 else { return }
            let lane = lanes.remove(at: index)
            if !lane.pieces.isEmpty { lanes.append(lane) }
            if index < turn { turn -= 1 }
            return
        }
    }
}
