/// What the documentation names as proof of a promise: tests and measurements, between backticks.
///
/// `test_x.py::test_y` is a test in `Tests/Interoperability`, `ModuleTests/SuiteTests` a file in `Tests`, and
/// `Benchmarks/…/x.py` a measurement.
enum ProofTable {
    static let path = "Sources/ApusServer/ApusServer.docc/Proofs.md"

    /// The proofs that are named and are not there.
    static func findings(_ files: [SourceFile]) -> [Finding] {
        guard let table = files.first(where: { $0.path == path }) else {
            return [Finding(path: path, line: 1, text: "the table is missing")]
        }
        let byPath = Dictionary(files.map { ($0.path, $0) }) { first, _ in first }
        return table.lines.enumerated().flatMap { index, line in
            proofs(in: line).filter { !isThere($0, byPath) }.map { table.finding(index, "there is no \($0)") }
        }
    }

    /// What stands between backticks in the rows of a table and has the form of a proof.
    static func proofs(in line: Substring) -> [Substring] {
        guard line.hasPrefix("|") else { return [] }
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 }.map { parts[$0] }.filter { word in
            let module = word.prefix { $0 != "/" }
            return word.firstRange(of: ".py::") != nil || module.hasSuffix("Tests") && module.count < word.count
                || word.hasPrefix("Benchmarks/")
        }
    }

    private static func isThere(_ proof: Substring, _ files: [String: SourceFile]) -> Bool {
        if let separator = proof.firstRange(of: "::") {
            let file = files["Tests/Interoperability/\(proof[..<separator.lowerBound])"]
            return file?.lines.contains { $0.hasPrefix("def \(proof[separator.upperBound...])(") } ?? false
        }
        return files[String(proof)] != nil || files["Tests/\(proof).swift"] != nil
    }
}
