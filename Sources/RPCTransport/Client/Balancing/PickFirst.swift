/// Tries addresses in order until one answers, and makes every call there.
///
/// ```
/// idle ──call──▶ connecting ──one is ready──▶ ready ──lost──▶ idle
///                    │                          ▲
///               all have failed                 │ one is ready
///                    ▼                          │
///             transient failure ────────────────┘   (sticky: it shows connecting no more, but goes on trying)
/// ```
/// The next address gets its chance when the last one tried fails or has not answered for 250 ms ("Happy Eyeballs");
/// IPv6 and IPv4 take turns, beginning with the family of the first. Once all have failed, each is tried again as soon
/// as its own backoff ends.
///
/// - Source: gRFC A61 and A62; RFC 8305.
package struct PickFirst: Sendable {
    /// Between one attempt and the next, when nothing is heard.
    package static let attemptDelayNanoseconds: UInt64 = 250_000_000

    private let shuffles: Bool
    private var order: [Int] = []
    private var states: [Int: ConnectivityState] = [:]
    /// Attempts of this pass: `order[..<startedCount]`.
    private var startedCount = 0
    /// Failures since the resolver was asked last; once a round.
    private var failureCount = 0
    package private(set) var state = ConnectivityState.idle
    package private(set) var selected: Int?

    package init(shuffles: Bool) { self.shuffles = shuffles }

    package mutating func exitIdle() -> [BalancerAction] {
        guard state == .idle, !order.isEmpty else { return [] }
        state = .connecting
        startedCount = 0
        return tryNext()
    }

    package mutating func update(
        _ endpoints: [Endpoint], shuffle: ([Endpoint]) -> [Endpoint]
    ) -> [BalancerAction] {
        order = Self.interleaved(shuffles ? shuffle(endpoints) : endpoints)
        var known: [Int: ConnectivityState] = [:]
        for id in order { known[id] = states[id] ?? .idle }
        states = known
        if let selected {
            if states[selected] == .ready { return [] }
            // Its address is gone; the next call chooses another.
            self.selected = nil
            state = .idle
            return []
        }
        switch state {
        case .connecting:
            startedCount = 0
            return tryNext()
        case .transientFailure:
            // New addresses may work: they are tried at once, without a promise.
            return connectIdle()
        case .idle, .ready, .shutDown: return []
        }
    }

    package mutating func subchannel(_ id: Int, didBecome newState: ConnectivityState) -> [BalancerAction] {
        guard states[id] != nil else { return [] }
        states[id] = newState
        if let selected {
            guard selected == id, newState != .ready else { return [] }
            self.selected = nil
            state = .idle
            return [.resolveAgain]
        }
        switch newState {
        case .ready: return select(id)
        case .transientFailure: return attemptDidFail(id)
        case .idle: return state == .transientFailure ? [connect(id)] : []
        case .connecting, .shutDown: return []
        }
    }

    package mutating func timerDidFire() -> [BalancerAction] { state == .connecting ? tryNext() : [] }

    package mutating func enterIdle() -> [BalancerAction] {
        selected = nil
        state = .idle
        return [.stopTimer] + order.map { .disconnect($0) }
    }

    private mutating func select(_ id: Int) -> [BalancerAction] {
        guard state == .connecting || state == .transientFailure else { return [] }
        selected = id
        state = .ready
        failureCount = 0
        return [.stopTimer] + order.filter { $0 != id && states[$0] == .connecting }.map { .disconnect($0) }
    }

    private mutating func attemptDidFail(_ id: Int) -> [BalancerAction] {
        switch state {
        case .connecting:
            // A failure of an earlier attempt changes nothing, unless it was the last one anybody waited for.
            guard startedCount == order.count || order[startedCount - 1] == id else { return [] }
            return tryNext()
        case .transientFailure:
            failureCount += 1
            guard failureCount >= order.count else { return [] }
            failureCount = 0
            return [.resolveAgain]
        case .idle, .ready, .shutDown: return []
        }
    }

    /// Starts the next attempt of the pass; when none is left and none is under way, the pass has failed.
    private mutating func tryNext() -> [BalancerAction] {
        while startedCount < order.count {
            let id = order[startedCount]
            startedCount += 1
            let timer: BalancerAction =
                startedCount < order.count
                ? .startTimer(nanoseconds: Self.attemptDelayNanoseconds) : .stopTimer
            switch states[id]! {
            case .idle: return [connect(id), timer]
            case .connecting: return [timer]
            case .ready: return select(id)
            // Its backoff is not over.
            case .transientFailure, .shutDown: continue
            }
        }
        guard !states.values.contains(.connecting) else { return [.stopTimer] }
        state = .transientFailure
        failureCount = 0
        // Those whose backoff is over by now do not come by themselves.
        return [.stopTimer, .resolveAgain] + connectIdle()
    }

    private mutating func connect(_ id: Int) -> BalancerAction {
        states[id] = .connecting
        return .connect(id)
    }

    private mutating func connectIdle() -> [BalancerAction] {
        order.filter { states[$0] == .idle }.map { connect($0) }
    }

    /// Families take turns, beginning with that of the first; within a family the order stays.
    static func interleaved(_ endpoints: [Endpoint]) -> [Int] {
        guard let first = endpoints.first else { return [] }
        let own = endpoints.filter { $0.family == first.family }
        let other = endpoints.filter { $0.family != first.family }
        var order: [Int] = []
        for index in 0..<max(own.count, other.count) {
            if index < own.count { order.append(own[index].id) }
            if index < other.count { order.append(other[index].id) }
        }
        return order
    }
}
