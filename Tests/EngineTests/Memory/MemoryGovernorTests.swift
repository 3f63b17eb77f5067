import Testing
import Vocabulary

@testable import Engine

@Suite("A memory governor")
struct MemoryGovernorTests {
    private let acme = TenantID("acme")!
    private let other = TenantID("other")!

    /// A model of so many bytes, and when each tenant has called it last.
    private func model(
        _ name: String, _ byteCount: Int, _ uses: [TenantID?: UInt64] = [:]
    ) -> Engine.Resident {
        Engine.Resident(
            name: ModelName(name)!, version: ModelVersion(1)!, byteCount: byteCount,
            lastUses: uses.mapValues(MonotonicTime.init(nanoseconds:)))
    }

    private func victims(
        _ byteCount: Int, of tenant: TenantID? = nil, max: Int = 100, floors: [TenantID: Int] = [:],
        _ residents: [Engine.Resident], kept: Set<String> = []
    ) -> [String]? {
        MemoryGovernor(byteCountMax: max, floors: floors).victims(for: byteCount, of: tenant, residents: residents) {
            !kept.contains($0.name.name)
        }?.map(\.name.name)
    }

    @Test("unloads nothing while there is room, and then what was called longest ago")
    func leastRecentlyUsed() {
        let residents = [model("a", 40, [acme: 3]), model("b", 30, [acme: 1]), model("c", 20, [other: 2])]
        #expect(victims(10, residents) == [])
        #expect(victims(11, residents) == ["b"])
        #expect(victims(50, residents) == ["b", "c"])
        #expect(victims(100, residents) == ["b", "c", "a"])
        #expect(victims(101, residents) == nil)
    }

    @Test("one that nobody has called goes first")
    func neverCalled() {
        #expect(victims(20, [model("a", 50, [acme: 1]), model("b", 40)]) == ["b"])
    }

    @Test("one that has just come is not the first to go again, called or not")
    func justLoaded() {
        var new = model("new", 40)
        new.loadTime = MonotonicTime(nanoseconds: 9)
        #expect(victims(20, [new, model("a", 50, [acme: 5])]) == ["a"])
    }

    @Test("one that has something to do goes last, however long ago it was called")
    func busy() {
        var busy = model("busy", 50, [acme: 1])
        busy.isIdle = false
        #expect(victims(20, [busy, model("idle", 50, [other: 9])]) == ["idle"])
        #expect(victims(60, [busy, model("idle", 50, [other: 9])]) == ["idle", "busy"])
    }

    @Test("what may not go stays, whoever called it")
    func pinned() {
        let residents = [model("a", 60, [acme: 1]), model("b", 40, [acme: 2])]
        #expect(victims(40, residents, kept: ["a"]) == ["b"])
        #expect(victims(41, residents, kept: ["a"]) == nil)
    }

    @Test("unloads no more than has to be: a small one that was chosen first stays when a large one goes too")
    func asFewAsSuffice() {
        let residents = [model("small", 5, [acme: 1]), model("large", 90, [acme: 2])]
        #expect(victims(60, residents) == ["large"])
    }

    @Test("a tenant's floor keeps what it has called last from others, and from others only")
    func floors() {
        let residents = [
            model("old", 30, [acme: 1]), model("new", 30, [acme: 2]), model("busy", 40, [other: 9]),
        ]
        #expect(victims(30, of: other, floors: [acme: 30], residents) == ["old"])
        #expect(victims(60, of: other, floors: [acme: 30], residents) == ["old", "busy"])
        #expect(victims(71, of: other, floors: [acme: 30], residents) == nil)
        #expect(victims(40, of: other, floors: [acme: 60], residents) == ["busy"])
        #expect(victims(41, of: other, floors: [acme: 60], residents) == nil)
        #expect(victims(41, of: acme, floors: [acme: 60], residents) == ["old", "new"])
        #expect(victims(30, of: nil, floors: [acme: 60], residents) == ["busy"])
        #expect(victims(30, of: other, floors: [acme: 29], residents) == ["old"], "nothing fits below the floor")
    }

    @Test("with random models and floors: there is room afterwards, and no floor is broken for others")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for round in 0..<500 {
            let residents = (0..<Int.random(in: 0...8, using: &generator)).map { index in
                model(
                    "m\(index)", Int.random(in: 1...40, using: &generator),
                    Bool.random(using: &generator) ? [acme: UInt64.random(in: 1...99, using: &generator)] : [other: 50])
            }
            let used = residents.reduce(0) { $0 + $1.byteCount }
            let (needed, floor) = (Int.random(in: 0...60, using: &generator), Int.random(in: 0...60, using: &generator))
            guard let victims = victims(needed, of: other, max: 100, floors: [acme: floor], residents) else { continue }
            let gone = residents.filter { victims.contains($0.name.name) }
            #expect(used + needed - gone.reduce(0) { $0 + $1.byteCount } <= 100 || victims.isEmpty, "round \(round)")
            // The last one called is protected whenever it fits.
            if let last = residents.filter({ $0.lastUses[acme] != nil }).max(by: {
                $0.lastUses[acme]! < $1.lastUses[acme]!
            }),
                last.byteCount <= floor
            {
                #expect(!gone.contains { $0.byteCount == last.byteCount && $0 == last }, "round \(round)")
            }
        }
    }
}
