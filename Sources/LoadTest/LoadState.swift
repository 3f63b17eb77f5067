package import Vocabulary

/// One call of a load.
package struct LoadCall: Equatable, Sendable {
    /// When the call is meant to be sent.
    ///
    /// In an open loop that is the arrival, even if the call goes out later: latency counts from here, so that a server
    /// that stalls cannot keep calls away from the measurement.
    ///
    /// - Source: Gil Tene, "How NOT to Measure Latency", on coordinated omission.
    package let intendedTime: MonotonicTime
    /// Whether the call is part of the result, or warms up.
    package let isMeasured: Bool
    /// Whether the call had to wait for others to end, or for the server's leave: what makes it late is then not the
    /// load generator.
    package var isHeldBack = false
}

/// Decides when to send which call: events in, actions out.
///
/// - Complexity: constant memory, whatever the rate: arrivals that wait are still in the schedule.
package struct LoadState: Sendable {
    /// What to do now.
    package enum Action: Equatable, Sendable {
        /// Send this call, then ask again.
        case send(LoadCall)
        /// This call could not be sent before its deadline, because too many were under way; then ask again.
        case giveUp(LoadCall)
        /// Ask again at this time, or when a call ends.
        case wait(until: MonotonicTime)
        /// Ask again when a call ends.
        case waitForCall
        /// Everything was sent and has ended.
        case finish
    }

    private let plan: LoadPlan
    private let start: MonotonicTime
    private let warmupEnd: MonotonicTime
    private var schedule: ArrivalSchedule?
    private var nextArrival: MonotonicTime?
    private var pause = ReconnectPause()
    /// Until then the server does not want to be called.
    private var pushbackEnd: MonotonicTime?
    /// Arrivals have waited, and not all of them have been sent since.
    private var isBehind = false

    /// How long of the measured part callers paused because there was no server.
    package private(set) var standstillNanoseconds: UInt64 = 0
    /// How long of the measured part nothing was sent because the server asked for it.
    package private(set) var pushbackNanoseconds: UInt64 = 0
    /// When the last call may be sent.
    package private(set) var end: MonotonicTime
    /// Calls sent that have not ended.
    package private(set) var callCount = 0

    package init(_ plan: LoadPlan, start: MonotonicTime) {
        self.plan = plan
        self.start = start
        warmupEnd = start.advanced(byNanoseconds: plan.warmupNanoseconds)
        end = warmupEnd.advanced(byNanoseconds: plan.durationNanoseconds)
        if case .open(let callsPerSecond, let seed, let arrivals) = plan.load {
            schedule = ArrivalSchedule(callsPerSecond: callsPerSecond, seed: seed, pattern: arrivals)
            advanceArrival()
        }
    }

    /// Whether something at `time` belongs to the measured part.
    package func isInWindow(_ time: MonotonicTime) -> Bool { time >= warmupEnd && time < end }

    /// How long of the measured part has passed at `now`.
    package func measuredNanoseconds(at now: MonotonicTime) -> UInt64 {
        min(now, end).nanoseconds(since: warmupEnd)
    }

    /// What to do at `now`.
    package mutating func next(at now: MonotonicTime) -> Action {
        switch plan.load {
        case .closed: nextOfClosedLoop(at: now)
        case .open: nextOfOpenLoop(at: now)
        }
    }

    /// A call that was sent has been answered, or has failed at the server.
    package mutating func callEnded() {
        precondition(callCount > 0, "more calls ended than were sent")
        callCount -= 1
        pause.callReachedServer()
    }

    /// A call that was sent has failed because there is no connection.
    ///
    /// The callers of a closed loop then pause; the arrivals of an open loop come whatever happens.
    package mutating func callFoundNoServer(at now: MonotonicTime) {
        precondition(callCount > 0, "more calls ended than were sent")
        callCount -= 1
        standStill(from: now, until: pause.callFoundNoServer(at: now))
    }

    /// A call that was sent has failed because the server that answered it takes none, or knows none that does.
    ///
    /// Once is overload; many times in a row is as good as no server.
    package mutating func callWasTurnedAway(at now: MonotonicTime) {
        precondition(callCount > 0, "more calls ended than were sent")
        callCount -= 1
        standStill(from: now, until: pause.callWasTurnedAway(at: now))
    }

    /// The server asks not to be called again before so much time has passed.
    package mutating func serverPushedBack(nanoseconds: UInt64, at now: MonotonicTime) {
        let pushbackEnd = now.advanced(byNanoseconds: nanoseconds)
        let begin = max(now, self.pushbackEnd ?? now)
        guard pushbackEnd > begin else { return }
        pushbackNanoseconds += measuredNanoseconds(from: begin, to: pushbackEnd)
        self.pushbackEnd = pushbackEnd
    }

    /// Ends the load early; what is under way may still end.
    package mutating func stop(at now: MonotonicTime) {
        end = min(end, now)
        schedule = nil
        nextArrival = nil
    }

    private mutating func nextOfClosedLoop(at now: MonotonicTime) -> Action {
        guard now < end else { return callCount == 0 ? .finish : .waitForCall }
        guard now >= start else { return .wait(until: start) }
        if let pushbackEnd, now < pushbackEnd { return .wait(until: min(pushbackEnd, end)) }
        guard callCount < pause.callCountMax(of: plan.callCountMax) else { return .waitForCall }
        if let pauseEnd = pause.end(at: now) { return .wait(until: min(pauseEnd, end)) }
        return send(at: now)
    }

    private mutating func nextOfOpenLoop(at now: MonotonicTime) -> Action {
        guard let arrival = nextArrival else { return callCount == 0 ? .finish : .waitForCall }
        guard arrival <= now else {
            isBehind = false
            return .wait(until: arrival)
        }
        let deadline = arrival.advanced(byNanoseconds: plan.timeoutNanoseconds)
        guard now < deadline else {
            advanceArrival()
            return .giveUp(LoadCall(intendedTime: arrival, isMeasured: isInWindow(arrival)))
        }
        if let pushbackEnd, now < pushbackEnd {
            isBehind = true
            return .wait(until: min(pushbackEnd, deadline))
        }
        guard callCount < plan.callCountMax else {
            isBehind = true
            return .waitForCall
        }
        advanceArrival()
        return send(at: arrival)
    }

    private mutating func send(at time: MonotonicTime) -> Action {
        callCount += 1
        return .send(LoadCall(intendedTime: time, isMeasured: isInWindow(time), isHeldBack: isBehind))
    }

    private mutating func standStill(from now: MonotonicTime, until pauseEnd: MonotonicTime?) {
        // The arrivals of an open loop do not pause.
        guard case .closed = plan.load, let pauseEnd else { return }
        standstillNanoseconds += measuredNanoseconds(from: now, to: pauseEnd)
    }

    /// How much of a time belongs to the measured part.
    private func measuredNanoseconds(from begin: MonotonicTime, to end: MonotonicTime) -> UInt64 {
        min(end, self.end).nanoseconds(since: max(begin, warmupEnd))
    }

    private mutating func advanceArrival() {
        let arrival = schedule.map { _ in start.advanced(byNanoseconds: schedule!.next()) }
        nextArrival = arrival.flatMap { $0 < end ? $0 : nil }
    }
}
