import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("The places in a model's queue") struct QueuePlacesTests {
    private let flood = TenantShare(tenant: TenantID("flood")!)
    private let light = TenantShare(tenant: TenantID("light")!)
    private let heavy = TenantShare(tenant: TenantID("heavy")!, weight: 3)

    private func fill(_ places: inout QueuePlaces, _ share: TenantShare) -> Int {
        var count = 0
        while places.take(1, for: share) == nil { count += 1 }
        return count
    }

    @Test("one tenant never fills a queue, and gives way to those who come")
    func flooding() {
        var places = QueuePlaces(capacity: 64)
        #expect(fill(&places, flood) == 56)
        #expect(places.refusal(of: 1, for: flood) == .share(56))
        // What stays free is for whoever comes; and then both have half of the rest.
        #expect(fill(&places, light) == 8 && places.refusal(of: 1, for: light) == .full)
        for _ in 0..<10 {
            places.leave(flood.tenant)
            #expect(places.refusal(of: 1, for: flood) == .share(28))
            #expect(places.take(1, for: light) == nil)
        }
        #expect(places.count(of: light.tenant) == 18 && places.count == 64)
    }

    @Test("shares are as weights are")
    func weights() {
        var places = QueuePlaces(capacity: 64)
        for share in [heavy, light] { #expect(places.take(1, for: share) == nil) }
        var counts: [TenantID?: Int] = [:]
        for share in [light, heavy] { counts[share.tenant] = 1 + fill(&places, share) }
        // Up to the half of the queue it is who comes first.
        #expect(counts == [light.tenant: 31, heavy.tenant: 33])
        while places.count(of: light.tenant) > 14 { places.leave(light.tenant) }
        #expect(places.refusal(of: 1, for: light) == .share(14))
        #expect(fill(&places, heavy) == 9 && places.refusal(of: 1, for: heavy) == .share(42))
    }

    @Test("whoever has no name, and is alone, may have every place")
    func nobody() {
        var places = QueuePlaces(capacity: 64)
        #expect(fill(&places, TenantShare()) == 64)
        #expect(places.refusal(of: 1, for: TenantShare()) == .full)
    }

    @Test("small queues have a place for everybody that they have room for", arguments: 1...9)
    func small(capacity: Int) {
        var places = QueuePlaces(capacity: capacity)
        #expect(fill(&places, flood) == capacity - capacity / 8)
        #expect(QueuePlaces.ofOneCall(capacity: capacity) >= 1)
    }

    @Test("a random walk of many tenants holds no more places than there are, and leaves none behind")
    func walk() {
        var random = SeededGenerator(seed: 20_261_127)
        let shares = (0..<7).map { TenantShare(tenant: TenantID("t\($0)")!, weight: 1 + $0 % 3) }
        var places = QueuePlaces(capacity: 40)
        var held: [TenantShare] = []
        for _ in 0..<20_000 {
            if Bool.random(using: &random) || held.isEmpty {
                let share = shares.randomElement(using: &random)!
                if places.take(1, for: share) == nil { held.append(share) }
            } else {
                places.leave(held.remove(at: Int.random(in: held.indices, using: &random)).tenant)
            }
            #expect(places.count == held.count && held.count <= 40)
        }
        for share in held { places.leave(share.tenant) }
        #expect(fill(&places, flood) == 35, "nobody else counts any more")
    }
}

@Suite("Those who wait for a place") struct QueueRoomTests {
    private let tenants = ["a", "b", "c"].map { TenantShare(tenant: TenantID($0)!) }

    private func woken(_ turns: [(String, QueueRoom.Turn)], _ room: QueueRoom) async -> [String] {
        var names: [String] = []
        for (name, turn) in turns where await room.value(of: turn, mayEnter: { _ in true }) { names.append(name) }
        return names
    }

    @Test("are woken tenant by tenant, however many turns one has")
    func order() async {
        let room = QueueRoom()
        var turns: [(String, QueueRoom.Turn)] = []
        for number in 0..<4 { turns.append(("a\(number)", room.wait(tenants[0], isFirst: false))) }
        for (name, share) in [("b", tenants[1]), ("c", tenants[2])] {
            turns.append((name, room.wait(share, isFirst: false)))
        }
        room.wake(4) { _ in true }
        for (name, turn) in turns where ["a2", "a3"].contains(name) { room.leave(turn) { _ in true } }
        #expect(await woken(turns, room) == ["a0", "a1", "b", "c"])
    }

    @Test("a place goes past those who may not have it")
    func notAllowed() async {
        let room = QueueRoom()
        let (first, second) = (room.wait(tenants[0], isFirst: false), room.wait(tenants[1], isFirst: false))
        room.wake(2) { [tenants] in $0 == tenants[1] }
        room.leave(first) { _ in true }
        #expect(await room.value(of: second, mayEnter: { _ in true }))
        #expect(await !room.value(of: first, mayEnter: { _ in true }))
    }

    @Test("a turn that ends hands on the place that was meant for it")
    func handedOn() async {
        let room = QueueRoom()
        let (first, second) = (room.wait(tenants[0], isFirst: false), room.wait(tenants[1], isFirst: false))
        room.wake(1) { _ in true }
        room.leave(first) { _ in true }
        #expect(await room.value(of: second, mayEnter: { _ in true }))
    }
}

@Suite("Engine: a queue that is shared") struct SharedQueueTests {
    @Test("a tenant that floods a model's queue keeps no other out, and is told so")
    func flood() async throws {
        let gate = Gate()
        let engine = makeEngine()
        try await engine.load(EngineModel(batch: SquareModel(batchSizeMax: 1, gate: gate), queueCapacity: 16))
        let flood = TenantShare(tenant: TenantID("flood")!)
        let refusals = await withTaskGroup(of: ServingError?.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    do throws(ServingError) {
                        _ = try await engine.infer(
                            selector("square"), try! numbers([2]), deadline: .never, share: flood)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            let isFull = await eventually {
                // One of them may be at the gate already, and holds no place.
                (try? engine.counters(of: selector("square")).failureCount).map { $0 >= 25 } ?? false
            }
            #expect(isFull)
            // All the time somebody else is let in.
            group.addTask {
                do throws(ServingError) {
                    let light = TenantShare(tenant: TenantID("light")!)
                    _ = try await engine.infer(selector("square"), try! numbers([3]), deadline: .never, share: light)
                    return nil
                } catch {
                    return ServingError(.internal, "the light tenant: \(error)")
                }
            }
            gate.open(41)
            return await group.reduce(into: [ServingError]()) { if let error = $1 { $0.append(error) } }
        }
        #expect((25...26).contains(refusals.count))
        #expect(refusals.allSatisfy { $0.code == .resourceExhausted && $0.label == "queue_full" })
        #expect(refusals.allSatisfy { $0.message.contains("tenant flood") && $0.retryAdvice != nil })
        await engine.shutdown()
    }
}
