import TestSupport
import Testing
import Vocabulary

@testable import Routing

private let a = ReplicaID("10.0.0.1:1")
private let b = ReplicaID("10.0.0.2:1")
private let digits = ModelSelector(name: ModelName("digits")!)
private let millisecond: UInt64 = 1_000_000
private let start = MonotonicTime(nanoseconds: 100_000_000_000)

private func report(_ models: [(String, Int)] = [("digits", 1)]) -> ReplicaReport {
    ReplicaReport(
        models: models.map {
            .init(
                name: ModelName($0.0)!, version: ModelVersion($0.1)!, waitNanoseconds: 0,
                serviceNanoseconds: millisecond)
        })
}

extension MonotonicTime {
    func plus(_ milliseconds: UInt64) -> MonotonicTime {
        advanced(byNanoseconds: milliseconds * millisecond)
    }
}

/// Two replicas that have been there for long.
private func pair() -> ReplicaTable {
    var table = ReplicaTable()
    for replica in [a, b] {
        table.add(replica, at: start)
        table.update(replica, report(), at: MonotonicTime(nanoseconds: 0))
        table.update(replica, report(), at: start)
    }
    return table
}

@Suite("A table of replicas whose connections come and go")
struct ReplicaConnectionTests {
    @Test("calls that hang on an old connection say nothing about the new one", arguments: [0, 1, 2])
    func oldConnection(kind: Int) {
        var table = pair()
        let hanging = (0..<40).compactMap { _ in table.begin(digits, excluding: [b], at: start) }
        var now = start.plus(3_000)
        switch kind {
        // A shard that was silent speaks on another connection; one that was lost is back; one has a new certificate.
        case 0: table.disconnect(a)
        case 1: table.reconnect(a)
        default: table.changeConnection(of: a)
        }
        table.update(a, report(), at: now)
        for call in hanging {
            now = now.plus(100)
            table.finish(call, .unreachable, at: now)
            table.update(a, report(), at: now)
            table.update(b, report(), at: now)
            #expect(table.state(of: a, at: now) == .ready)
            // The comparison with others is made when calls begin.
            table.finish(table.begin(digits, excluding: [a], at: now)!, .answered, at: now)
        }
        #expect(table.callCount(of: a) == 0)
    }

    @Test("a try on an old connection does not keep others from the new one")
    func oldTry() {
        var table = pair()
        var now = start
        for _ in 0..<CircuitBreaker.failureCountMax {
            now = now.plus(10)
            table.finish(table.begin(digits, excluding: [b], at: now)!, .unreachable, at: now)
        }
        now = now.plus(1_000)
        table.update(a, report(), at: now)
        let attempt = table.begin(digits, excluding: [b], at: now)!
        #expect(table.state(of: a, at: now) == .broken)
        table.reconnect(a)
        #expect(table.state(of: a, at: now) == .ready)
        table.finish(attempt, .unreachable, at: now)
        #expect(table.begin(digits, excluding: [b], at: now)?.replica == a)
    }

    @Test("the first sign of an answer closes the breaker, not the end of a stream of hours")
    func heard() {
        var table = pair()
        var now = start
        for _ in 0..<CircuitBreaker.failureCountMax {
            now = now.plus(10)
            table.finish(table.begin(digits, excluding: [b], at: now)!, .unreachable, at: now)
        }
        now = now.plus(1_000)
        table.update(a, report(), at: now)
        let stream = table.begin(digits, excluding: [b], at: now)!
        #expect(table.begin(digits, excluding: [b], at: now) == nil)
        table.heard(stream)
        #expect(table.begin(digits, excluding: [b], at: now) != nil && table.state(of: a, at: now) == .ready)
        // Of one that has come again under this address it says nothing.
        table.remove(a)
        table.heard(stream)
        table.add(a, at: now)
        table.heard(stream)
    }

    @Test("a connection that is lost with all its calls is one failure")
    func lostConnection() {
        var table = pair()
        let calls = (0..<20).compactMap { _ in table.begin(digits, excluding: [b], at: start) }
        for (index, call) in calls.enumerated() {
            table.finish(call, .lost, at: start.advanced(byNanoseconds: UInt64(index) * 100_000))
        }
        #expect(table.state(of: a, at: start.plus(5)) == .ready)
    }

    @Test("who was away for a moment gets its part at once, who was away for long begins slowly")
    func slowStart() {
        func share(afterMilliseconds away: UInt64) -> Int {
            var table = pair()
            table.disconnect(a)
            let now = start.plus(away)
            for replica in [a, b] { table.update(replica, report(), at: now) }
            return (0..<110).count { _ in table.begin(digits, at: now)?.replica == a }
        }
        #expect(share(afterMilliseconds: 500) == 55)
        #expect(share(afterMilliseconds: 3_000) == 10)
    }
}

@Suite("A table of replicas and its index of models")
struct ReplicaIndexTests {
    @Test("says of every model the same as a search through all reports, whatever comes and goes")
    func search() {
        var random = SeededGenerator(seed: 4)
        let all = (1...5).map { ReplicaID("10.0.0.\($0):1") }
        let names = ["one", "two", "three"]
        let versions = [nil, 1, 2, 3, 4]
        var table = ReplicaTable()
        var reports: [ReplicaID: [(String, Int)]] = [:]
        var isThere: Set<ReplicaID> = []
        var calls: [ReplicaTable.Dispatch] = []
        for _ in 0..<5_000 {
            let replica = all.randomElement(using: &random)!
            switch Int.random(in: 0..<6, using: &random) {
            case 0: table.add(replica, at: start)
            case 1:
                table.remove(replica)
                reports[replica] = nil
                isThere.remove(replica)
            case 2 where reports[replica] != nil:
                table.disconnect(replica)
                isThere.remove(replica)
            case 3 where !calls.isEmpty: table.finish(calls.removeLast(), .answered, at: start)
            default:
                guard table.slot(of: replica) != nil else { continue }
                let models = names.flatMap { name in (1...4).map { (name, $0) } }
                    .filter { _ in Bool.random(using: &random) }.shuffled(using: &random)
                table.update(replica, report(models), at: start)
                reports[replica] = models
                isThere.insert(replica)
            }
            let name = names.randomElement(using: &random)!
            let version = versions.randomElement(using: &random)!
            let selector = ModelSelector(name: ModelName(name)!, version: version.flatMap { ModelVersion($0) })
            let holders = Set(
                reports.filter { $0.value.contains { $0.0 == name && (version ?? $0.1) == $0.1 } }.keys)
            #expect(table.knows(selector) == !holders.isEmpty)
            #expect(table.isReady(selector, at: start) == !holders.isDisjoint(with: isThere))
            let chosen = table.begin(selector, at: start)
            #expect((chosen == nil) == holders.isDisjoint(with: isThere))
            if let chosen {
                #expect(holders.contains(chosen.replica) && isThere.contains(chosen.replica))
                calls.append(chosen)
            }
            let known = Set(reports.values.joined().map { "\($0.0) \($0.1)" })
            #expect(table.catalog().map { "\($0.name) \($0.version)" } == known.sorted())
        }
    }

    @Test("equals take turns for each model, also when calls for two of them alternate")
    func turns() {
        var table = ReplicaTable()
        for replica in [a, b] {
            table.add(replica, at: start)
            table.update(replica, report([("one", 1), ("two", 1)]), at: start)
        }
        var counts: [String: Int] = [:]
        for _ in 0..<20 {
            for name in ["one", "two"] {
                let call = table.begin(ModelSelector(name: ModelName(name)!), at: start)!
                counts["\(name) \(call.replica)", default: 0] += 1
                table.finish(call, .answered, at: start)
            }
        }
        #expect(counts.count == 4 && counts.values.allSatisfy { $0 == 10 }, "\(counts)")
    }

    @Test("a model that a replica names twice is one, and of versions the highest is the latest")
    func versions() {
        let models = report([("b", 2), ("a", 1), ("b", 10), ("b", 2)]).models
        #expect(models.map { "\($0.name) \($0.version)" } == ["a 1", "b 2", "b 10"])
    }
}
