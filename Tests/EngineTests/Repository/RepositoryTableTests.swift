import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("RepositoryTable")
struct RepositoryTableTests {
    private let name = ModelName("m")!

    /// A folder with these versions, each a file of so many bytes.
    private func folder(
        _ versions: [Int: Int], policy: ModelFolder.Policy = .known(.latest(1)), settings: Int = 1
    ) -> ModelFolder {
        func stamp(_ byteCount: Int) -> FileFingerprint { FileFingerprint(paths: ["/nowhere/\(byteCount) bytes"]) }
        return ModelFolder(
            name: name, repository: "r", path: "r/m", policy: policy, stamp: stamp(settings),
            versions: Dictionary(
                uniqueKeysWithValues: versions.map { (ModelVersion($0.key)!, stamp($0.value)) }))
    }

    private let failure = LoadFailure(detail: "/srv/models/m/1/graph.json: broken")

    /// Does what the table says, failing for the versions in `broken`; gives back what was done, `+1` and `-1`.
    private func catchUp(_ table: inout RepositoryTable, broken: Set<Int> = []) -> [String] {
        var done: [String] = []
        while let action = table.next() {
            switch action {
            case .load(let folder, let version):
                if broken.contains(version.number) {
                    table.didFail(folder, version, failure, isGone: false)
                    done.append("!\(version)")
                } else {
                    table.didLoad(folder, version)
                    done.append("+\(version)")
                }
            case .unload(let name, let version):
                table.didUnload(name, version)
                done.append("-\(version)")
            }
        }
        return done
    }

    private func states(_ table: RepositoryTable) -> [String] {
        table.entries.map { "\($0.version.map(\.description) ?? "") \($0.state.rawValue) \($0.detail)" }
    }

    @Test("a new version is loaded before the old one goes")
    func replaces() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        table.look([name: folder([1: 1, 2: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+2", "-1"])
        #expect(states(table) == ["1 UNAVAILABLE not among the versions that are served", "2 READY "])
    }

    @Test("a broken new version leaves the old one serving, says why, and is tried again when its files change")
    func broken() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        table.look([name: folder([1: 1, 2: 1])], isSettled: true)
        expect(catchUp(&table, broken: [2]), is: ["!2"])
        #expect(states(table) == ["1 READY ", "2 UNAVAILABLE \(failure.detail)"])
        #expect(table.failure(of: name) == failure && table.isServed(name))
        table.look([name: folder([1: 1, 2: 1])], isSettled: true)
        expect(catchUp(&table), is: [])
        table.look([name: folder([1: 1, 2: 7])], isSettled: true)
        expect(catchUp(&table), is: ["+2", "-1"])
        #expect(table.failure(of: name) == nil)
    }

    @Test("files of a version that change are loaded anew; broken ones leave what was served")
    func changedFiles() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        table.look([name: folder([1: 2])], isSettled: true)
        expect(catchUp(&table, broken: [1]), is: ["!1"])
        #expect(states(table) == ["1 READY \(failure.detail)"])
        table.look([name: folder([1: 2], settings: 3)], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        #expect(states(table) == ["1 READY "])
    }

    @Test(
        "the policy says which versions are served",
        arguments: [
            (VersionPolicy.latest(1), ["+5"]), (.latest(2), ["+3", "+5"]), (.latest(9), ["+1", "+3", "+5"]),
            (.all, ["+1", "+3", "+5"]), (.listed([ModelVersion(1)!, ModelVersion(5)!]), ["+1", "+5"]),
            (.listed([ModelVersion(4)!]), ["+4"]),
        ])
    func policies(policy: VersionPolicy, expected: [String]) throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([5: 1, 1: 1, 3: 1], policy: .known(policy))], isSettled: true)
        expect(catchUp(&table), is: expected)
    }

    @Test("callers are told that a model could not be loaded, and only who looks after the server with which files")
    func readers() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table, broken: [1]), is: ["!1"])
        let entry = try #require(table.entries.first)
        #expect(entry.reason(for: .administrator) == failure.detail)
        #expect(entry.reason(for: .caller) == LoadFailure.summary)
        #expect(!failure.servingError(name, for: .caller).message.contains("/"))
        table.look([name: folder([1: 1], policy: .broken("/srv/models/m/model.yaml:1: typo"))], isSettled: true)
        #expect(table.entries.allSatisfy { !$0.reason.contains("/") })
    }

    @Test("what may be there and cannot be read stays as it was, however often")
    func unreadable() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        for _ in 0..<3 {
            table.look([:], keeping: [name], isSettled: false)
            expect(catchUp(&table), is: [])
        }
        #expect(states(table) == ["1 READY "])
    }

    @Test("what there was no memory for is loaded again where there is, and what is broken is not")
    func shortage() throws {
        var table = RepositoryTable(wantsNewModels: true)
        let folder = folder([1: 1])
        table.look([name: folder], isSettled: true)
        _ = table.next()
        let error = ServingError(.resourceExhausted, "full", label: "memory_exhausted")
        let shortage = LoadFailure(detail: "full", shortage: MemoryShortage(byteCount: 9, error: error))
        table.didFail(folder, ModelVersion(1)!, shortage, isGone: true)
        table.retry { _, _, byteCount in byteCount < 9 }
        expect(catchUp(&table), is: [])
        table.retry { _, _, byteCount in byteCount == 9 }
        #expect(table.refusedByteCount(folder, ModelVersion(1)!) == 9)
        #expect(table.refusedByteCount(self.folder([1: 2]), ModelVersion(1)!) == nil, "other files take something else")
        expect(catchUp(&table, broken: [1]), is: ["!1"])
        table.retry { _, _, _ in true }
        expect(catchUp(&table), is: [])
    }

    @Test("a version that is gone when its replacement has failed is not called ready")
    func gone() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        let changed = folder([1: 2])
        table.look([name: changed], isSettled: true)
        _ = table.next()
        table.didFail(changed, ModelVersion(1)!, failure, isGone: true)
        #expect(states(table) == ["1 UNAVAILABLE \(failure.detail)"] && !table.isServed(name))
    }

    @Test("a broken model.yaml changes nothing, and every version says why")
    func brokenSettings() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        table.look([name: folder([1: 1, 2: 1], policy: .broken("typo"))], isSettled: true)
        expect(catchUp(&table), is: [])
        #expect(states(table) == ["1 READY typo", "2 UNAVAILABLE typo"])
    }

    @Test("a change counts when two looks in a row find it")
    func settles() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: ["+1"])
        for byteCount in 1...3 {
            table.look([name: folder([1: 1, 2: byteCount])], isSettled: false)
            expect(catchUp(&table), is: [])
        }
        table.look([name: folder([1: 1, 2: 3])], isSettled: false)
        expect(catchUp(&table), is: ["+2", "-1"])
        table.look([:], isSettled: false)
        expect(catchUp(&table), is: [])
        // Back again before the second look: nothing has happened.
        table.look([name: folder([1: 1, 2: 3])], isSettled: false)
        table.look([:], isSettled: false)
        expect(catchUp(&table), is: [])
        table.look([:], isSettled: false)
        expect(catchUp(&table), is: ["-2"])
        #expect(table.entries == [])
    }

    @Test("where callers decide, a model is served from when it is asked for until it is dismissed")
    func explicit() throws {
        var table = RepositoryTable(wantsNewModels: false)
        table.look([name: folder([1: 1])], isSettled: true)
        expect(catchUp(&table), is: [])
        #expect(states(table) == ["1 UNAVAILABLE not loaded"])
        expect(table.want(ModelName("other")!), is: false)
        expect(table.want(name), is: true)
        expect(catchUp(&table, broken: [1]), is: ["!1"])
        // Asked for again, what failed is tried again.
        expect(table.want(name), is: true)
        expect(catchUp(&table), is: ["+1"])
        expect(table.want(name), is: true)
        expect(catchUp(&table), is: [])
        expect(table.dismiss(name), is: true)
        expect(catchUp(&table), is: ["-1"])
        #expect(states(table) == ["1 UNAVAILABLE unloaded"])
        expect(table.dismiss(ModelName("other")!), is: false)
    }

    @Test("while something is done about a version it says so; one that is served while it is read anew stays ready")
    func work() throws {
        var table = RepositoryTable(wantsNewModels: true)
        table.look([name: folder([1: 1])], isSettled: true)
        let loading = table.next()
        #expect(states(table) == ["1 LOADING "])
        guard case .load(let folder, let version)? = loading else { throw Unexpected.action }
        table.didLoad(folder, version)
        table.look([name: self.folder([1: 2])], isSettled: true)
        _ = table.next()
        #expect(states(table) == ["1 READY "])
        table.didLoad(self.folder([1: 2]), version)
        table.look([:], isSettled: true)
        _ = table.next()
        #expect(states(table) == ["1 UNLOADING "])
    }

    /// What a mutating method says, which the macro cannot call itself.
    private func expect(_ value: Bool, is expected: Bool, at location: SourceLocation = #_sourceLocation) {
        #expect(value == expected, sourceLocation: location)
    }

    private func expect(_ done: [String], is expected: [String], at location: SourceLocation = #_sourceLocation) {
        #expect(done == expected, sourceLocation: location)
    }

    private enum Unexpected: Error { case action }

    @Test("whatever happens, what is served is what was loaded last, and the last good version of a model stays")
    func walk() throws {
        var random = SeededGenerator(seed: 0x0DDE)
        var table = RepositoryTable(wantsNewModels: true)
        var served: Set<Int> = []
        for _ in 0..<2000 {
            let numbers = (1...4).filter { _ in Bool.random(using: &random) }
            let policy: VersionPolicy = [.latest(1), .latest(2), .all].randomElement(using: &random)!
            let found = folder(
                Dictionary(uniqueKeysWithValues: numbers.map { ($0, Int.random(in: 1...2, using: &random)) }),
                policy: .known(policy))
            table.look([name: found], isSettled: Bool.random(using: &random))
            let broken = Set((1...4).filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
            let before = served
            var stepCount = 0
            while let action = table.next() {
                stepCount += 1
                try #require(stepCount < 20, "it goes on for ever")
                switch action {
                case .load(let folder, let version):
                    if broken.contains(version.number) {
                        table.didFail(folder, version, failure, isGone: false)
                    } else {
                        table.didLoad(folder, version)
                        served.insert(version.number)
                    }
                case .unload(let name, let version):
                    #expect(served.remove(version.number) != nil)
                    table.didUnload(name, version)
                }
            }
            let ready = table.entries.filter { $0.state == .ready }.compactMap { $0.version?.number }
            #expect(Set(ready) == served)
            if !before.isEmpty, !numbers.isEmpty { #expect(!served.isEmpty) }
        }
    }
}
