import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

@Suite("TenantShares")
struct TenantSharesTests {
    private let a = TenantID("a")!
    private let b = TenantID("b")!

    @Test(
        "tenants that always want more get time as their weights are, whatever their requests cost",
        arguments: [(1, 1, 10.0, 10.0), (3, 1, 10, 10), (1, 1, 1, 50), (7, 2, 5, 20), (1_000, 1, 1, 1)])
    func weights(weightOfA: Int, weightOfB: Int, costOfA: Double, costOfB: Double) {
        var shares = TenantShares()
        for tenant in [a, b] { shares.enter(tenant) }
        var served: [TenantID: Double] = [:]
        for _ in 0..<20_000 {
            shares.beginTurn()
            let isTurnOfA = shares.level(of: a) <= shares.level(of: b)
            let share = TenantShare(tenant: isTurnOfA ? a : b, weight: isTurnOfA ? weightOfA : weightOfB)
            let cost = isTurnOfA ? costOfA : costOfB
            shares.charge(share, nanoseconds: cost)
            served[isTurnOfA ? a : b, default: 0] += cost
        }
        // Nobody is ahead by more than one request.
        let difference = served[a]! / Double(weightOfA) - served[b]! / Double(weightOfB)
        #expect(-costOfB / Double(weightOfB) <= difference && difference <= costOfA / Double(weightOfA))
    }

    @Test("a tenant that comes back starts where the least served busy one stood when the turn began")
    func idleness() {
        var shares = TenantShares()
        shares.enter(a)
        for _ in 0..<100 {
            shares.beginTurn()
            shares.charge(TenantShare(tenant: a), nanoseconds: 10)
        }
        shares.enter(b)
        // It does not claim what was served before, but is ahead of who ran while it came.
        #expect(shares.level(of: a) == 1_000 && shares.level(of: b) == 990)
    }

    @Test("going away and coming back gains nothing")
    func returning() {
        var shares = TenantShares()
        shares.enter(a)
        for turn in 0..<1_000 {
            shares.enter(b)
            shares.beginTurn()
            let isTurnOfB = shares.level(of: b) < shares.level(of: a)
            shares.charge(TenantShare(tenant: isTurnOfB ? b : a), nanoseconds: 10)
            shares.leave(b)
            #expect(shares.level(of: a) - shares.level(of: b) <= 10, "turn \(turn)")
        }
        #expect(shares.level(of: a) >= 4_990, "b had more than half")
    }

    @Test("while nobody has work nothing is owed")
    func nobody() {
        var shares = TenantShares()
        shares.enter(a)
        shares.beginTurn()
        shares.charge(TenantShare(tenant: a), nanoseconds: 1_000)
        shares.rest()
        #expect(shares.level(of: a) == 1_000, "it is busy")
        shares.leave(a)
        #expect(shares.level(of: a) == 1_000, "there may be more of it on the way")
        shares.rest()
        #expect(shares.accountCount == 0)
        for tenant in [a, b] { shares.enter(tenant) }
        #expect(shares.level(of: a) == shares.level(of: b))
    }

    @Test("requests without a tenant are one tenant")
    func noTenant() {
        var shares = TenantShares()
        #expect(shares.enter(nil) == true)
        #expect(shares.enter(nil) == false)
        shares.charge(TenantShare(), nanoseconds: 5)
        #expect(shares.level(of: nil) == 5)
        #expect(shares.leave(nil) == false)
        #expect(shares.leave(nil) == true)
    }

    @Test("tenants without work are forgotten once they are not ahead of the others")
    func forgetting() {
        var shares = TenantShares()
        shares.enter(a)
        for number in 0..<10_000 {
            let guest = TenantID("guest\(number)")!
            shares.enter(guest)
            shares.beginTurn()
            shares.charge(TenantShare(tenant: guest), nanoseconds: 10)
            shares.leave(guest)
            shares.beginTurn()
            shares.charge(TenantShare(tenant: a), nanoseconds: 10)
        }
        #expect(shares.accountCount <= 130)
    }

    @Test("tenants without work that are ahead for long are forgotten when they are too many")
    func forgettingTheRest() {
        var shares = TenantShares()
        shares.enter(a)
        for number in 0..<20_000 {
            let guest = TenantID("guest\(number)")!
            shares.enter(guest)
            shares.beginTurn()
            shares.charge(TenantShare(tenant: guest), nanoseconds: 10)
            shares.leave(guest)
        }
        #expect(shares.accountCount <= 2 * TenantShares.idleAccountCountMax + 2)
    }

    @Test("an execution is charged to those it was for, by what they had in it")
    func bill() {
        var bill = ComputeBill()
        #expect(bill.charges(of: 100).isEmpty)
        for (tenant, amount) in [(a, 1), (a, 2), (b, 5)] { bill.add(TenantShare(tenant: tenant), amount: amount) }
        let charges = bill.charges(of: 800)
        #expect(charges.map(\.share.tenant) == [a, b] && charges.map(\.nanoseconds) == [300, 500])
    }
}

@Suite("FairnessMeter")
struct FairnessMeterTests {
    @Test(
        "the index is 1 for equals, and 1 / n when one of n has all",
        arguments: [
            ([], 1), ([5], 1), ([0, 0], 1), ([2, 2, 2], 1), ([4, 0, 0, 0], 0.25), ([1, 3], 0.8),
        ] as [([Double], Double)])
    func index(values: [Double], expected: Double) {
        #expect(abs(FairnessMeter.index(of: values) - expected) < 1e-12)
    }

    @Test("those that had work for half of an interval are compared, by time and weight")
    func intervals() {
        var meter = FairnessMeter(at: time(0), intervalNanoseconds: 100)
        let tenants = ["a", "b", "brief"].map { TenantID($0)! }
        for tenant in tenants { meter.begin(tenant, at: time(0)) }
        meter.end(tenants[2], at: time(40))
        meter.charge(TenantShare(tenant: tenants[0], weight: 3), nanoseconds: 30)
        meter.charge(TenantShare(tenant: tenants[1]), nanoseconds: 10)
        #expect(meter.close(at: time(99)) == nil)
        #expect(meter.close(at: time(100)) == 1)
        // Both still have work, and the first gets all the time.
        meter.charge(TenantShare(tenant: tenants[0], weight: 3), nanoseconds: 90)
        #expect(meter.close(at: time(200)) == 0.5)
        meter.end(tenants[0], at: time(210))
        // One alone cannot be treated unfairly.
        meter.charge(TenantShare(tenant: tenants[1]), nanoseconds: 90)
        #expect(meter.close(at: time(300)) == 1)
    }

    @Test("work that comes and goes adds up")
    func interrupted() {
        var meter = FairnessMeter(at: time(0), intervalNanoseconds: 100)
        let (steady, busy) = (TenantID("steady")!, TenantID("busy")!)
        meter.begin(steady, at: time(0))
        meter.charge(TenantShare(tenant: steady), nanoseconds: 60)
        for start in stride(from: UInt64(0), to: 100, by: 10) {
            meter.begin(busy, at: time(start))
            meter.charge(TenantShare(tenant: busy), nanoseconds: 2)
            meter.end(busy, at: time(start + 6))
        }
        #expect(meter.close(at: time(100)).map { abs($0 - 0.8) < 1e-12 } == true)
    }
}
