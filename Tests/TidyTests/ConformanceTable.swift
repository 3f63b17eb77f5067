/// The statements of the gRPC specification that the module's documentation lists, and the tests that name them.
///
/// A statement has an identifier: `B` (both sides), `S` (server) or `C` (client) and a number. A test that covers one
/// begins its name with it, `@Test("B50 B51: …")` or `def test_B50_B51_…`.
enum ConformanceTable {
    static let path = "Sources/RPCTransport/RPCTransport.docc/Conformance.md"

    /// What may have a reason instead of a test, or a reason for a part of it: everything else is owed.
    static let leftOut: Set = ["S92", "B173"]

    /// What is wrong between the table and the tests, in both directions.
    static func findings(_ files: [SourceFile]) -> [Finding] {
        guard let table = files.first(where: { $0.path == path }) else {
            return [Finding(path: path, line: 1, text: "the table is missing")]
        }
        let tests = files.filter { file in
            file.path.hasPrefix("Tests/") && !file.path.hasPrefix("Tests/TidyTests/")
                && (file.isSwift || file.path.hasSuffix(".py"))
        }
        let named = tests.map { (path: $0.path, identifiers: identifiers(ofTestsIn: $0)) }
        let rows = table.lines.enumerated().compactMap { index, line in Row(line: line, index: index) }
        let listed = Set(rows.map(\.identifier))
        var findings = rows.flatMap { row in row.suites.compactMap { finding(table, row, suite: $0, named) } }
        findings += rows.filter { $0.suites.isEmpty && $0.section == .covered }
            .map { table.finding($0.index, "\($0.identifier) has no test") }
        findings += rows.filter { $0.section == .other && !leftOut.contains($0.identifier) }
            .map { table.finding($0.index, "\($0.identifier) may not be left out") }
        for (path, identifiers) in named {
            findings += identifiers.subtracting(listed).sorted()
                .map { Finding(path: path, line: 1, text: "\($0) is not in the table of conformance") }
        }
        return findings
    }

    private static func finding(
        _ table: SourceFile, _ row: Row, suite: String, _ named: [(path: String, identifiers: Set<String>)]
    ) -> Finding? {
        let isNamed = named.contains { file in
            ["swift", "py"].contains { file.path == "Tests/\(suite).\($0)" }
                && file.identifiers.contains(row.identifier)
        }
        return isNamed ? nil : table.finding(row.index, "no test of \(suite) begins with \(row.identifier)")
    }

    /// The identifiers that names of tests begin with.
    static func identifiers(ofTestsIn file: SourceFile) -> Set<String> {
        var found: Set<String> = []
        for (index, line) in file.lines.enumerated() {
            // A look at most lines is enough.
            guard line.utf8.contains(UInt8(ascii: "\"")) || line.utf8.contains(UInt8(ascii: "_")) else { continue }
            let text = line.drop { $0 == " " }
            if file.isSwift {
                if text.hasPrefix("@Test(\"") {
                    found.formUnion(leading(text.dropFirst(7)))
                } else if text.hasPrefix("\""), index > 0, file.lines[index - 1].hasSuffix("@Test(") {
                    found.formUnion(leading(text.dropFirst()))
                }
            } else if text.hasPrefix("def test_") {
                found.formUnion(leading(text.dropFirst(9)))
            }
        }
        return found
    }

    /// The identifiers at the start of a name, up to the first word that is none.
    private static func leading(_ name: Substring) -> [String] {
        name.split { $0 == " " || $0 == "," || $0 == ":" || $0 == "_" }.prefix { isIdentifier($0) }.map(String.init)
    }

    static func isIdentifier(_ word: Substring) -> Bool {
        guard let first = word.first, "BSC".contains(first) else { return false }
        return word.count > 1 && word.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// `| B50 | statement | side | tests |`; a row of three cells says why there is no test.
    struct Row {
        enum Section { case covered, other }

        let identifier: String
        let index: Int
        /// `RPCTransportTests/ProtocolTests`, as the last cell has them between backticks.
        let suites: [String]
        let section: Section

        init?(line: Substring, index: Int) {
            let cells = line.split(separator: "|").map { $0.split(separator: " ") }
            guard cells.count >= 3, let first = cells[0].first, ConformanceTable.isIdentifier(first) else { return nil }
            identifier = String(first)
            self.index = index
            // Four cells: identifier, statement, side, tests. Three: identifier, statement, why there is no test.
            section = cells.count == 4 ? .covered : .other
            suites =
                section == .covered
                ? cells[3].map { $0.split { $0 == "`" || $0 == "," }.joined() }.filter { $0.contains("/") } : []
        }
    }
}
