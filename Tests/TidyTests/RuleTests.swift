import Testing

/// The rules themselves, over text made for the purpose: a rule that finds nothing proves nothing.
@Suite("the rules of style")
struct RuleTests {
    private func file(_ text: String, path: String = "Sources/HTTP2/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test(
        "code is told from comments and strings",
        arguments: [
            ("a // b {", "a       "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (#"f("{ \(g("}")) }") {"#, #"f(     g(   )    ) {"#),
            (##"x = #"a " \( {"# + y"##, "x =              + y"),
            ("s = \"\"\"\n { \" }\n \"\"\"; t", "s =    \n      \n    ; t"),
            (#"c == "\\" { d"#, "c ==      { d"),
        ])
    func masking(text: String, code: String) {
        #expect(SwiftCode.withoutCommentsAndStrings(text) == code)
    }

    @Test(
        "an import must have a known form and go down",
        arguments: [
            ("import Vocabulary", true), ("package import Vocabulary", true), ("// import Engine", true),
            ("public import Vocabulary", false), ("@testable import Vocabulary", false), ("import Engine", false),
            ("import TLS", false), ("import COpenSSL", false), ("import CNghttp2", true), ("import Foundation", false),
            ("import struct Vocabulary.Bytes", false),
        ])
    func imports(line: String, isAllowed: Bool) {
        #expect(ImportRules.findings(in: file(line)).isEmpty == isAllowed)
    }

    @Test("the network side and the computing side do not import each other")
    func divide() {
        #expect(ModuleTable.objection(to: "Compute", in: "RPCTransport") != nil)
        #expect(ModuleTable.objection(to: "EventLoops", in: "Engine") != nil)
        #expect(ModuleTable.objection(to: "EventLoops", in: "InferenceService") == nil)
    }

    @Test("a function is measured from its declaration to its closing brace")
    func functionLength() {
        func function(lineCount: Int) -> String {
            "struct S {\n    func f() {\n" + String(repeating: "        g { }\n", count: lineCount - 2) + "    }\n}\n"
        }
        #expect(ShapeRules.longFunctions(file(function(lineCount: 70))).isEmpty)
        #expect(ShapeRules.longFunctions(file(function(lineCount: 71))).map(\.line) == [2])
        let protocolText = "protocol P {\n    func f()\n}\n" + String(repeating: "let x = { 1 }\n", count: 100)
        #expect(ShapeRules.longFunctions(file(protocolText)).isEmpty)
    }

    @Test("a proof that is named must be there")
    func proofs() {
        func findings(_ row: String) -> [String] {
            ProofTable.findings([
                file("# Proofs\n\n\(row)\n`test_a.py::test_gone` outside of a table\n", path: ProofTable.path),
                file("def test_b(server):\n", path: "Tests/Interoperability/test_a.py"),
                file("", path: "Tests/EngineTests/Memory/FloorTests.swift"), file("", path: "Benchmarks/rpc/load.py"),
            ]).map(\.text)
        }
        let row = "| a `lead` | `test_a.py::test_b`, `EngineTests/Memory/FloorTests`; `Benchmarks/rpc/load.py` |"
        #expect(findings(row) == [])
        #expect(
            findings("| `test_a.py::test_`, `test_c.py::test_b` | `EngineTests/FloorTests` | `Benchmarks/load.py` |")
                == [
                    "there is no test_a.py::test_", "there is no test_c.py::test_b",
                    "there is no EngineTests/FloorTests",
                    "there is no Benchmarks/load.py",
                ])
        #expect(ProofTable.findings([]).count == 1)
    }

    @Test("files and lines have their limits")
    func sizes() {
        #expect(ShapeRules.longFiles(file(String(repeating: "a\n", count: 600))).isEmpty)
        #expect(ShapeRules.longFiles(file(String(repeating: "a\n", count: 601))).count == 1)
        #expect(ShapeRules.longLines(file(String(repeating: "é", count: 120))).isEmpty)
        #expect(ShapeRules.longLines(file("\n" + String(repeating: "é", count: 121))).map(\.line) == [2])
    }

    @Test(
        "a promise needs its reason",
        arguments: [
            ("final class A: @unchecked Sendable {}", 1), ("/// A thing.\nfinal class A: @unchecked Sendable {}", 1),
            ("/// A thing.\n///\n/// - Isolation: its loop.\nfinal class A: @unchecked Sendable {}", 0),
            ("final class A: @unchecked Sendable {\n    // @unchecked: its loop.\n}", 0),
            ("nonisolated(unsafe) let a = b", 1), ("// Constant.\nnonisolated(unsafe) let a = b", 0),
        ])
    func promises(text: String, findingCount: Int) {
        #expect(CommentRules.unexplainedPromises(file(text)).count == findingCount)
    }

    @Test("a type that others see needs a doc comment")
    func documentation() {
        #expect(CommentRules.undocumentedTypes(file("package struct A {\n}")).map(\.line) == [1])
        #expect(CommentRules.undocumentedTypes(file("/// An A.\n@frozen\npackage struct A {\n}")).isEmpty)
        #expect(CommentRules.undocumentedTypes(file("struct A {\n}")).isEmpty)
    }

    @Test("words are found as words, calls as calls")
    func words() {
        let mark = "TO" + "DO"
        #expect(WordRules.unfinishedWork(file("// \(mark): more")).count == 1)
        #expect(WordRules.unfinishedWork(file("let \(mark)Count = 1")).isEmpty)
        #expect(WordRules.callsNotForLibraries(file("print(1)\nfatalError()\n_ = try! f()")).count == 3)
        #expect(WordRules.callsNotForLibraries(file("// print(1)\nfingerprint(2)\nsheet.print(3)")).isEmpty)
        #expect(WordRules.machinePaths(file("// see /" + "home/ada/notes")).count == 1)
        #expect(WordRules.machinePaths(file("// see .build/home/notes")).isEmpty)
        #expect(WordRules.namelessFiles(file("", path: "Sources/HTTP2/Utils.swift")).count == 1)
    }

    @Test("what is cut by characters is found, and what is cut by bytes is not")
    func echoes() {
        func count(_ text: String) -> Int { WordRules.unboundedEchoes(file(text)).count }
        #expect(count(#"throw error("no '\(name.prefix(64))'")"#) == 1 && count("String(value.prefix(100))") == 1)
        #expect(count(#"error("'\(name.shown())'")"#) == 0 && count("Array(value.utf8.prefix(64))") == 0)
        #expect(count("String(weekday.prefix(3))") == 0 && count("for name in names.prefix(64) {") == 0)
    }

    @Test("the table of conformance is held against the names of tests, both ways")
    func conformance() {
        let table = file(
            "| B1 | a | both | `M/A` |\n| C2 | b | client | `M/A`, `M/b` |\n| S92 | c | why not |",
            path: ConformanceTable.path)
        let swift = file("@Test(\"B1, C2: x\")\n@Test(\n\"S4 B1 is no name\",", path: "Tests/M/A.swift")
        let python = file("def test_C2_B5_x():", path: "Tests/M/b.py")
        let findings = ConformanceTable.findings([table, swift, python])
        #expect(findings.map(\.text).map { $0.prefix(2) } == ["S4", "B5"])
        let lost = ConformanceTable.findings([table, swift])
        #expect(lost.map(\.text) == ["no test of M/b begins with C2", "S4 is not in the table of conformance"])
        #expect(ConformanceTable.findings([swift]).count == 1)
        let owed = file("| S3 | c | not yet |", path: ConformanceTable.path)
        #expect(ConformanceTable.findings([owed]).map(\.text) == ["S3 may not be left out"])
    }
}
