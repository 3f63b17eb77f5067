/// A piece of a template.
enum TemplateToken: Equatable {
    case text(String)
    case beginOutput, endOutput, beginStatement, endStatement
    case name(String)
    case string(String)
    case int(Int)
    case double(Double)
    /// An operator or bracket.
    case sign(String)
}

/// Cuts a template into pieces, with white space as `trim_blocks` and `lstrip_blocks` leave it.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var index = 0
    private(set) var tokens: [(token: TemplateToken, line: Int)] = []
    private var line = 1

    init(_ source: String) {
        // The engine writes every line end as a line feed, and drops one at the end.
        var scalars = Array(source.replacing("\r\n", with: "\n").replacing("\r", with: "\n").unicodeScalars)
        if scalars.last == "\n" { scalars.removeLast() }
        self.source = scalars
    }

    private func starts(_ text: String, at place: Int) -> Bool { source[place...].starts(with: text.unicodeScalars) }

    mutating func run() throws(TemplateError) -> [(token: TemplateToken, line: Int)] {
        var trimsNext = false
        while index < source.count {
            var end = index
            while end < source.count,
                !(source[end] == "{" && end + 1 < source.count && "{%#".unicodeScalars.contains(source[end + 1]))
            {
                end += 1
            }
            var text = Array(source[index..<end])
            if trimsNext { text = Array(text.drop { $0.properties.isWhitespace }) }
            let lineAfter = line + source[index..<end].count { $0 == "\n" }
            guard end < source.count else {
                append(text)
                break
            }
            let control = end + 2 < source.count ? source[end + 2] : " "
            if control == "-" {
                while text.last?.properties.isWhitespace == true { text.removeLast() }
            } else if source[end + 1] != "{", control != "+" {
                stripLine(&text, isAtStart: index == 0 || source[index - 1] == "\n", trimsNext)
            }
            append(text)
            line = lineAfter
            index = end + 2 + (control == "-" || control == "+" ? 1 : 0)
            trimsNext = try tag(source[end + 1])
        }
        return tokens
    }

    /// Drops spaces between the start of a line and a block.
    private func stripLine(_ text: inout [Unicode.Scalar], isAtStart: Bool, _ wasTrimmed: Bool) {
        var count = text.count
        while count > 0, text[count - 1].properties.isWhitespace, text[count - 1] != "\n" { count -= 1 }
        if count == 0 ? isAtStart && !wasTrimmed : text[count - 1] == "\n" { text.removeLast(text.count - count) }
    }

    private mutating func append(_ text: [Unicode.Scalar]) {
        guard !text.isEmpty else { return }
        tokens.append((.text(String(String.UnicodeScalarView(text))), line))
    }

    /// One comment, output or statement; true when white space behind it goes.
    private mutating func tag(_ kind: Unicode.Scalar) throws(TemplateError) -> Bool {
        if kind == "#" {
            while index + 1 < source.count, !starts("#}", at: index) {
                if source[index] == "\n" { line += 1 }
                index += 1
            }
            guard index + 1 < source.count else { throw .malformed(problem: "a comment without end", line: line) }
            let trims = source[index - 1] == "-"
            index += 2
            skipLineFeed(unless: trims)
            return trims
        }
        let isStatement = kind == "%"
        let close = isStatement ? "%}" : "}}"
        tokens.append((isStatement ? .beginStatement : .beginOutput, line))
        var depth = 0
        while true {
            while index < source.count, source[index].properties.isWhitespace {
                if source[index] == "\n" { line += 1 }
                index += 1
            }
            guard index < source.count else { throw .malformed(problem: "a tag without end", line: line) }
            let trims = starts("-" + close, at: index)
            if trims || depth == 0 && starts(close, at: index) || starts("+" + close, at: index) {
                index += starts(close, at: index) ? 2 : 3
                tokens.append((isStatement ? .endStatement : .endOutput, line))
                if isStatement { skipLineFeed(unless: trims) }
                return trims
            }
            try expressionToken(&depth)
        }
    }

    private mutating func skipLineFeed(unless trims: Bool) {
        guard !trims, index < source.count, source[index] == "\n" else { return }
        index += 1
        line += 1
    }

    private mutating func expressionToken(_ depth: inout Int) throws(TemplateError) {
        let scalar = source[index]
        if scalar == "'" || scalar == "\"" { return try string(scalar) }
        if ("0"..."9").contains(scalar) { return try number() }
        if scalar == "_" || scalar.properties.isAlphabetic {
            let start = index
            while index < source.count,
                source[index] == "_" || source[index].properties.isAlphabetic || ("0"..."9").contains(source[index])
            { index += 1 }
            tokens.append((.name(String(String.UnicodeScalarView(source[start..<index]))), line))
            return
        }
        let signs = [
            "==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[",
            "]", "{", "}", ",", ".", ":", "|",
        ]
        guard let sign = signs.first(where: { starts($0, at: index) }) else {
            throw .unsupported(construct: "\"\(scalar)\"", line: line)
        }
        if ["(", "[", "{"].contains(sign) { depth += 1 }
        if [")", "]", "}"].contains(sign) { depth -= 1 }
        index += sign.unicodeScalars.count
        tokens.append((.sign(sign), line))
    }

    private mutating func number() throws(TemplateError) {
        let start = index
        var isDouble = false
        while index < source.count, ("0"..."9").contains(source[index]) || source[index] == "." {
            if source[index] == "." {
                guard index + 1 < source.count, ("0"..."9").contains(source[index + 1]) else { break }
                isDouble = true
            }
            index += 1
        }
        let text = String(String.UnicodeScalarView(source[start..<index]))
        if isDouble, let value = Double(text) {
            tokens.append((.double(value), line))
        } else if let value = Int(text) {
            tokens.append((.int(value), line))
        } else {
            throw .malformed(problem: "the number \(text)", line: line)
        }
    }

    private mutating func string(_ quote: Unicode.Scalar) throws(TemplateError) {
        index += 1
        var text = String.UnicodeScalarView()
        while index < source.count, source[index] != quote {
            var scalar = source[index]
            if scalar == "\\", index + 1 < source.count {
                index += 1
                switch source[index] {
                case "n": scalar = "\n"
                case "t": scalar = "\t"
                case "r": scalar = "\r"
                case "\\", "'", "\"": scalar = source[index]
                case "u":
                    let digits = String(String.UnicodeScalarView(source[(index + 1)...].prefix(4)))
                    guard digits.count == 4, let value = UInt32(digits, radix: 16), let known = Unicode.Scalar(value)
                    else { throw .malformed(problem: "an escape in a text", line: line) }
                    scalar = known
                    index += 4
                default: throw .unsupported(construct: "the escape \"\\\(source[index])\"", line: line)
                }
            }
            if scalar == "\n" { line += 1 }
            text.append(scalar)
            index += 1
        }
        guard index < source.count else { throw .malformed(problem: "a text without end", line: line) }
        index += 1
        tokens.append((.string(String(text)), line))
    }
}
