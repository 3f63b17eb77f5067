import Foundation
import Testing

/// The style of the tree, held as tests.
///
/// Each finding is an issue of its own, as `file:line: what`.
@Suite("the tree keeps to its style")
struct TreeTests {
    @Test("the tree was found, and every Swift module is in a layer")
    func everyModuleHasALayer() {
        #expect(Set(ModuleTable.layers.joined()) == SourceTree.moduleNames)
    }

    @Test("imports have one of the forms used here and go down the layers")
    func imports() {
        expectNone(SourceTree.swiftSources.flatMap(ImportRules.findings))
    }

    @Test("every promise the compiler cannot check says what makes it true")
    func promises() {
        expectNone(SourceTree.swiftSources.flatMap(CommentRules.unexplainedPromises))
    }

    @Test("every type that other modules see has a doc comment")
    func documentation() {
        expectNone(SourceTree.swiftSources.flatMap(CommentRules.undocumentedTypes))
    }

    @Test("files, functions and lines are short")
    func sizes() {
        let written = SourceTree.files.filter { !$0.isGenerated }
        let code = written.filter { file in [".swift", ".c", ".h"].contains { file.path.hasSuffix($0) } }
        expectNone(code.flatMap(ShapeRules.longFiles))
        expectNone(code.flatMap(ShapeRules.longLines))
        expectNone(written.filter(\.isSwift).flatMap(ShapeRules.longFunctions))
    }

    @Test("no work is left unfinished, and no path is of one machine")
    func words() {
        expectNone(SourceTree.files.flatMap(WordRules.unfinishedWork))
        expectNone(SourceTree.files.flatMap(WordRules.machinePaths))
        expectNone(SourceTree.files.flatMap(WordRules.namelessFiles))
    }

    @Test("the table of conformance and the names of tests agree")
    func conformance() {
        expectNone(ConformanceTable.findings(SourceTree.files))
    }

    @Test("every proof that the documentation names is there")
    func proofs() {
        expectNone(ProofTable.findings(SourceTree.files))
    }

    @Test("every target that make lists does something")
    func makeTargets() throws {
        let file = try #require(SourceTree.files.first { $0.path == "Makefile" })
        #expect(file.lines.count { $0.contains(" ## ") } > 20)
        expectNone(MakefileRules.targetsThatDoNothing(file))
        let broken = SourceFile(path: "Makefile", text: "all: build ## Everything.\n\nbuild: ## Build.\n\tcc\n")
        #expect(MakefileRules.targetsThatDoNothing(broken).map(\.text) == ["all does nothing"])
    }

    @Test("the miniatures of models stay small")
    func fixtures() throws {
        let folder = "\(SourceTree.root)/Tests/Fixtures"
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
        let sizes = try files.map {
            try FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")[.size] as? UInt64
        }
        #expect((1..<4 << 20).contains(sizes.reduce(0) { $0 + ($1 ?? 0) }))
    }

    @Test("libraries neither end the process nor print")
    func libraries() {
        expectNone(SourceTree.swiftSources.filter { $0.module != "apus" }.flatMap(WordRules.callsNotForLibraries))
    }

    @Test("what is repeated of somebody else's text is cut by bytes")
    func echoes() { expectNone(SourceTree.swiftSources.flatMap(WordRules.unboundedEchoes)) }

    @Test("every module has tests of its own, or its place among those tested elsewhere")
    func modulesHaveTests() {
        for module in SourceTree.moduleNames.subtracting(ModuleTable.testedElsewhere) {
            let isTested = SourceTree.files.contains { file in
                file.path.hasPrefix("Tests/\(module)Tests/") && file.codeLines.contains { $0.contains("@Test") }
            }
            #expect(isTested, "Sources/\(module) has no tests")
        }
    }
}
