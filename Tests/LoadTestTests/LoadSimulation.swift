import Vocabulary

@testable import LoadTest

/// Plays a load against an imagined server, with the hands of the clock in its own.
struct LoadSimulation {
    private(set) var latenciesNanoseconds: [UInt64] = []
    private(set) var sentCount = 0
    private(set) var givenUpCount = 0
    /// The most calls that were under way at once.
    private(set) var callCountPeak = 0
    private(set) var sendTimes: [MonotonicTime] = []

    private static let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private var now = start
    private var state: LoadState
    /// First in, first out: the server answers in order.
    private var pending: [(call: LoadCall, answer: MonotonicTime)] = []
    private var answeredCount = 0

    init(_ plan: LoadPlan) { state = LoadState(plan, start: Self.start) }

    /// Runs to the end.
    ///
    /// - Parameter answerTime: when a call sent at a time is answered, both in nanoseconds since the start; never
    ///   earlier than a call before it.
    mutating func run(answerTime: (UInt64) -> UInt64) {
        while true {
            switch state.next(at: now) {
            case .send(let call): send(call, answerTime)
            case .giveUp: givenUpCount += 1
            case .wait(let time): advance(to: time)
            case .waitForCall: advance(to: MonotonicTime(nanoseconds: .max))
            case .finish: return
            }
        }
    }

    private mutating func send(_ call: LoadCall, _ answerTime: (UInt64) -> UInt64) {
        sentCount += 1
        sendTimes.append(now)
        callCountPeak = max(callCountPeak, state.callCount)
        let answer = Self.start.advanced(byNanoseconds: answerTime(now.nanoseconds(since: Self.start)))
        pending.append((call, answer))
    }

    /// To the next answer, or to `time` if that comes first.
    private mutating func advance(to time: MonotonicTime) {
        guard answeredCount < pending.count, pending[answeredCount].answer <= time else { return now = time }
        let (call, answer) = pending[answeredCount]
        answeredCount += 1
        now = max(now, answer)
        state.callEnded()
        if call.isMeasured { latenciesNanoseconds.append(now.nanoseconds(since: call.intendedTime)) }
    }
}
