import RPCTransport
import TestSupport
import Testing

@Suite("round-robin")
struct RoundRobinTests {
    @Test("C153: every address is connected, and those that are ready get calls in turn")
    func turns() {
        let driver = PolicyDriver(.roundRobin, families: [.ipv4, .ipv6, .ipv4])
        #expect(driver.connected.isEmpty)
        driver.call()
        #expect(driver.connected == [0, 1, 2] && driver.balancer.state == .connecting)
        driver.become(1, .ready)
        #expect(driver.picks(3) == [1, 1, 1])
        driver.become(0, .ready)
        driver.become(2, .transientFailure)
        let picks = driver.picks(6)
        #expect(picks.count { $0 == 0 } == 3 && picks.count { $0 == 1 } == 3)
    }

    @Test("C153: it fails when all have failed, and is ready again with the first that is")
    func failure() {
        let driver = PolicyDriver(.roundRobin, families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .transientFailure)
        #expect(driver.balancer.state == .connecting)
        driver.become(1, .transientFailure)
        #expect(driver.balancer.state == .transientFailure)
        #expect(driver.picks() == [nil])
        // The end of a backoff begins an attempt, which is no promise.
        driver.become(0, .idle)
        #expect(driver.connected == [0, 1, 0] && driver.balancer.state == .transientFailure)
        driver.become(0, .ready)
        #expect(driver.balancer.state == .ready)
        #expect(driver.picks() == [0])
    }

    @Test("C145: a connection that was sent away is made again for a call, not by itself")
    func goAway() {
        let driver = PolicyDriver(.roundRobin, families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .ready)
        driver.become(1, .ready)
        driver.become(0, .idle)
        #expect(driver.connected == [0, 1] && driver.resolutionCount == 1 && driver.balancer.wantsToExitIdle)
        driver.call()
        #expect(driver.connected == [0, 1, 0] && driver.balancer.state == .ready)
        driver.become(1, .idle)
        #expect(driver.balancer.state == .connecting)
    }

    @Test("new addresses are connected, those that are gone get no calls")
    func update() {
        let driver = PolicyDriver(.roundRobin, families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .ready)
        driver.become(1, .ready)
        driver.update(ids: [1, 5])
        #expect(driver.connected == [0, 1, 5])
        #expect(driver.picks(3) == [1, 1, 1])
    }

    @Test("whatever happens, both policies pick what is ready, and connect only what is idle")
    func randomWalk() {
        var generator = SeededGenerator(seed: 153)
        for policy in [BalancingPolicy.roundRobin, .pickFirst(shuffles: false)] {
            for _ in 0..<500 {
                let driver = PolicyDriver(policy, families: [.ipv4, .ipv6, .ipv4])
                var states = [ConnectivityState](repeating: .idle, count: 3)
                var seen = 0
                for _ in 0..<40 {
                    switch Int.random(in: 0..<8, using: &generator) {
                    case 0: driver.call()
                    case 1: if driver.timerNanoseconds != nil { driver.fire() }
                    default:
                        let id = Int.random(in: 0..<3, using: &generator)
                        let next: [ConnectivityState] =
                            switch states[id] {
                            case .connecting: [.ready, .transientFailure]
                            case .ready, .transientFailure: [.idle]
                            default: []
                            }
                        guard let state = next.randomElement(using: &generator) else { continue }
                        states[id] = state
                        driver.become(id, state)
                    }
                    for id in driver.connected[seen...] {
                        #expect(states[id] == .idle)
                        states[id] = .connecting
                    }
                    seen = driver.connected.count
                    for id in driver.disconnected where states[id] == .connecting { states[id] = .idle }
                    driver.forgetDisconnected()
                    let pick = driver.balancer.pick()
                    #expect((driver.balancer.state == .ready) == (pick != nil))
                    if let pick { #expect(states[pick] == .ready) }
                }
            }
        }
    }
}
