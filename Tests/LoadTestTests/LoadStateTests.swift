import Testing
import Vocabulary

@testable import LoadTest

private let second: UInt64 = 1_000_000_000
private let millisecond: UInt64 = 1_000_000

private func plan(
    _ load: LoadPlan.Load, warmup: UInt64 = 0, duration: UInt64, timeout: UInt64 = 60 * second
) throws -> LoadPlan {
    try LoadPlan(
        load, warmupNanoseconds: warmup, durationNanoseconds: duration, timeoutNanoseconds: timeout,
        connectionCount: 1)
}

@Suite("LoadState")
struct LoadStateTests {
    @Test("a closed loop keeps its callers busy and never has more calls under way", arguments: [1, 3, 100])
    func closedLoop(callerCount: Int) throws {
        var simulation = LoadSimulation(try plan(.closed(callerCount: callerCount), duration: second))
        simulation.run { $0 + 10 * millisecond }
        #expect(simulation.callCountPeak == callerCount)
        // Each caller sends at 0, 10, 20 … 990 ms.
        #expect(simulation.sentCount == callerCount * 100)
        #expect(simulation.latenciesNanoseconds.allSatisfy { $0 == 10 * millisecond })
    }

    @Test("what is sent during the warm-up is not measured")
    func warmup() throws {
        var simulation = LoadSimulation(try plan(.closed(callerCount: 1), warmup: 500 * millisecond, duration: second))
        simulation.run { $0 + 10 * millisecond }
        #expect(simulation.sentCount == 150)
        #expect(simulation.latenciesNanoseconds.count == 100)
    }

    @Test("an open loop sends at the arrivals of its schedule, whatever the server does", arguments: [0, 30_000])
    func openLoop(answerMilliseconds: UInt64) throws {
        var simulation = LoadSimulation(try plan(.open(callsPerSecond: 200, seed: 3), duration: 2 * second))
        simulation.run { $0 + answerMilliseconds * millisecond }
        var schedule = ArrivalSchedule(callsPerSecond: 200, seed: 3)
        var expected: [UInt64] = []
        while case let arrival = schedule.next(), arrival < 2 * second { expected.append(arrival + second) }
        #expect(simulation.sendTimes.map(\.nanoseconds) == expected)
        #expect(simulation.givenUpCount == 0)
    }

    /// The server answers in 1 ms, but stands still from 4 s to 5 s.
    ///
    /// A closed loop of one caller has one call under way
    /// then, and reports one slow call of thousands: that is coordinated omission. In an open loop nine tenths of the
    /// calls that arrive in that second wait more than 100 ms, and all of them show.
    @Test(
        "a server that stalls cannot hide from an open loop",
        arguments: [
            (LoadPlan.Load.closed(callerCount: 1), 0.0...0.001), (.open(callsPerSecond: 100, seed: 1), 0.07...0.11),
            (.open(callsPerSecond: 1000, seed: 2), 0.08...0.10), (.open(callsPerSecond: 3000, seed: 3), 0.08...0.10),
        ])
    func coordinatedOmission(load: LoadPlan.Load, expectedSlowShare: ClosedRange<Double>) throws {
        var simulation = LoadSimulation(try plan(load, duration: 10 * second))
        simulation.run { sent in
            let isStalled = (4 * second..<5 * second).contains(sent)
            return (isStalled ? 5 * second : sent) + millisecond
        }
        let slowCount = simulation.latenciesNanoseconds.filter { $0 > 100 * millisecond }.count
        let share = Double(slowCount) / Double(simulation.latenciesNanoseconds.count)
        #expect(expectedSlowShare.contains(share), "\(share)")
        #expect(slowCount > 0)
    }

    @Test("arrivals that find too many calls under way count from when they arrived")
    func queueAtTheClient() throws {
        // 100 000 calls a second for 0.1 s fill all places at once; everything is answered at 1 s.
        var simulation = LoadSimulation(try plan(.open(callsPerSecond: 100_000, seed: 5), duration: 100 * millisecond))
        simulation.run { max($0, second) }
        #expect(simulation.callCountPeak == LoadPlan.callCountMaxOfOpenLoop)
        #expect(simulation.sentCount == simulation.latenciesNanoseconds.count)
        #expect(simulation.sentCount > 9000)
        // The last ones were sent at 1 s and answered at once, and yet have waited since their arrival.
        #expect(simulation.latenciesNanoseconds.allSatisfy { $0 > 890 * millisecond })
    }

    @Test("arrivals that are not sent before their deadline are given up, and the run ends")
    func givingUp() throws {
        var simulation = LoadSimulation(
            try plan(.open(callsPerSecond: 100_000, seed: 5), duration: 100 * millisecond, timeout: second / 2))
        simulation.run { _ in 2 * second }
        #expect(simulation.sentCount == LoadPlan.callCountMaxOfOpenLoop)
        #expect(simulation.givenUpCount > 5000)
    }

    @Test("a load that is stopped sends nothing more and ends with its last call", arguments: [true, false])
    func stop(isOpen: Bool) throws {
        let load: LoadPlan.Load = isOpen ? .open(callsPerSecond: 1e6, seed: 1) : .closed(callerCount: 4)
        var state = LoadState(try plan(load, duration: 10 * second), start: MonotonicTime(nanoseconds: 0))
        let now = MonotonicTime(nanoseconds: second)
        guard case .send = state.next(at: now) else {
            Issue.record("nothing was sent")
            return
        }
        state.stop(at: now)
        #expect(state.next(at: now) == .waitForCall)
        state.callEnded()
        #expect(state.next(at: now) == .finish)
        #expect(state.measuredNanoseconds(at: MonotonicTime(nanoseconds: 9 * second)) == second)
    }

    @Test("the callers of a closed loop pause while there is no server, longer each time, and one finds out")
    func deadServer() throws {
        var state = LoadState(try plan(.closed(callerCount: 3), duration: 10 * second), start: .init(nanoseconds: 0))
        var now = MonotonicTime(nanoseconds: 0)
        for _ in 0..<3 { #expect(state.next(at: now) == .send(LoadCall(intendedTime: now, isMeasured: true))) }
        for _ in 0..<3 { state.callFoundNoServer(at: now) }
        var pauses: [UInt64] = []
        for _ in 0..<9 {
            guard case .wait(let time) = state.next(at: now) else {
                Issue.record("no pause")
                return
            }
            pauses.append(time.nanoseconds(since: now) / millisecond)
            now = time
            guard case .send = state.next(at: now) else {
                Issue.record("nothing was sent after the pause")
                return
            }
            #expect(state.next(at: now) == .waitForCall)
            state.callFoundNoServer(at: now)
        }
        #expect(pauses == [10, 20, 40, 80, 160, 320, 640, 1000, 1000])
        now = now.advanced(byNanoseconds: second)
        guard case .send = state.next(at: now) else {
            Issue.record("nothing was sent after the pause")
            return
        }
        state.callEnded()
        for _ in 0..<3 {
            guard case .send = state.next(at: now) else {
                Issue.record("a caller still pauses")
                return
            }
        }
    }

    @Test("a server that says UNAVAILABLE again and again is as good as none; one that answers in between is not")
    func turnedAway() throws {
        let plan = try plan(.closed(callerCount: 1), warmup: second, duration: 9 * second)
        var state = LoadState(plan, start: .init(nanoseconds: 0))
        var now = MonotonicTime(nanoseconds: 2 * second)
        for number in 0..<200 {
            guard case .send = state.next(at: now) else {
                Issue.record("nothing was sent")
                return
            }
            if number.isMultiple(of: 3) { state.callEnded() } else { state.callWasTurnedAway(at: now) }
        }
        #expect(state.standstillNanoseconds == 0)
        // Nobody answers any more: a server that refuses in no time is not asked a thousand times a second.
        var sentCount = 0
        while now < MonotonicTime(nanoseconds: 10 * second), sentCount < 1000 {
            switch state.next(at: now) {
            case .send:
                sentCount += 1
                state.callWasTurnedAway(at: now)
            case .wait(let time): now = time
            default: Issue.record("neither sent nor waited")
            }
        }
        #expect(sentCount < 40)
        #expect(state.standstillNanoseconds > 7 * second && state.standstillNanoseconds <= 8 * second)
    }

    @Test("who is asked to wait waits, in a closed loop and in an open one", arguments: [true, false])
    func pushback(isOpen: Bool) throws {
        let load: LoadPlan.Load =
            isOpen ? .open(callsPerSecond: 1000, seed: 1, arrivals: .constant) : .closed(callerCount: 2)
        var state = LoadState(try plan(load, duration: 10 * second), start: .init(nanoseconds: 0))
        let now = MonotonicTime(nanoseconds: second)
        guard case .send = state.next(at: now) else {
            Issue.record("nothing was sent")
            return
        }
        state.callEnded()
        state.serverPushedBack(nanoseconds: second / 2, at: now)
        state.serverPushedBack(nanoseconds: second / 4, at: now)
        let pauseEnd = now.advanced(byNanoseconds: second / 2)
        #expect(state.next(at: now) == .wait(until: pauseEnd))
        #expect(state.pushbackNanoseconds == second / 2)
        guard case .send(let call) = state.next(at: pauseEnd) else {
            Issue.record("nothing was sent after the pause")
            return
        }
        #expect(call.isHeldBack == isOpen)
    }

    @Test("a load that begins later waits for its time", arguments: [true, false])
    func laterStart(isOpen: Bool) throws {
        let load: LoadPlan.Load = isOpen ? .open(callsPerSecond: 10, seed: 1) : .closed(callerCount: 1)
        var state = LoadState(try plan(load, duration: second), start: .init(nanoseconds: 5 * second))
        guard case .wait(let time) = state.next(at: .init(nanoseconds: second)) else {
            Issue.record("did not wait")
            return
        }
        #expect(time.nanoseconds >= 5 * second)
    }

    @Test("an unusable plan is refused by the name of its setting")
    func refusals() {
        #expect(throws: LoadPlanError.self) { try plan(.closed(callerCount: 0), duration: second) }
        #expect(throws: LoadPlanError.self) { try plan(.closed(callerCount: 10_001), duration: second) }
        #expect(throws: LoadPlanError.self) { try plan(.open(callsPerSecond: .nan, seed: 1), duration: second) }
        #expect(throws: LoadPlanError.self) { try plan(.open(callsPerSecond: 0, seed: 1), duration: second) }
        #expect(throws: LoadPlanError.self) { try plan(.open(callsPerSecond: .infinity, seed: 1), duration: second) }
        let error = #expect(throws: LoadPlanError.self) { try plan(.closed(callerCount: 1), duration: 0) }
        #expect(error?.description.hasPrefix("duration") == true)
    }
}
