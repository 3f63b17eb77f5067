import RPC
import Testing
import Vocabulary

@testable import LoadTest

@Suite("LoadAccount")
struct LoadAccountTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        Self.start.advanced(byNanoseconds: milliseconds * 1_000_000)
    }

    /// A warm-up of 100 ms, then 1 s in windows of 300 ms: the last one is shorter.
    private func account(_ objective: ServiceObjective = ServiceObjective()) throws -> LoadAccount {
        let plan = try LoadPlan(
            .open(callsPerSecond: 1, seed: 1), warmupNanoseconds: 100_000_000, durationNanoseconds: 1_000_000_000,
            timeoutNanoseconds: 1_000_000_000, connectionCount: 1)
        let detail = LoadDetail(objective: objective, windowNanoseconds: 300_000_000, heedsPushback: false)
        return LoadAccount(plan, detail, start: Self.start)
    }

    private func record(_ milliseconds: UInt64, isMeasured: Bool = true, tokensAt: [UInt64] = []) -> LoadCallRecord {
        let call = LoadCall(intendedTime: time(milliseconds), isMeasured: isMeasured)
        var record = LoadCallRecord(call, sent: call.intendedTime)
        for token in tokensAt { record.tokensArrived(1, at: time(token)) }
        return record
    }

    @Test("a call counts where it was due, its answer where it came")
    func windows() throws {
        var account = try account()
        account.callEnded(record(110), .answered, reason: nil, at: time(450), isInWindow: true)
        account.callEnded(record(1090), .answered, reason: nil, at: time(1500), isInWindow: false)
        account.callEnded(record(50, isMeasured: false), .answered, reason: nil, at: time(120), isInWindow: true)
        account.tokensArrived(3, at: time(450), isInWindow: true)
        account.tokensArrived(3, at: time(1500), isInWindow: false)
        #expect(account.windows.map(\.ended) == [1, 0, 0, 1])
        #expect(account.windows.map(\.answered) == [1, 1, 0, 0])
        #expect(account.windows.map(\.tokens) == [0, 3, 0, 0])
        #expect(account.windows.map(\.latency.count) == [1, 0, 0, 1])
        #expect(account.goodCount == 2)
    }

    @Test("errors are counted by code and reason, and without end by neither")
    func failures() throws {
        var account = try account()
        for reason in ["A", "A", "B", nil] {
            account.callEnded(
                record(200), .failed(.resourceExhausted, message: "full"), reason: reason, at: time(210),
                isInWindow: true)
        }
        account.callGivenUp(LoadCall(intendedTime: time(300), isMeasured: true))
        #expect(account.failures[.init(code: .resourceExhausted, reason: "A")]?.count == 2)
        #expect(account.failures[.init(code: .resourceExhausted, reason: nil)]?.count == 1)
        #expect(account.failures[.init(code: .deadlineExceeded, reason: nil)]?.count == 1)
        #expect(account.windows[0].failed == 5 && account.goodCount == 0)
        for number in 0..<1000 {
            account.callEnded(
                record(200), .failed(.internal, message: "?"), reason: "R\(number)", at: time(210), isInWindow: true)
        }
        #expect(account.failures.count <= LoadAccount.failureKindCountMax + 1)
        #expect(account.failures.values.reduce(0) { $0 + $1.count } == 1005)
    }

    @Test(
        "a call is good when it keeps to all of its objectives",
        arguments: [
            (ServiceObjective(), true), (ServiceObjective(latencyNanoseconds: 100_000_000), true),
            (ServiceObjective(latencyNanoseconds: 99_999_999), false),
            (ServiceObjective(firstTokenNanoseconds: 40_000_000), true),
            (ServiceObjective(firstTokenNanoseconds: 39_000_000), false),
            (ServiceObjective(betweenTokensNanoseconds: 20_000_000), true),
            (ServiceObjective(betweenTokensNanoseconds: 19_000_000), false),
            (ServiceObjective(latencyNanoseconds: 1, firstTokenNanoseconds: 40_000_000), false),
        ])
    func objectives(objective: ServiceObjective, isGood: Bool) throws {
        var account = try account(objective)
        // Tokens at 40, 50 and 80 ms: 20 ms between them on average.
        let record = record(200, tokensAt: [240, 250, 280])
        account.callEnded(record, .answered, reason: nil, at: time(300), isInWindow: true)
        #expect(account.goodCount == (isGood ? 1 : 0))
        #expect(account.windows[0].betweenTokens.count == 1)
    }

    @Test("an objective of tokens is not met by an answer without any")
    func noTokens() {
        let times = CallTimes(latencyNanoseconds: 5)
        #expect(!ServiceObjective(firstTokenNanoseconds: 10).isMet(by: times))
        #expect(!ServiceObjective(betweenTokensNanoseconds: 10).isMet(by: times))
        #expect(
            ServiceObjective(betweenTokensNanoseconds: 10)
                .isMet(by: CallTimes(latencyNanoseconds: 5, firstTokenNanoseconds: 5)))
    }

    @Test("only what nothing held back is the generator's lateness")
    func lateness() throws {
        var account = try account()
        let punctual = LoadCall(intendedTime: time(200), isMeasured: true)
        account.callSent(punctual, at: time(200), isOpen: true)
        account.callSent(punctual, at: time(203), isOpen: true)
        account.callSent(
            LoadCall(intendedTime: time(200), isMeasured: true, isHeldBack: true), at: time(900), isOpen: true)
        account.callSent(punctual, at: time(900), isOpen: false)
        account.callSent(LoadCall(intendedTime: time(1), isMeasured: false), at: time(90), isOpen: true)
        #expect(account.lateness.count == 2 && account.lateCount == 1 && account.heldBackCount == 1)
        #expect(account.sentCount == 5)
    }
}
