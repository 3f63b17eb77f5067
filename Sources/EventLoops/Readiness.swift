import CLinux

/// What a descriptor can do without blocking, or what its owner wants to be told about.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has closed both directions or the descriptor failed: reported whether wanted or not.
    package static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
    /// A read would say something.
    ///
    /// A value of its own, since a literal of several is made through generic code.
    package static let answersReads = Readiness(
        rawValue: EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue)
}

/// Owns a descriptor that a loop watches.
package protocol ReadinessHandler: AnyObject {
    /// Called on the loop whenever the descriptor is ready, again each turn until it is no longer (level-triggered).
    func descriptorIsReady(_ readiness: Readiness)
}

/// Has something to do once, when everything else of a turn is done.
package protocol EndOfTurnHandler: AnyObject {
    func turnDidEnd()
}

/// Names a descriptor that a loop watches; worthless after `unwatch`.
package struct WatchID: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    init(token: UInt64) {
        self.init(slot: UInt32(truncatingIfNeeded: token), generation: UInt32(token >> 32))
    }
}
