/// What imports may look like, and what they may name.
enum ImportRules {
    static func findings(in file: SourceFile) -> [Finding] {
        guard let module = file.module else { return [] }
        return file.codeLines.indices.flatMap { index -> [Finding] in
            let words = file.codeLines[index].split(separator: " ")
            guard words.contains("import"), let imported = words.last else { return [] }
            let objections = [
                objectionToForm(words, in: module), ModuleTable.objection(to: String(imported), in: module),
            ]
            return objections.compactMap { $0 }.map { file.finding(index, $0) }
        }
    }

    /// `import X` (internal), `package import X` where a signature shows a type of X; `public import X` in products.
    private static func objectionToForm(_ words: [Substring], in module: String) -> String? {
        switch words.dropLast() {
        case ["import"], ["package", "import"]: nil
        case ["public", "import"]: ModuleTable.products.contains(module) ? nil : "public import outside of a product"
        default: "not a form of import used here: \(words.joined(separator: " "))"
        }
    }
}
