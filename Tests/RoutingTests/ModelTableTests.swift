import Testing
import Vocabulary

@testable import Routing

@Suite("ModelTable")
struct ModelTableTests {
    @Test("without a version the latest answers, in whatever order versions came")
    func latestVersion() throws {
        var table = ModelTable<String>()
        for version in [2, 10, 1] {
            #expect(table.insert("m\(version)", name: name("m"), version: number(version)) == nil)
        }
        #expect(try table.target(of: ModelSelector(name: "m")) == "m10")
        #expect(try table.target(of: ModelSelector(name: "m", version: "2")) == "m2")
        #expect(table.versions(of: name("m")).map(\.number) == [1, 2, 10])
    }

    @Test("the version after the removed latest one takes over; the last one takes the name along")
    func removal() throws {
        var table = ModelTable<String>()
        _ = table.insert("old", name: name("m"), version: number(1))
        _ = table.insert("new", name: name("m"), version: number(2))
        #expect(table.insert("newer", name: name("m"), version: number(2)) == "new")
        #expect(table.remove(name: name("m"), version: number(2)) == "newer")
        #expect(try table.target(of: ModelSelector(name: "m")) == "old")
        #expect(table.remove(name: name("m"), version: number(1)) == "old")
        #expect(table.remove(name: name("m"), version: number(1)) == nil)
        #expect(table.targets.isEmpty)
    }

    @Test(
        "an unknown model is NOT_FOUND, names what was asked for and what there is",
        arguments: [
            ("x", "", "Request for unknown model: 'x' is not found (models: digits, karate)"),
            ("digits", "3", "Request for unknown model: 'digits' version 3 is not found (versions: 1)"),
            ("no/slash", "", "Request for unknown model: 'no/slash' is not found"),
            ("", "", "Request for unknown model: '' is not found"),
            (
                "digits", "-1",
                "Request for unknown model: 'digits' version '-1' is not found: expected a positive integer"
            ),
        ])
    func unknown(model: String, version: String, message: String) throws {
        var table = ModelTable<Int>()
        _ = table.insert(1, name: name("karate"), version: number(1))
        _ = table.insert(2, name: name("digits"), version: number(1))
        let error = #expect(throws: ServingError.self) {
            _ = try table.target(of: ModelSelector(name: model, version: version))
        }
        #expect(error?.code == .notFound)
        #expect(error?.message == message)
    }

    @Test("what a caller sent is shortened and stripped of control characters before it is repeated")
    func hostileName() throws {
        let error = #expect(throws: ServingError.self) {
            _ = try ModelSelector(name: "\n" + String(repeating: "x", count: 10_000))
        }
        #expect(
            error?.message == "Request for unknown model: '?" + String(repeating: "x", count: 99) + "' is not found")
    }

    private func name(_ text: String) -> ModelName { ModelName(text)! }
    private func number(_ version: Int) -> ModelVersion { ModelVersion(version)! }
}
