/// A file of the tree, by lines.
struct SourceFile: Sendable {
    /// From the root of the package, with forward slashes.
    let path: String
    let lines: [Substring]
    /// The same lines with comments and the text of strings blanked out (Swift files; the lines themselves elsewhere).
    let codeLines: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        codeLines =
            path.hasSuffix(".swift")
            ? SwiftCode.withoutCommentsAndStrings(text).split(separator: "\n", omittingEmptySubsequences: false)
            : lines
    }

    /// The module whose folder holds the file, if it is one of `Sources`.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    var name: Substring { path.split(separator: "/").last ?? "" }

    var isSwift: Bool { path.hasSuffix(".swift") }

    /// Made by a program from other files of the tree, never edited.
    var isGenerated: Bool { path.contains("/Generated/") || path.hasPrefix("Sources/CMessages/") }

    /// What is wrong with the line of this index, counted from zero.
    func finding(_ index: Int, _ text: String) -> Finding { Finding(path: path, line: index + 1, text: text) }

    /// The comment lines that stand directly above a line, and the line itself.
    func comment(above index: Int) -> String {
        var first = index
        while first > 0, isCommentOrAttribute(lines[first - 1]) { first -= 1 }
        return lines[first...index].joined(separator: "\n")
    }

    private func isCommentOrAttribute(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        return text.hasPrefix("//") || text.hasPrefix("@")
    }
}

extension Substring {
    /// Whether the word stands here with no letter, digit or underscore at either side.
    func containsWord(_ word: String) -> Bool {
        ranges(of: word).contains { range in
            let before = range.lowerBound > startIndex ? self[index(before: range.lowerBound)] : " "
            let after = range.upperBound < endIndex ? self[range.upperBound] : " "
            return ![before, after].contains { $0.isLetter || $0.isNumber || $0 == "_" }
        }
    }
}
