/// Connects to every address and gives calls in turn to those that are ready.
///
/// It is ready while one of them is, connecting while one may still become so, and in transient failure when all have
/// failed. An address that has failed counts as failed until it is ready again, whatever it tries meanwhile.
///
/// A connection that was lost or sent away is not made again before the next call: a server that keeps sending clients
/// away is not asked over and over by clients with nothing to say.
///
/// - Source: gRFC A61, and grpc/grpc `doc/load-balancing.md`.
package struct RoundRobin: Sendable {
    private var order: [Int] = []
    private var states: [Int: ConnectivityState] = [:]
    /// Those that have failed and were not ready since.
    private var failed: Set<Int> = []
    private var ready: [Int] = []
    private var next = 0
    private var wasAsked = false

    package init() {}

    package var state: ConnectivityState {
        if !ready.isEmpty { return .ready }
        guard wasAsked, !order.isEmpty else { return .idle }
        if order.contains(where: { states[$0] == .connecting && !failed.contains($0) }) { return .connecting }
        return order.allSatisfy { failed.contains($0) } ? .transientFailure : .idle
    }

    /// The next of those that are ready.
    package mutating func pick() -> Int? {
        guard !ready.isEmpty else { return nil }
        if next >= ready.count { next = 0 }
        defer { next += 1 }
        return ready[next]
    }

    package private(set) var hasIdleEndpoint = false

    package mutating func exitIdle() -> [BalancerAction] {
        wasAsked = true
        return connectIdle()
    }

    package mutating func update(_ endpoints: [Endpoint]) -> [BalancerAction] {
        order = endpoints.map(\.id)
        var known: [Int: ConnectivityState] = [:]
        for id in order { known[id] = states[id] ?? .idle }
        states = known
        failed.formIntersection(order)
        refresh()
        return wasAsked ? connectIdle() : []
    }

    package mutating func subchannel(_ id: Int, didBecome newState: ConnectivityState) -> [BalancerAction] {
        guard let oldState = states[id] else { return [] }
        states[id] = newState
        switch newState {
        case .ready: failed.remove(id)
        case .transientFailure: failed.insert(id)
        case .idle, .connecting, .shutDown: break
        }
        refresh()
        switch newState {
        // Its backoff is over.
        case .idle where failed.contains(id) && wasAsked: return [connect(id)]
        case .idle where oldState == .ready && wasAsked, .transientFailure: return [.resolveAgain]
        default: return []
        }
    }

    package mutating func enterIdle() -> [BalancerAction] {
        wasAsked = false
        return order.map { .disconnect($0) }
    }

    private mutating func connect(_ id: Int) -> BalancerAction {
        states[id] = .connecting
        refresh()
        return .connect(id)
    }

    private mutating func connectIdle() -> [BalancerAction] {
        order.filter { states[$0] == .idle }.map { connect($0) }
    }

    private mutating func refresh() {
        ready = order.filter { states[$0] == .ready }
        hasIdleEndpoint = order.contains { states[$0] == .idle }
    }
}
