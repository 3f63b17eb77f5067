import TestSupport
import Testing
import Vocabulary

@testable import Routing

private let replicas = (1...6).map { ReplicaID("10.0.0.\($0):1") }
/// Their places.
private let all = Array(replicas.indices)
private let start = MonotonicTime(nanoseconds: 100_000_000_000)

/// A watch over replicas that fail as many of each hundred calls as they are told to, window after window.
private struct Trial {
    var watch = OutlierWatch()
    var now = start
    let callCount: Int

    init(callCount: Int = 100) { self.callCount = callCount }

    /// Lets a window pass; gives those that are out then.
    mutating func window(_ failuresOfHundred: [Int]) -> Set<Int> {
        for (replica, failures) in zip(all, failuresOfHundred) where !watch.isOut(replica, at: now) {
            for call in 0..<callCount {
                watch.count(replica, hasFailed: call * 100 / callCount % 100 < failures, at: now)
            }
        }
        now = now.advanced(byNanoseconds: OutlierWatch.windowNanoseconds)
        watch.compare(replicaCount: failuresOfHundred.count, at: now)
        return out(of: failuresOfHundred.count)
    }

    func out(of count: Int) -> Set<Int> { Set(all.prefix(count).filter { watch.isOut($0, at: now) }) }
}

@Suite("A watch for outliers")
struct OutlierWatchTests {
    @Test("takes out who fails far more often than the others, be there only one other")
    func standsOut() {
        var two = Trial()
        #expect(two.window([35, 0]) == [all[0]])
        var four = Trial()
        #expect(four.window([2, 0, 30, 5]) == [all[2]])
    }

    @Test(
        "leaves everybody in when all fail alike, when nobody fails by much, and when there is nobody to compare with",
        arguments: [[60, 60, 60], [55, 70, 60], [100, 100], [10, 0, 3], [19, 0], [90]])
    func sameForAll(_ failures: [Int]) {
        var trial = Trial()
        for _ in 0..<5 { #expect(trial.window(failures) == []) }
    }

    @Test("says nothing on the strength of a few calls")
    func fewCalls() {
        var trial = Trial(callCount: 9)
        #expect(trial.window([100, 0, 0]) == [])
        // Counts are halved with each window, so slow traffic never comes to twice its calls.
        for _ in 0..<10 { #expect(trial.window([100, 0, 0]) == []) }
        var enough = Trial(callCount: 20)
        #expect(enough.window([100, 0, 0]) == [all[0]])
    }

    @Test("never takes out more than half, the worst first")
    func half() {
        var trial = Trial()
        #expect(trial.window([0, 90, 80, 0, 0, 0]) == [all[1], all[2]])
        var crowd = Trial()
        #expect(crowd.window([0, 0, 0, 95, 99]) == [all[3], all[4]])
        // Three of five stand out from the other two, but only two may go.
        for _ in 0..<3 { #expect(crowd.window([0, 0, 90, 95, 99]).count <= 2) }
        var pair = Trial()
        #expect(pair.window([0, 90]) == [all[1]])
        #expect(pair.window([90, 90]) == [all[1]], "the other one is all there is")
    }

    @Test("one that comes back is judged by what it does then, not by calls that failed while it was out")
    func cleanSlate() {
        var trial = Trial()
        #expect(trial.window([50, 0]) == [all[0]])
        // The ends of calls that were there before, and of those for which no other was left.
        for _ in 0..<40 { trial.watch.count(all[0], hasFailed: true, at: trial.now) }
        trial.now = trial.now.advanced(byNanoseconds: OutlierWatch.ejectionNanosecondsMin)
        #expect(trial.out(of: 2) == [])
        for _ in 0..<3 { #expect(trial.window([0, 0]) == []) }
    }

    @Test("lets one in again after a time that grows each time, and shrinks when all is well")
    func times() {
        var trial = Trial()
        func ejectionLength(_ trial: inout Trial) -> UInt64 {
            while trial.window([50, 0, 0]) == [] {}
            let begin = trial.now
            while trial.watch.isOut(all[0], at: trial.now) {
                trial.now = trial.now.advanced(byNanoseconds: 1_000_000_000)
            }
            return trial.now.nanoseconds(since: begin)
        }
        let first = OutlierWatch.ejectionNanosecondsMin
        #expect((0..<7).map { _ in ejectionLength(&trial) } == [1, 2, 4, 8, 16, 30, 30].map { $0 * first })
        // Seven times out; as many windows without anything bring it back to the beginning.
        for _ in 0..<12 { #expect(trial.window([0, 0, 0]) == []) }
        #expect(ejectionLength(&trial) == first)
    }
}

@Suite("A table of replicas with an outlier")
struct OutlierTableTests {
    private let model = ModelSelector(name: ModelName("digits")!)

    private func report(_ table: inout ReplicaTable, _ replicas: [ReplicaID], at now: MonotonicTime) {
        let model = ReplicaReport.Model(
            name: model.name, version: ModelVersion(1)!, waitNanoseconds: 0, serviceNanoseconds: 1_000_000)
        for replica in replicas { table.update(replica, ReplicaReport(models: [model]), at: now) }
    }

    /// A table in which the first replica fails every third of its calls, at the moment when that is noticed.
    private func ill(_ replicas: [ReplicaID]) -> (ReplicaTable, MonotonicTime) {
        var table = ReplicaTable()
        for replica in replicas { table.add(replica, at: MonotonicTime(nanoseconds: 0)) }
        var now = start
        var count = 0
        report(&table, replicas, at: now)
        while table.isReady(replicas[0], at: now) {
            now = now.advanced(byNanoseconds: 50_000_000)
            report(&table, replicas, at: now)
            for dispatch in (0..<10).compactMap({ _ in table.begin(model, at: now) }) {
                if dispatch.replica == replicas[0] { count += 1 }
                let fails = dispatch.replica == replicas[0] && count % 3 == 0
                table.finish(dispatch, fails ? .unreachable : .answered, at: now)
            }
        }
        #expect(now.nanoseconds(since: start) <= 2 * OutlierWatch.windowNanoseconds)
        return (table, now)
    }

    @Test("keeps calls away from it, then lets it in again, slowly")
    func ejection() {
        var (table, now) = ill(Array(replicas.prefix(3)))
        #expect(table.state(of: replicas[0], at: now) == .outlier && table.state(of: replicas[1], at: now) == .ready)
        for _ in 0..<20 { #expect(table.begin(model, at: now)?.replica != replicas[0]) }
        let then = now.advanced(byNanoseconds: OutlierWatch.ejectionNanosecondsMin)
        report(&table, Array(replicas.prefix(3)), at: then)
        #expect(table.isReady(replicas[0], at: then))
        let calls = (0..<210).compactMap { _ in table.begin(model, at: then)?.replica }
        // As one that has just joined: a tenth of what the others get.
        #expect(abs(calls.count { $0 == replicas[0] } - 10) < 3)
    }

    @Test("asks it all the same when no other can take the call")
    func lastResort() {
        var (table, now) = ill(Array(replicas.prefix(2)))
        #expect(table.begin(model, at: now)?.replica == replicas[1])
        #expect(table.begin(model, excluding: [replicas[1]], at: now)?.replica == replicas[0])
        table.disconnect(replicas[1])
        #expect(table.begin(model, at: now)?.replica == replicas[0])
    }

    @Test("a replica that connects anew is an outlier no more")
    func reconnection() {
        var (table, now) = ill(Array(replicas.prefix(2)))
        table.disconnect(replicas[0])
        report(&table, [replicas[0]], at: now)
        #expect(table.isReady(replicas[0], at: now))
    }

    @Test("a caller without patience takes no replica from anybody")
    func impatience() {
        var table = ReplicaTable()
        table.add(replicas[0], at: MonotonicTime(nanoseconds: 0))
        report(&table, [replicas[0]], at: MonotonicTime(nanoseconds: 0))
        report(&table, [replicas[0]], at: start)
        var now = start
        func timeOut(after nanoseconds: UInt64) {
            report(&table, [replicas[0]], at: now)
            let dispatch = table.begin(model, at: now)!
            now = now.advanced(byNanoseconds: nanoseconds)
            report(&table, [replicas[0]], at: now)
            table.finish(dispatch, .timedOut, at: now)
        }
        for _ in 0..<20 { timeOut(after: ReplicaTable.timeoutNanosecondsMin - 1) }
        #expect(table.isReady(replicas[0], at: now))
        for _ in 0..<CircuitBreaker.failureCountMax { timeOut(after: ReplicaTable.timeoutNanosecondsMin) }
        #expect(!table.isReady(replicas[0], at: now))
    }
}
