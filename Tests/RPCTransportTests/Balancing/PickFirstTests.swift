import RPCTransport
import Testing

/// A policy and the subchannels it commands, whose states the test sets.
final class PolicyDriver {
    var balancer: LoadBalancer
    private(set) var connected: [Int] = []
    private(set) var disconnected: [Int] = []
    private(set) var resolutionCount = 0
    private(set) var timerNanoseconds: UInt64?

    init(_ policy: BalancingPolicy, families: [ServerAddress.Family] = []) {
        balancer = LoadBalancer(policy)
        update(families)
    }

    func update(_ families: [ServerAddress.Family]) {
        let endpoints = families.enumerated().map { Endpoint(id: $0.offset, family: $0.element) }
        perform(balancer.update(endpoints) { $0.reversed() })
    }

    func update(ids: [Int]) {
        perform(balancer.update(ids.map { Endpoint(id: $0, family: .ipv4) }) { $0 })
    }

    func perform(_ actions: [BalancerAction]) {
        for action in actions {
            switch action {
            case .connect(let id): connected.append(id)
            case .disconnect(let id): disconnected.append(id)
            case .startTimer(let nanoseconds): timerNanoseconds = nanoseconds
            case .stopTimer: timerNanoseconds = nil
            case .resolveAgain: resolutionCount += 1
            }
        }
    }

    /// What so many calls in a row get.
    func picks(_ count: Int = 1) -> [Int?] { (0..<count).map { _ in balancer.pick() } }
    func forgetDisconnected() { disconnected = [] }
    func call() { perform(balancer.exitIdle()) }
    func become(_ id: Int, _ state: ConnectivityState) {
        perform(balancer.subchannel(id, didBecome: state))
    }
    func fire() {
        timerNanoseconds = nil
        perform(balancer.timerDidFire())
    }
}

@Suite("pick-first")
struct PickFirstTests {
    typealias Family = ServerAddress.Family

    @Test(
        "C153: families take turns, beginning with the first address's",
        arguments: [
            ([.ipv6, .ipv6, .ipv4], [0, 2, 1]), ([.ipv4, .ipv6, .ipv6, .ipv6], [0, 1, 2, 3]),
            ([.ipv6, .ipv6, .ipv4, .ipv4, .ipv6], [0, 2, 1, 3, 4]), ([.ipv4, .ipv4], [0, 1]),
        ] as [([Family], [Int])])
    func interleaving(families: [Family], order: [Int]) {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: families)
        driver.call()
        while driver.timerNanoseconds != nil { driver.fire() }
        #expect(driver.connected == order)
    }

    @Test("C153: the next address is tried when the last one fails or has said nothing for 250 ms")
    func happyEyeballs() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4, .ipv4, .ipv4, .ipv4])
        #expect(driver.connected.isEmpty && driver.balancer.state == .idle)
        driver.call()
        driver.call()
        #expect(driver.connected == [0] && driver.timerNanoseconds == 250_000_000)
        driver.fire()
        #expect(driver.connected == [0, 1])
        // Not the one tried last: the pass does not go faster for it.
        driver.become(0, .transientFailure)
        #expect(driver.connected == [0, 1])
        driver.become(1, .transientFailure)
        #expect(driver.connected == [0, 1, 2] && driver.timerNanoseconds != nil)
        driver.fire()
        // Nothing is left to be tried.
        #expect(driver.connected == [0, 1, 2, 3] && driver.timerNanoseconds == nil)
        driver.become(2, .ready)
        #expect(driver.balancer.state == .ready)
        #expect(driver.picks() == [2])
        #expect(driver.disconnected == [3])
    }

    @Test("C153: when all have failed it stays in transient failure, and goes on trying, until one is ready")
    func stickyTransientFailure() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .transientFailure)
        #expect(driver.balancer.state == .connecting)
        driver.become(1, .transientFailure)
        #expect(driver.balancer.state == .transientFailure && driver.resolutionCount == 1)
        driver.become(0, .idle)
        driver.become(0, .connecting)
        #expect(driver.connected == [0, 1, 0] && driver.balancer.state == .transientFailure)
        driver.become(1, .idle)
        driver.become(0, .transientFailure)
        driver.become(1, .transientFailure)
        // The resolver is asked once a round.
        #expect(driver.resolutionCount == 2)
        #expect(driver.picks() == [nil])
        driver.become(1, .idle)
        driver.become(1, .ready)
        #expect(driver.balancer.state == .ready)
        #expect(driver.picks() == [1])
    }

    @Test("C145: a lost connection leaves it idle until somebody calls, and asks for new addresses")
    func lostConnection() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .ready)
        driver.become(0, .idle)
        #expect(driver.balancer.state == .idle && driver.resolutionCount == 1 && driver.connected == [0])
        driver.call()
        #expect(driver.connected == [0, 0] && driver.balancer.state == .connecting)
    }

    @Test("new addresses keep the connection when they contain its own, and drop it when not")
    func update() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .ready)
        driver.update(ids: [4, 0])
        #expect(driver.picks() == [0])
        driver.update(ids: [4])
        #expect(driver.picks() == [nil])
        #expect(driver.balancer.state == .idle)
        driver.call()
        #expect(driver.connected.last == 4)
    }

    @Test("addresses that come while all fail are tried at once")
    func updateInFailure() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4])
        driver.call()
        driver.become(0, .transientFailure)
        driver.update(ids: [0, 7])
        #expect(driver.connected == [0, 7] && driver.balancer.state == .transientFailure)
        driver.become(7, .ready)
        #expect(driver.picks() == [7])
    }

    @Test("C153: a shuffled list is tried in the order of the shuffle")
    func shuffle() {
        let driver = PolicyDriver(.pickFirst(shuffles: true), families: [.ipv4, .ipv4, .ipv4])
        driver.call()
        while driver.timerNanoseconds != nil { driver.fire() }
        #expect(driver.connected == [2, 1, 0])
    }

    @Test("C150: idle again, it lets go of everything and begins anew with the next call")
    func idle() {
        let driver = PolicyDriver(.pickFirst(shuffles: false), families: [.ipv4, .ipv4])
        driver.call()
        driver.become(0, .ready)
        driver.perform(driver.balancer.enterIdle())
        driver.become(0, .idle)
        #expect(driver.disconnected == [0, 1] && driver.balancer.state == .idle && driver.resolutionCount == 0)
        driver.call()
        #expect(driver.connected == [0, 0])
    }
}
