/// Words that have no place in the tree.
enum WordRules {
    /// Marks of unfinished work, in any file.
    static func unfinishedWork(_ file: SourceFile) -> [Finding] {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        return file.lines.indices.flatMap { index in
            marks.filter { file.lines[index].containsWord($0) }.map {
                file.finding(index, "\($0): finish it or drop it")
            }
        }
    }

    /// Calls that end the process on something else than a bug of ours, or write where a library should not.
    static func callsNotForLibraries(_ file: SourceFile) -> [Finding] {
        file.codeLines.indices.flatMap { index -> [Finding] in
            let line = file.codeLines[index]
            var findings: [Finding] = []
            if line.contains("try!") { findings.append(file.finding(index, "try! in a library")) }
            for name in ["fatalError", "print", "debugPrint", "dump"] where calls(name, line) {
                findings.append(file.finding(index, "\(name)( in a library"))
            }
            return findings
        }
    }

    private static func calls(_ name: String, _ line: Substring) -> Bool {
        line.ranges(of: name + "(").contains { range in
            guard range.lowerBound > line.startIndex else { return true }
            let before = line[line.index(before: range.lowerBound)]
            return !(before.isLetter || before.isNumber || before == "_" || before == ".")
        }
    }

    /// Paths that exist on one machine only.
    static func machinePaths(_ file: SourceFile) -> [Finding] {
        let folders = ["work", "home", "root", "Users"].map { "/\($0)/" }
        return file.lines.indices.flatMap { index in
            folders.filter { names($0, file.lines[index]) }.map { file.finding(index, "\($0) is of one machine") }
        }
    }

    /// Whether an absolute path begins so: `.build/work/` and `example.com/home/` do not count.
    private static func names(_ folder: String, _ line: Substring) -> Bool {
        line.ranges(of: folder).contains { range in
            guard range.lowerBound > line.startIndex else { return true }
            let before = line[line.index(before: range.lowerBound)]
            return !(before.isLetter || before.isNumber || "_-.)}/>".contains(before))
        }
    }

    /// Names that say nothing of what is inside.
    static func namelessFiles(_ file: SourceFile) -> [Finding] {
        let bare = file.name.prefix { $0 != "." && $0 != "+" }
        if ["Utils", "Util", "Utilities", "Helpers", "Helper", "Misc", "Common", "Extensions"].contains(bare) {
            return [file.finding(0, "a file is named after the type or the verb in it")]
        }
        return file.path.contains(" ") ? [file.finding(0, "a space in a path")] : []
    }

    /// Texts of others that are cut by characters, which is no bound: one of them may have any number of marks.
    ///
    /// Whoever wants a few letters of a text of ours may have them.
    static func unboundedEchoes(_ file: SourceFile) -> [Finding] {
        file.lines.indices.filter { index in
            file.lines[index].matches(of: /(\w+)[)?]?\.prefix\((\d+)\)\)/).contains { match in
                !["utf8", "unicodeScalars"].contains(match.output.1) && Int(match.output.2) ?? 0 >= 16
            }
        }.map { file.finding($0, "prefix counts characters: shown() cuts what is repeated") }
    }
}
