import TestSupport
import Testing
import Vocabulary

@testable import Routing

private let a = ReplicaID("10.0.0.1:1")
private let b = ReplicaID("10.0.0.2:1")
private let c = ReplicaID("10.0.0.3:1")
private let digits = ModelSelector(name: ModelName("digits")!)

private func report(
    _ models: [(String, Int)] = [("digits", 1)], wait: UInt64 = 0, service: UInt64 = 1_000_000, drains: Bool = false
) -> ReplicaReport {
    ReplicaReport(
        models: models.map {
            .init(
                name: ModelName($0.0)!, version: ModelVersion($0.1)!, waitNanoseconds: wait,
                serviceNanoseconds: service)
        }, isDraining: drains)
}

/// Long after replicas have joined, and at once after their last report.
private let later = MonotonicTime(nanoseconds: 100_000_000_000)

extension ReplicaTable {
    /// Lets calls fail until the breaker of the only replica opens; gives the time then.
    fileprivate mutating func breakDown(_ selector: ModelSelector) -> MonotonicTime {
        var now = later
        for _ in 0..<CircuitBreaker.failureCountMax {
            now = now.advanced(byNanoseconds: CircuitBreaker.momentNanoseconds)
            finish(begin(selector, at: now)!, .unreachable, at: now)
        }
        return now
    }
}

@Suite("A table of replicas")
struct ReplicaTableTests {
    private func table(_ reports: [ReplicaID: ReplicaReport]) -> ReplicaTable {
        var table = ReplicaTable()
        for (replica, report) in reports {
            table.add(replica, at: MonotonicTime(nanoseconds: 0))
            table.update(replica, report, at: MonotonicTime(nanoseconds: 0))
            table.update(replica, report, at: later)
        }
        return table
    }

    @Test("sends a call to the replica with the least wait, its own calls included")
    func leastWait() {
        var table = table([a: report(wait: 5_000_000), b: report()])
        // Five calls take b as long as a has to do already.
        let first = (0..<5).map { _ in table.begin(digits, at: later)?.replica }
        #expect(first == Array(repeating: b, count: 5))
        let next = (0..<4).compactMap { _ in table.begin(digits, at: later)?.replica }
        #expect(Set(next) == [a, b])
        // A report has counted them; from then on only what it says counts.
        table.update(b, report(wait: 20_000_000), at: later)
        #expect(table.begin(digits, at: later)?.replica == a)
    }

    @Test(
        "a caller that cancels at its deadline has waited in vain, one that does so sooner has not",
        arguments: [
            (cancelledAfter: UInt64(0), outcome: ReplicaTable.Outcome.abandoned), (1_799_999_999, .abandoned),
            (1_800_000_000, .timedOut), (2_000_000_000, .timedOut), (2_500_000_000, .timedOut),
        ])
    func cancellation(cancelledAfter: UInt64, outcome: ReplicaTable.Outcome) {
        let now = later.advanced(byNanoseconds: cancelledAfter)
        let deadline = Deadline(later.advanced(byNanoseconds: 2_000_000_000))
        #expect(ReplicaTable.Outcome(cancelledAt: now, arrival: later, deadline: deadline) == outcome)
        #expect(ReplicaTable.Outcome(cancelledAt: now, arrival: later, deadline: .never) == .abandoned)
    }

    @Test("a replica that is running requests is busier than one that is idle, though nobody waits at either")
    func running() {
        func report(_ count: UInt64) -> ReplicaReport {
            ReplicaReport(models: [
                .init(
                    name: digits.name, version: ModelVersion(1)!, waitNanoseconds: 0, serviceNanoseconds: 1_000_000,
                    runningCount: count)
            ])
        }
        var table = table([a: report(10), b: report(0)])
        let calls = (0..<10).map { _ in table.begin(digits, at: later)!.replica }
        #expect(calls == Array(repeating: b, count: 10))
        let next = (0..<10).map { _ in table.begin(digits, at: later)!.replica }
        #expect(next.count { $0 == a } == 5)
    }

    @Test("gives equals their turns")
    func turns() {
        var table = table([a: report(), b: report(), c: report()])
        var counts: [ReplicaID: Int] = [:]
        for _ in 0..<30 { counts[table.begin(digits, at: later)!.replica, default: 0] += 1 }
        #expect(counts == [a: 10, b: 10, c: 10])
    }

    @Test("asks only replicas that serve the model and version, speak, and do not drain")
    func eligibility() {
        var table = table([
            a: report([("digits", 1)]), b: report([("digits", 2)]), c: report([("digits", 2)], drains: true),
        ])
        let second = ModelSelector(name: ModelName("digits")!, version: ModelVersion(2)!)
        for _ in 0..<5 { #expect(table.begin(second, at: later)?.replica == b) }
        #expect(table.begin(ModelSelector(name: ModelName("other")!), at: later) == nil)
        #expect(!table.knows(ModelSelector(name: ModelName("other")!)))
        table.disconnect(b)
        #expect(table.begin(second, at: later) == nil && table.knows(second), "c drains, and is there")
        table.update(b, report([("digits", 2)]), at: later)
        #expect(table.begin(second, at: later)?.replica == b)
        #expect([a, b, c].map { table.state(of: $0, at: later) } == [.ready, .ready, .draining])
        #expect(table.replicaCount(of: digits) == 3 && table.replicaCount(of: second) == 2)
        #expect(table.replicaCount(of: ModelSelector(name: ModelName("other")!)) == 0)
        table.disconnect(a)
        #expect(table.replicaCount(of: digits) == 3, "who is away may come back")
        table.remove(b)
        #expect([a, b].map { table.state(of: $0, at: later) } == [.away, nil])
        #expect(table.begin(second, at: later) == nil)
        #expect(table.models(at: .init(nanoseconds: 0)).map(\.version) == [ModelVersion(1)!, ModelVersion(2)!])
    }

    @Test("what is known of a model agrees with who serves it, whatever was asked for before")
    func knowledge() {
        var table = table([a: report([("digits", 1)]), b: report([("digits", 2), ("some", 1)])])
        let names = ["digits", "some", "other"].compactMap(ModelName.init)
        func check(_ message: Comment) {
            for first in names {
                for second in names {
                    for version in [nil, ModelVersion(1), ModelVersion(2)] {
                        _ = table.begin(ModelSelector(name: first), at: later)
                        let selector = ModelSelector(name: second, version: version)
                        let known = table.knowledge(of: selector, at: later)
                        let count = table.replicaCount(of: ModelSelector(name: second))
                        let expected: ReplicaTable.Knowledge? =
                            table.knows(selector)
                            ? .known(replicaCount: count) : table.expects(selector, at: later) ? .expected : nil
                        #expect(known == expected, message)
                    }
                }
            }
        }
        check("two replicas")
        table.update(a, report([("other", 1)]), at: later)
        check("one has other models")
        table.remove(b)
        check("one is gone")
        table.add(b, at: later)
        check("one is to come")
    }

    @Test("knows nothing until a replica has spoken, and nothing again when the last one is gone")
    func silent() {
        var table = ReplicaTable()
        #expect(table.isSilent)
        table.add(a, at: later)
        table.add(b, at: later)
        #expect(table.isSilent)
        table.update(a, report(), at: later)
        table.disconnect(a)
        #expect(!table.isSilent, "what it has said is remembered")
        table.remove(a)
        #expect(table.isSilent)
    }

    private let other = ModelSelector(name: ModelName("other")!)
    private let bound = ReplicaTable.awaitNanosecondsMax

    @Test("expects a model whose last replica is gone, for a while after it was heard of, and no other")
    func expectsAfterRemoval() {
        var table = table([a: report([("digits", 2)]), b: report([("other", 1)])])
        table.remove(a)
        #expect(!table.knows(digits))
        let nobody = ModelSelector(name: ModelName("nobody")!)
        let (last, past) = (later.advanced(byNanoseconds: bound), later.advanced(byNanoseconds: bound + 1))
        for version in [nil, ModelVersion(2)] {
            let selector = ModelSelector(name: digits.name, version: version)
            #expect(table.expects(selector, at: last) && !table.expects(selector, at: past))
        }
        #expect(!table.expects(ModelSelector(name: digits.name, version: ModelVersion(1)), at: last))
        #expect(table.expects(other, at: past) && !table.expects(nobody, at: later))
    }

    @Test("expects a model that a replica had before it was away, but not one that it unloads")
    func expectsAfterReturn() {
        var table = table([a: report([("digits", 1), ("other", 1)]), b: report([("some", 1)])])
        table.disconnect(a)
        table.update(a, report([("digits", 1)]), at: later)
        #expect(table.expects(other, at: later.advanced(byNanoseconds: bound)))
        #expect(!table.expects(other, at: later.advanced(byNanoseconds: bound + 1)))
        table.update(a, report([("some", 1)]), at: later)
        #expect(!table.expects(digits, at: later))
    }

    @Test("expects any model while a replica that was added has not spoken, for a while")
    func expectsTheUnheard() {
        var table = table([a: report()])
        #expect(!table.expects(other, at: later))
        table.add(b, at: later)
        #expect(table.expects(other, at: later.advanced(byNanoseconds: bound)))
        #expect(!table.expects(other, at: later.advanced(byNanoseconds: bound + 1)))
        table.update(b, report(), at: later)
        #expect(!table.expects(other, at: later))
    }

    @Test("says what a model does as soon as one of its replicas says it")
    func tasks() {
        func report(_ task: ServedTask) -> ReplicaReport {
            ReplicaReport(models: [
                .init(
                    name: digits.name, version: ModelVersion(1)!, waitNanoseconds: 0, serviceNanoseconds: 1, task: task)
            ])
        }
        let mixed = table([a: report(.unknown), b: report(.embed)])
        #expect(mixed.models(at: later).map(\.task) == [.embed])
        #expect(table([a: report(.unknown)]).models(at: later).map(\.task) == [.unknown])
    }

    @Test("keeps a retry away from the replicas that were tried")
    func exclusion() {
        var table = table([a: report(), b: report()])
        #expect(table.begin(digits, excluding: [a], at: later)?.replica == b)
        #expect(table.begin(digits, excluding: [a, b], at: later) == nil)
    }

    @Test("spares a replica that has just joined, less and less")
    func slowStart() {
        var table = table([a: report()])
        table.add(b, at: later)
        table.update(b, report(), at: later)
        func share(at time: MonotonicTime) -> Double {
            var copy = table
            for replica in [a, b] { copy.update(replica, report(), at: time) }
            let calls = (0..<1_100).map { _ in copy.begin(digits, at: time)?.replica }
            return Double(calls.count { $0 == b }) / Double(calls.count)
        }
        let shares = [0, 2_500_000_000, 5_000_000_000].map { share(at: later.advanced(byNanoseconds: $0)) }
        // Calls are to each other as the shares: 0.1 of 1.1, 0.5 of 1.5, 1 of 2.
        #expect(abs(shares[0] - 1.0 / 11) < 0.01 && abs(shares[1] - 1.0 / 3) < 0.01 && abs(shares[2] - 0.5) < 0.01)
    }

    @Test("a replica that has just joined has its part of calls that come one by one")
    func slowStartOfFewCalls() {
        var table = table([a: report()])
        table.add(b, at: later)
        table.update(b, report(), at: later)
        var count = 0
        for _ in 0..<110 {
            let dispatch = table.begin(digits, at: later)!
            if dispatch.replica == b { count += 1 }
            table.finish(dispatch, .answered, at: later)
        }
        #expect((9...10).contains(count), "a tenth of what the other one gets")
    }

    @Test("replicas that have all just joined are as good as each other")
    func slowStartOfAll() {
        var table = ReplicaTable()
        for replica in [a, b, c] {
            table.add(replica, at: later)
            table.update(replica, report(), at: later)
        }
        var counts: [ReplicaID: Int] = [:]
        for _ in 0..<30 { counts[table.begin(digits, at: later)!.replica, default: 0] += 1 }
        #expect(counts == [a: 10, b: 10, c: 10])
    }

    @Test("a replica that joined a moment before the others gets no more than they do")
    func slowStartOfNearlyAll() {
        var table = ReplicaTable()
        for (index, replica) in [a, b, c].enumerated() {
            let time = later.plus(UInt64(index))
            table.add(replica, at: time)
            table.update(replica, report(), at: time)
        }
        let then = later.plus(1_000)
        var counts: [ReplicaID: Int] = [:]
        for _ in 0..<300 {
            let dispatch = table.begin(digits, at: then)!
            counts[dispatch.replica, default: 0] += 1
            table.finish(dispatch, .answered, at: then)
        }
        #expect([a, b, c].allSatisfy { (98...102).contains(counts[$0] ?? 0) }, "\(counts)")
    }

    @Test("takes a replica out that does not answer, tries it with one call, and takes it back")
    func breaker() {
        var table = table([a: report()])
        let later = table.breakDown(digits)
        #expect(table.begin(digits, at: later) == nil && table.state(of: a, at: later) == .broken)
        let then = later.advanced(byNanoseconds: CircuitBreaker.openNanosecondsMin)
        table.update(a, report(), at: then)
        let attempt = table.begin(digits, at: then)!
        #expect(table.begin(digits, at: then) == nil, "one try at a time")
        table.finish(attempt, .answered, at: then)
        #expect(table.begin(digits, at: then)?.replica == a && table.begin(digits, at: then)?.replica == a)
    }

    @Test("a replica that has gone silent gets no calls until it speaks again")
    func silence() {
        var table = table([a: report(), b: report()])
        let then = later.advanced(byNanoseconds: ReplicaTable.reportAgeNanosecondsMax + 1)
        table.update(b, report(), at: then)
        for _ in 0..<4 { #expect(table.begin(digits, at: then)?.replica == b) }
        table.update(a, report(), at: then)
        #expect(table.begin(digits, at: then)?.replica == a)
    }

    @Test("a replica that connects anew begins with a clean slate")
    func reconnection() {
        var table = table([a: report()])
        let later = table.breakDown(digits)
        #expect(!table.isReady(a, at: later))
        table.disconnect(a)
        table.update(a, report(), at: later)
        #expect(table.begin(digits, at: later)?.replica == a)
    }

    @Test("a call that a report has counted is not taken from those that were sent since")
    func countedCalls() {
        var table = table([a: report(), b: report()])
        let counted = (0..<4).map { _ in table.begin(digits, at: later)! }
        table.update(a, report(), at: later)
        table.update(b, report(), at: later)
        let since = (0..<4).map { _ in table.begin(digits, at: later)! }
        #expect(since.count { $0.replica == a } == 2)
        // Were they taken from those, a would seem to have nothing to do.
        for call in counted where call.replica == a { table.finish(call, .answered, at: later) }
        let next = (0..<4).map { _ in table.begin(digits, at: later)! }
        #expect(next.count { $0.replica == a } == 2)
        #expect(table.callCount(of: a) == 4 && table.callCount(of: b) == 6)
    }

    @Test("a call to a replica that was removed is not taken from its namesake")
    func namesake() {
        var table = table([a: report()])
        let old = table.begin(digits, at: later)!
        table.remove(a)
        table.add(a, at: later)
        table.update(a, report(), at: later)
        let new = table.begin(digits, at: later)!
        table.finish(old, .answered, at: later)
        #expect(table.callCount(of: a) == 1)
        table.finish(new, .answered, at: later)
        #expect(table.callCount(of: a) == 0)
    }

    @Test("retries no more than a tenth of the calls, and a few in any case")
    func retries() {
        var table = table([a: report()])
        var count = 0
        while table.takeRetry() { count += 1 }
        #expect(count == 10)
        for _ in 0..<100 { table.finish(table.begin(digits, at: later)!, .answered, at: later) }
        count = 0
        while table.takeRetry() { count += 1 }
        #expect(count == 10)
    }

    @Test("a random walk ends with no call counted, and never asks a replica that must not be asked")
    func walk() throws {
        var random = SeededGenerator(seed: 11)
        let all = [a, b, c]
        var table = ReplicaTable()
        var time = MonotonicTime(nanoseconds: 1)
        var calls: [ReplicaTable.Dispatch] = []
        var ready: Set<ReplicaID> = []
        for _ in 0..<20_000 {
            time = time.advanced(byNanoseconds: UInt64.random(in: 0...200_000_000, using: &random))
            let replica = all.randomElement(using: &random)!
            switch Int.random(in: 0..<10, using: &random) {
            case 0: table.add(replica, at: time)
            case 1 where table.replicas.contains(replica):
                table.update(replica, report(wait: UInt64.random(in: 0...9_000_000, using: &random)), at: time)
                ready.insert(replica)
            case 2 where Int.random(in: 0..<5, using: &random) == 0:
                table.disconnect(replica)
                ready.remove(replica)
            case 3...5:
                let could = ready.filter { table.isReady($0, at: time) }
                let chosen = table.begin(digits, at: time)
                // Where nobody is left, one is asked that fails more often than others.
                #expect(could.isEmpty || chosen.map { could.contains($0.replica) } ?? false)
                #expect(chosen.map { ready.contains($0.replica) } ?? true)
                if let chosen { calls.append(chosen) }
            default:
                guard !calls.isEmpty else { continue }
                let call = calls.remove(at: Int.random(in: calls.indices, using: &random))
                let outcomes: [ReplicaTable.Outcome] = [.answered, .answered, .unreachable, .abandoned]
                table.finish(call, outcomes.randomElement(using: &random)!, at: time)
            }
        }
        for call in calls { table.finish(call, .answered, at: time) }
        for replica in all { #expect(table.callCount(of: replica) == 0) }
    }
}
