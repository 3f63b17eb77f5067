/// Limits of size.
enum ShapeRules {
    static let fileLineCountMax = 600
    static let functionLineCountMax = 70
    static let columnCountMax = 120

    static func longFiles(_ file: SourceFile) -> [Finding] {
        // A text that ends with a line feed splits into one empty line more.
        let count = file.lines.last?.isEmpty == true ? file.lines.count - 1 : file.lines.count
        return count > fileLineCountMax ? [file.finding(fileLineCountMax, "\(count) lines in one file")] : []
    }

    static func longLines(_ file: SourceFile) -> [Finding] {
        file.lines.indices.filter { isLong(file.lines[$0]) }.map {
            file.finding($0, "\(file.lines[$0].count) columns")
        }
    }

    /// Characters are counted only where the bytes, which are at least as many, could be too many.
    private static func isLong(_ line: Substring) -> Bool {
        line.utf8.count > columnCountMax && line.count > columnCountMax
    }

    /// Functions and initialisers by counting braces, from the line that declares one to the line that closes it.
    static func longFunctions(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        // Functions that are open, with the depth they were declared at; a protocol's requirement never opens.
        var open: [(start: Int, depth: Int, hasBody: Bool)] = []
        var depth = 0
        for (index, line) in file.codeLines.enumerated() {
            if declaresFunction(line) {
                if let last = open.last, !last.hasBody { open.removeLast() }
                open.append((index, depth, false))
            }
            for character in line.utf8 {
                if character == UInt8(ascii: "{") {
                    depth += 1
                    if let last = open.indices.last, !open[last].hasBody { open[last].hasBody = true }
                } else if character == UInt8(ascii: "}") {
                    depth -= 1
                    guard let last = open.last, depth <= last.depth else { continue }
                    open.removeLast()
                    let count = index - last.start + 1
                    if last.hasBody, count > functionLineCountMax {
                        findings.append(file.finding(last.start, "\(count) lines in one function"))
                    }
                }
            }
        }
        return findings
    }

    private static func declaresFunction(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        guard let end = text.firstIndex(where: { $0 == "(" || $0 == "<" || $0 == "{" }) else { return false }
        return text[..<end].split(separator: " ").contains {
            ["func", "init", "init?", "deinit", "subscript"].contains($0)
        }
    }
}
