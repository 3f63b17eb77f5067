import Configuration
import TestSupport
import Testing

@Suite("ConfigurationMap")
struct ConfigurationMapTests {
    private enum Level: String, CaseIterable { case debug, info }

    private func parse(_ text: String) throws -> ConfigurationMap {
        try ConfigurationFile.parse(text, file: "apus.yaml")
    }

    /// The description of the error that `body` throws.
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("what stands under a key that may be said in several ways can be asked")
    func kinds() throws {
        let map = try parse("text: 1\nlist: [1]\nmap: {a: 1}\n")
        #expect(map.kind(of: "text") == .text && map.kind(of: "list") == .list && map.kind(of: "map") == .map)
        #expect(map.kind(of: "none") == nil)
    }

    @Test("values of every type are read and every key is accounted for")
    func readsValues() throws {
        let map = try parse(
            """
            name: apus
            threads: 2
            share: 0.5
            loud: true
            level: info
            memory: 64MiB
            delay: 500us
            tags: [a, "b"]
            mean: [0.5, 1]
            engine:
              queue: 8
            models:
              - name: one
              - name: two
            """)
        #expect(try map.string("name") == "apus")
        #expect(try map.integer("threads", in: 1...64) == 2)
        #expect(try map.double("share", in: 0...1) == 0.5)
        #expect(try map.bool("loud") == true)
        #expect(try map.choice("level", of: Level.self) == .info)
        #expect(try map.byteCount("memory", in: 1...(1 << 40)) == 64 << 20)
        #expect(try map.nanoseconds("delay", in: 0...1_000_000_000) == 500_000)
        #expect(try map.strings("tags") == ["a", "b"])
        #expect(try map.doubles("mean") == [0.5, 1])
        #expect(try map.map("engine")?.integer("queue", in: 1...8) == 8)
        #expect(try map.maps("models").map { try $0.requiredString("name") } == ["one", "two"])
        #expect(try map.string("absent") == nil)
        try map.finish()
    }

    @Test(
        "a value of the wrong kind names file, line, key, what was expected and what came",
        arguments: [
            ("threads: many", "apus.yaml:1:10: threads: expected an integer in 1...64, got \"many\""),
            ("\nthreads: 65", "apus.yaml:2:10: threads: expected an integer in 1...64, got \"65\""),
            ("threads: [1]", "apus.yaml:1:10: threads: expected an integer in 1...64, got a list"),
            ("threads:\n  a: 1", "apus.yaml:2:3: threads: expected an integer in 1...64, got keys and values"),
            ("threads:", "apus.yaml:1:9: threads: expected an integer in 1...64, got \"\""),
        ])
    func refusesWrongKinds(text: String, expected: String) {
        #expect(message { _ = try parse(text).integer("threads", in: 1...64) } == expected)
    }

    @Test(
        "a key that is missing is missed where the map begins that should have it",
        arguments: [
            ("engine:\n  # of the engine\n  queue: 8\n", "apus.yaml:3:3: engine.name: is required"),
            ("a: 1\nengine: {queue: 8}\n", "apus.yaml:2:9: engine.name: is required"),
            ("a: 1\nengine: {}\n", "apus.yaml:2:9: engine.name: is required"),
            ("engine:\n  queue: 8\n  name:\n", "apus.yaml:3:8: engine.name: is required"),
        ])
    func missingKeys(text: String, expected: String) {
        #expect(message { _ = try parse(text).map("engine")?.requiredString("name") } == expected)
    }

    @Test("so is one of the file itself, and of a map in a list; an empty file has no line")
    func missingKeysElsewhere() {
        #expect(
            message { _ = try parse("# first\n\na: 1\n").requiredString("name") } == "apus.yaml:3:1: name: is required")
        let list = "models:\n  - name: one\n  - size: 2\n"
        #expect(
            message { _ = try parse(list).maps("models").map { try $0.requiredString("name") } }
                == "apus.yaml:3:5: models[1].name: is required")
        #expect(message { _ = try parse("").requiredString("name") } == "apus.yaml: name: is required")
    }

    @Test(
        "sizes and durations need a known unit and fit their range",
        arguments: ["1.5MiB", "-1", "MiB", "9999999999GiB", "1 MiB", "0"])
    func refusesSizes(text: String) {
        #expect(throws: ConfigurationError.self) { try parse("a: \(text)").byteCount("a", in: 1...(1 << 40)) }
    }

    @Test("an unknown key is refused with the nearest known one")
    func refusesUnknownKeys() {
        let text = message {
            let map = try parse("engine:\n  thread: 2")
            _ = try map.map("engine")?.integer("threads", in: 1...64)
            try map.finish()
        }
        #expect(text == "apus.yaml:2:3: engine.thread: unknown key; did you mean \"threads\"?")
    }

    @Test("a key that stands twice is refused")
    func refusesDuplicates() {
        #expect(message { _ = try parse("a: 1\na: 2") }.contains("the key stands here twice"))
    }

    @Test(
        "text that is not a map of plain keys is refused with its line",
        arguments: ["- 1", "a: [", "a: b: c", "just text", "\"", "? [a]\n: 1", "\t- x", "a: \u{0}"])
    func refusesOtherText(text: String) {
        #expect(message { _ = try parse(text) }.hasPrefix("apus.yaml"))
        #expect(throws: ConfigurationError.self) { try parse(text) }
    }

    @Test("an empty file is an empty map", arguments: ["", "# only a comment\n", "---\n", "~"])
    func acceptsEmpty(text: String) throws {
        #expect(try parse(text).keys.isEmpty)
    }

    @Test(
        "nesting and anchors that could exhaust the parser are refused before it runs",
        arguments: [("[", 100_000), ("{a: ", 50_000), ("- ", 100_000), ("? ", 100_000)])
    func refusesBombs(unit: String, count: Int) {
        #expect(throws: ConfigurationError.self) { try parse(String(repeating: unit, count: count)) }
    }

    @Test("anchors are refused, an ampersand in a value is not")
    func refusesAnchors() throws {
        #expect(message { _ = try parse("a: &x [1]\nb: [*x, *x]") }.contains("apus.yaml:1:1: anchors"))
        #expect(try parse("a: R & B").string("a") == "R & B")
    }

    @Test("block nesting by indentation is refused when it is deep")
    func refusesDeepIndentation() {
        let text = (0..<2_000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
        #expect(throws: ConfigurationError.self) { try parse(text) }
    }

    @Test("a missing file says so")
    func missingFile() {
        let text = message { _ = try ConfigurationFile.read(path: "/nowhere/apus.yaml") }
        #expect(text == "/nowhere/apus.yaml: no such file")
    }

    @Test("mutations of a good file never crash the reader")
    func survivesMutations() {
        var random = SeededGenerator(seed: 20_261_123)
        let good = Array("models:\n  - name: a\n    tags: [x, 'y']\nengine: {threads: 2, x: \"q\"}\n".utf8)
        for _ in 0..<3_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 9...126, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let map = try? parse(text) {
                _ = try? map.maps("models").map { try $0.string("name") }
            }
        }
    }
}
