/// Where a comment is owed.
enum CommentRules {
    /// `@unchecked Sendable` and `nonisolated(unsafe)` say what makes them true: `- Isolation:` in the doc
    /// comment, or a comment that names the attribute in it or in the first line inside; any comment for a variable.
    static func unexplainedPromises(_ file: SourceFile) -> [Finding] {
        file.codeLines.indices.compactMap { index in
            let line = file.codeLines[index]
            if line.contains("@unchecked Sendable") {
                let comment = file.comment(above: index)
                let isExplained =
                    comment.contains("- Isolation:") || comment.contains("`@unchecked Sendable`")
                    || file.lines.dropFirst(index + 1).first?.contains("// @unchecked: ") == true
                return isExplained ? nil : file.finding(index, "@unchecked Sendable without its reason")
            }
            if line.contains("nonisolated(unsafe)") {
                return file.comment(above: index).contains("//")
                    ? nil : file.finding(index, "nonisolated(unsafe) without its reason")
            }
            return nil
        }
    }

    /// Types that other modules see carry a contract.
    static func undocumentedTypes(_ file: SourceFile) -> [Finding] {
        let kinds = ["class", "struct", "enum", "protocol", "actor"]
        return file.codeLines.indices.compactMap { index in
            let words = file.codeLines[index].split(separator: " ")
            guard words.first == "package" || words.first == "public", let kind = words.firstIndex(where: isKind),
                kind <= 2, words.count > kind + 1
            else { return nil }
            return file.comment(above: index).contains("///")
                ? nil : file.finding(index, "\(words[kind]) \(words[kind + 1]) without a doc comment")
        }
        func isKind(_ word: Substring) -> Bool { kinds.contains(String(word)) }
    }
}
