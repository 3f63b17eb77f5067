import InferenceService
import Messages
import TestSupport
import Testing

@Suite struct HealthTableTests {
    @Test("S170: a watcher is told the status at once, then only what changed")
    func changes() {
        var table = HealthTable(services: ["a"])
        let watcher = table.beginWatch(of: "a")
        #expect(table.advance(watcher) == .tell(.notServing))
        #expect(table.advance(watcher) == .wait)
        #expect(table.setAll(.notServing) == [])
        #expect(table.advance(watcher) == .wait)
        #expect(table.setAll(.serving) == [watcher])
        #expect(table.advance(watcher) == .tell(.serving))
        #expect(table.advance(watcher) == .wait)
    }

    @Test("a watcher that is behind skips what does not hold any more")
    func coalescing() {
        var table = HealthTable(services: [])
        let watcher = table.beginWatch(of: "")
        #expect(table.advance(watcher) == .tell(.notServing))
        _ = table.setAll(.serving)
        #expect(table.setAll(.notServing) == [])
        #expect(table.advance(watcher) == .wait)
    }

    @Test("S170: a service that is not known can be watched, and stays so")
    func unknownService() {
        var table = HealthTable(services: ["a"])
        let watcher = table.beginWatch(of: "b")
        #expect(table.advance(watcher) == .tell(.serviceUnknown))
        #expect(table.setAll(.serving) == [])
        #expect(table.advance(watcher) == .wait)
        #expect(table.status(of: "b") == nil)
    }

    @Test("closing lets every watcher tell the last status and then ends it")
    func closing() {
        var table = HealthTable(services: ["a"])
        let told = table.beginWatch(of: "a")
        let behind = table.beginWatch(of: "a")
        #expect(table.advance(told) == .tell(.notServing))
        #expect(Set(table.close()) == [told, behind])
        #expect(table.advance(told) == .end)
        #expect(table.advance(behind) == .tell(.notServing))
        #expect(table.advance(behind) == .end)
    }

    @Test("a watch that ended is over, and ending it again does nothing")
    func ending() {
        var table = HealthTable(services: ["a"])
        let watcher = table.beginWatch(of: "a")
        table.endWatch(watcher)
        table.endWatch(watcher)
        #expect(table.advance(watcher) == .end)
        #expect(table.setAll(.serving) == [])
    }

    /// Watchers that only move when they are woken must never be left with a status that does not hold.
    @Test("whoever is woken as told never misses the status that holds", arguments: 0..<20 as Range<UInt64>)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = HealthTable(services: ["a", "b"])
        var told: [HealthTable.WatcherID: HealthTable.Status] = [:]
        var services: [HealthTable.WatcherID: String] = [:]
        func run(_ watchers: some Sequence<HealthTable.WatcherID>) {
            for watcher in watchers {
                while case .tell(let status) = table.advance(watcher) { told[watcher] = status }
            }
        }
        for _ in 0..<200 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let service = ["", "a", "b", "c"].randomElement(using: &random)!
                let watcher = table.beginWatch(of: service)
                services[watcher] = service
                run([watcher])
            case 1:
                guard let watcher = services.keys.randomElement(using: &random) else { continue }
                table.endWatch(watcher)
                services[watcher] = nil
                told[watcher] = nil
            default:
                run(table.setAll(Bool.random(using: &random) ? .serving : .notServing))
            }
            for (watcher, service) in services {
                #expect(told[watcher] == table.status(of: service) ?? .serviceUnknown)
            }
        }
    }
}
