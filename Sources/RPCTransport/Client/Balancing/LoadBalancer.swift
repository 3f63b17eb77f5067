/// One address among those a balancer chooses from.
///
/// The number is the place of the address's subchannel in its lane.
package struct Endpoint: Hashable, Sendable {
    package let id: Int
    package let family: ServerAddress.Family

    package init(id: Int, family: ServerAddress.Family) {
        self.id = id
        self.family = family
    }
}

/// What a balancer wants done.
package enum BalancerAction: Equatable, Sendable {
    /// Connect this subchannel, which is idle.
    case connect(Int)
    /// Give up what this subchannel is at: its attempt, or its connections once their calls have ended.
    case disconnect(Int)
    /// Tell `timerDidFire` after so long; replaces the timer before.
    case startTimer(nanoseconds: UInt64)
    case stopTimer
    /// The addresses may be out of date.
    case resolveAgain
}

/// How a channel chooses among the addresses of its target.
package enum BalancingPolicy: Hashable, Sendable {
    /// The first address that answers gets every call.
    ///
    /// With `shuffles`, addresses are tried in random order, so that clients spread over servers.
    case pickFirst(shuffles: Bool)
    /// Every address that answers gets calls in turn.
    case roundRobin
}

/// A policy at work, as a value: what happens to subchannels in, what to do out.
package enum LoadBalancer: Sendable {
    case pickFirst(PickFirst)
    case roundRobin(RoundRobin)

    package init(_ policy: BalancingPolicy) {
        switch policy {
        case .pickFirst(let shuffles): self = .pickFirst(PickFirst(shuffles: shuffles))
        case .roundRobin: self = .roundRobin(RoundRobin())
        }
    }

    package var state: ConnectivityState {
        switch self {
        case .pickFirst(let policy): policy.state
        case .roundRobin(let policy): policy.state
        }
    }

    /// The subchannel for the next call; nil unless `state` is ready.
    package mutating func pick() -> Int? {
        switch self {
        case .pickFirst(let policy): return policy.selected
        case .roundRobin(var policy):
            let id = policy.pick()
            self = .roundRobin(policy)
            return id
        }
    }

    /// Whether `exitIdle` would connect anything.
    package var wantsToExitIdle: Bool {
        switch self {
        case .pickFirst(let policy): policy.state == .idle
        case .roundRobin(let policy): policy.hasIdleEndpoint
        }
    }

    /// Somebody wants to make a call.
    package mutating func exitIdle() -> [BalancerAction] {
        switch self {
        case .pickFirst(var policy):
            defer { self = .pickFirst(policy) }
            return policy.exitIdle()
        case .roundRobin(var policy):
            defer { self = .roundRobin(policy) }
            return policy.exitIdle()
        }
    }

    /// The resolver's answer: these addresses now, and no others.
    ///
    /// - Parameters:
    ///   - endpoints: in the resolver's order, each once; new ones are idle.
    ///   - shuffle: puts a list into random order.
    /// - Returns: what to do about it.
    package mutating func update(
        _ endpoints: [Endpoint], shuffle: ([Endpoint]) -> [Endpoint]
    ) -> [BalancerAction] {
        switch self {
        case .pickFirst(var policy):
            defer { self = .pickFirst(policy) }
            return policy.update(endpoints, shuffle: shuffle)
        case .roundRobin(var policy):
            defer { self = .roundRobin(policy) }
            return policy.update(endpoints)
        }
    }

    /// A subchannel has changed.
    package mutating func subchannel(_ id: Int, didBecome state: ConnectivityState) -> [BalancerAction] {
        switch self {
        case .pickFirst(var policy):
            defer { self = .pickFirst(policy) }
            return policy.subchannel(id, didBecome: state)
        case .roundRobin(var policy):
            defer { self = .roundRobin(policy) }
            return policy.subchannel(id, didBecome: state)
        }
    }

    /// The timer that was asked for.
    package mutating func timerDidFire() -> [BalancerAction] {
        switch self {
        case .pickFirst(var policy):
            defer { self = .pickFirst(policy) }
            return policy.timerDidFire()
        case .roundRobin: return []
        }
    }

    /// Nobody has made a call for long: connections are given up.
    package mutating func enterIdle() -> [BalancerAction] {
        switch self {
        case .pickFirst(var policy):
            defer { self = .pickFirst(policy) }
            return policy.enterIdle()
        case .roundRobin(var policy):
            defer { self = .roundRobin(policy) }
            return policy.enterIdle()
        }
    }
}
