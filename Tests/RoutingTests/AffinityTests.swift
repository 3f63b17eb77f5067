import TestSupport
import Testing
import Vocabulary

@testable import Routing

private let tales = ModelSelector(name: ModelName("storyteller")!)
private let service: UInt64 = 1_000_000
/// Long after replicas have joined.
private let later = MonotonicTime(nanoseconds: 100_000_000_000)

private func key(_ prompt: String, tenant: String = "acme", salt: String = "") -> AffinityKey {
    var prompt = prompt
    return prompt.withUTF8 {
        AffinityKey(tenant: TenantID(tenant), selector: tales, salt: salt, prefix: UnsafeRawBufferPointer($0))
    }
}

private func replicas(_ numbers: Range<Int>) -> [ReplicaID] { numbers.map { ReplicaID("10.0.0.\($0):8461") } }

private func report(wait: UInt64 = 0) -> ReplicaReport {
    ReplicaReport(models: [
        .init(name: tales.name, version: ModelVersion(1)!, waitNanoseconds: wait, serviceNanoseconds: service)
    ])
}

private func table(_ replicas: [ReplicaID], lead: Double = 4) -> ReplicaTable {
    var table = ReplicaTable(affinityLead: lead)
    for replica in replicas {
        table.add(replica, at: later)
        table.update(replica, report(), at: MonotonicTime(nanoseconds: 0))
        table.update(replica, report(), at: later)
    }
    return table
}

extension ReplicaTable {
    /// Where a call goes that ends before anybody looks.
    fileprivate mutating func place(_ key: AffinityKey, at now: MonotonicTime = later) -> ReplicaID? {
        guard let dispatch = begin(tales, affinity: key, at: now) else { return nil }
        finish(dispatch, .answered, at: now)
        return dispatch.replica
    }
}

@Suite("Affinity")
struct AffinityTests {
    @Test("calls whose prompts begin alike go to the same of several idle replicas, others to all of them")
    func idle() {
        var table = table(replicas(1..<5))
        var counts: [ReplicaID: Int] = [:]
        for number in 0..<400 {
            let key = key("prompt \(number)")
            let first = table.place(key)!
            for _ in 0..<3 { #expect(table.place(key) == first) }
            counts[first, default: 0] += 1
        }
        // Of 400 in four, each within five standard deviations (of 8.7) of a hundred.
        #expect(counts.count == 4 && counts.values.allSatisfy { abs($0 - 100) < 44 }, "\(counts)")
    }

    @Test("tenants, models and salts have keys of their own, and every process makes the same")
    func namespaces() {
        #expect(key("a tale") == key("a tale"))
        #expect(key("a tale") != key("a tale", tenant: "other"))
        #expect(key("a tale") != key("a tale", salt: "s"))
        #expect(key("ab", salt: "c") != key("b", salt: "ca"))
        let places = replicas(1..<4).map { AffinityKey.place(of: $0) }
        #expect(places.map { key("a tale").preference(for: $0) } == places.map { key("a tale").preference(for: $0) })
        #expect(AffinityKey.place(of: ReplicaID("10.0.0.1:8461")) == 0x02A2_0A52_B0BA_C9C4)
    }

    @Test("a replica is preferred until it is busier than the least busy one by the lead")
    func yields() {
        var table = table(replicas(1..<3), lead: 4)
        let key = key("everybody asks this")
        let preferred = table.place(key)!
        var running = (0..<5).map { _ in table.begin(tales, affinity: key, at: later)!.replica }
        #expect(running == Array(repeating: preferred, count: 5), "the fifth finds four more there than elsewhere")
        running = (0..<10).map { _ in table.begin(tales, affinity: key, at: later)!.replica }
        // From here on both get their part, and the distance stays.
        #expect(running.count { $0 == preferred } == 5)
        // What the replica says itself counts as well.
        table.update(preferred, report(wait: 100 * service), at: later)
        #expect(table.begin(tales, affinity: key, at: later)!.replica != preferred)
    }

    @Test("without a lead nobody is preferred but among equals")
    func noLead() {
        var table = table(replicas(1..<3), lead: 0)
        let key = key("everybody asks this")
        let first = table.begin(tales, affinity: key, at: later)!.replica
        #expect(table.begin(tales, affinity: key, at: later)!.replica != first)
    }

    @Test("one hot replica does not turn affinity off for the keys of the others")
    func hotReplica() {
        var table = table(replicas(1..<5))
        let keys = (0..<100).map { key("prompt \($0)") }
        let homes = keys.map { table.place($0)! }
        let hot = homes[0]
        table.update(hot, report(wait: 1_000 * service), at: later)
        var guests: Set<ReplicaID> = []
        for (key, home) in zip(keys, homes) {
            let place = table.place(key)!
            if home == hot {
                // Its keys go to their next choice, always the same, and not all to one.
                #expect(place != hot && table.place(key) == place)
                guests.insert(place)
            } else {
                #expect(place == home)
            }
        }
        #expect(guests.count == 3)
    }

    @Test("a replica that comes or goes moves no keys but its own")
    func changes() {
        var table = table(replicas(1..<5))
        let keys = (0..<500).map { key("prompt \($0)") }
        let before = keys.map { table.place($0)! }
        let new = ReplicaID("10.0.0.9:8461")
        table.add(new, at: later)
        table.update(new, report(), at: MonotonicTime(nanoseconds: 0))
        table.update(new, report(), at: later)
        let with = keys.map { table.place($0)! }
        for (old, place) in zip(before, with) { #expect(place == old || place == new) }
        // A fifth of them, within five standard deviations (of 9).
        #expect(abs(with.count { $0 == new } - 100) < 45)
        table.remove(new)
        #expect(keys.map { table.place($0)! } == before)
    }

    @Test("a replica that has just joined is spared by those that prefer it, too")
    func slowStart() {
        var table = table(replicas(1..<3))
        let new = ReplicaID("10.0.0.9:8461")
        table.add(new, at: later)
        table.update(new, report(), at: later)
        let keys = (0..<100).map { key("prompt \($0)") }
        // A tenth of what each of the two others gets of them.
        #expect(keys.count { table.place($0) == new } <= 5)
        let then = later.advanced(byNanoseconds: ReplicaTable.slowStartNanoseconds)
        for replica in table.replicas { table.update(replica, report(), at: then) }
        #expect(keys.contains { table.place($0, at: then) == new })
    }

    @Test("a replica that was tried already, or cannot take a call, is nobody's choice")
    func eligibility() {
        var table = table(replicas(1..<4))
        let key = key("once upon a time")
        let first = table.place(key)!
        #expect(table.begin(tales, affinity: key, excluding: [first], at: later)?.replica != first)
        table.disconnect(first)
        let second = table.place(key)!
        #expect(second != first && table.place(key) == second)
        table.update(first, report(), at: MonotonicTime(nanoseconds: 0))
        table.update(first, report(), at: later)
        #expect(table.place(key) == first)
    }
}
