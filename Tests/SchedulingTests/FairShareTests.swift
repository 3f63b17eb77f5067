import Testing

@testable import Scheduling

@Suite("FairShare")
struct FairShareTests {
    @Test("nobody ready, nobody picked")
    func nobody() {
        var shares = FairShare<String>()
        #expect(shares.pick(from: []) == nil)
    }

    @Test("busy models get the same time, however long their steps are")
    func equalTime() {
        var shares = FairShare<String>()
        let cost: [String: UInt64] = ["quick": 1, "slow": 20]
        var served: [String: UInt64] = [:]
        for _ in 0..<2_000 {
            let turn = shares.pick(from: ["quick", "slow"])!
            shares.charge(turn, nanoseconds: cost[turn]!)
            served[turn, default: 0] += cost[turn]!
        }
        #expect(served["quick"]! <= served["slow"]! + 20 && served["slow"]! <= served["quick"]! + 20)
    }

    @Test("a model that was idle does not claim the time it did not want")
    func idleness() {
        var shares = FairShare<String>()
        for _ in 0..<100 { shares.charge(shares.pick(from: ["a"])!, nanoseconds: 10) }
        var turns: [String] = []
        for _ in 0..<10 {
            let turn = shares.pick(from: ["a", "b"])!
            turns.append(turn)
            shares.charge(turn, nanoseconds: 10)
        }
        #expect(turns.count { $0 == "a" } == 5)
    }

    @Test("a model that was served much earlier is not punished when it comes back")
    func comeback() {
        var shares = FairShare<String>()
        shares.charge(shares.pick(from: ["a"])!, nanoseconds: 1_000)
        for _ in 0..<300 { shares.charge(shares.pick(from: ["b"])!, nanoseconds: 10) }
        #expect(shares.pick(from: ["a", "b"]) == "a")
        shares.remove("a")
        #expect(shares.pick(from: ["b"]) == "b")
    }
}
