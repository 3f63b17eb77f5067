/// Pieces of HTML and SVG, in which nothing that came from a file can be anything but text.
enum Markup {
    /// Text as it may stand between tags and in quoted attributes.
    ///
    /// Control characters, which HTML forbids, become spaces.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A table; cells are markup already.
    ///
    /// - Parameters:
    ///   - head: the names of the columns.
    ///   - rows: the cells; a row of one cell is a heading.
    ///   - textColumnCount: columns of words, to the left; the others are numbers, to the right.
    /// - Returns: markup.
    static func table(_ head: [String], _ rows: [[String]], textColumnCount: Int = 1) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            if cells.count == 1, head.count > 1 {
                return "<tr><th class=\"group\" colspan=\"\(head.count)\" scope=\"rowgroup\">\(cells[0])</th></tr>"
            }
            let cells = cells.enumerated().map { index, cell in
                "<\(tag)\(index < textColumnCount ? " class=\"text\"" : "")>\(cell)</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return """
            <div class="scroll"><table><thead>\(row(head, "th"))</thead>
            <tbody>
            \(rows.map { row($0, "td") }.joined(separator: "\n"))
            </tbody></table></div>
            """
    }

    /// A number of an SVG attribute, to a hundredth of a pixel.
    static func coordinate(_ value: Double) -> String { LoadReport.decimal(value, 2) }
}
