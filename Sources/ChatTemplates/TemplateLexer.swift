import Vocabulary

/// A piece of a template.
struct TemplateToken {
    enum Kind: Equatable {
        case text(String)
        case outputStart, outputEnd, blockStart, blockEnd
        case name(String)
        case string(String)
        case int(Int)
        case double(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int
}

/// Cuts a template into tokens, with white space removed as Jinja does under `trim_blocks` and `lstrip_blocks`.
///
/// - Source: Jinja documentation, "Template Designer Documentation", section "Whitespace Control".
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Whether what was read last ended a line.
    private var isAtLineStart = true

    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            scalars.append(scalar)
        }
        scalars = scalars.map { $0 == "\r" ? "\n" : $0 }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    mutating func read() throws(TemplateError) -> [TemplateToken] {
        while position < source.count {
            readText()
            guard position < source.count else { break }
            switch source[position + 1] {
            case "#": try skipComment()
            case "%": try readTag(start: .blockStart, end: .blockEnd, close: "%")
            default: try readTag(start: .outputStart, end: .outputEnd, close: "}")
            }
        }
        add(.end)
        return tokens
    }

    private mutating func add(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

    private func has(_ text: String, at index: Int) -> Bool {
        source[min(index, source.count)...].starts(with: text.unicodeScalars)
    }

    /// Reads up to the next tag, and applies its `-`, `+` and `lstrip_blocks` to the text before it.
    private mutating func readText() {
        let start = position
        while position < source.count,
            !(source[position] == "{" && position + 1 < source.count
                && "{%#".unicodeScalars.contains(source[position + 1]))
        {
            position += 1
        }
        var text = source[start..<position]
        let lineCount = text.lazy.filter { $0 == "\n" }.count
        if position < source.count {
            let sign = position + 2 < source.count ? source[position + 2] : " "
            if sign == "-" {
                while text.last?.properties.isWhitespace == true { text.removeLast() }
            } else if sign != "+", source[position + 1] != "{" {
                let lineStart = text.lastIndex(of: "\n").map { $0 + 1 }
                if lineStart != nil || isAtLineStart, text[(lineStart ?? start)...].allSatisfy(Self.isBlank) {
                    text = text[..<(lineStart ?? start)]
                }
            }
        }
        if !text.isEmpty { add(.text(String(scalars: text))) }
        line += lineCount
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    private mutating func skipComment() throws(TemplateError) {
        let start = line
        position += 2
        while position < source.count, !has("#}", at: position) {
            if source[position] == "\n" { line += 1 }
            position += 1
        }
        guard position < source.count else {
            throw .malformed(problem: "a comment without its end", line: start)
        }
        let sign = source[position - 1]
        position += 2
        endTag(sign: sign, isBlock: true)
    }

    /// What follows a tag: `-` takes all white space, a block's end one line feed.
    private mutating func endTag(sign: Unicode.Scalar, isBlock: Bool) {
        isAtLineStart = false
        func isSpace() -> Bool { position < source.count && source[position].properties.isWhitespace }
        while isSpace(), sign == "-" || (isBlock && sign != "+" && source[position] == "\n") {
            isAtLineStart = source[position] == "\n"
            if isAtLineStart { line += 1 }
            position += 1
            if sign != "-" { return }
        }
    }

    private mutating func readTag(
        start: TemplateToken.Kind, end: TemplateToken.Kind, close: Unicode.Scalar
    ) throws(TemplateError) {
        add(start)
        let startLine = line
        position += 2
        if position < source.count, source[position] == "-" || source[position] == "+" { position += 1 }
        var openBrackets = 0
        while position < source.count {
            let scalar = source[position]
            if openBrackets == 0 {
                let sign: Unicode.Scalar = scalar == "-" || (scalar == "+" && close == "%") ? scalar : " "
                let closing = position + (sign == " " ? 0 : 1)
                if has(String(scalars: [close, "}"]), at: closing) {
                    add(end)
                    position = closing + 2
                    endTag(sign: sign, isBlock: close == "%")
                    return
                }
            }
            if "([{".unicodeScalars.contains(scalar) { openBrackets += 1 }
            if ")]}".unicodeScalars.contains(scalar) { openBrackets -= 1 }
            guard openBrackets >= 0 else { throw error("unexpected '\(scalar)'") }
            try readToken(scalar)
        }
        throw .malformed(problem: "a tag without its end", line: startLine)
    }

    private func error(_ problem: String) -> TemplateError { .malformed(problem: problem, line: line) }

    private mutating func readToken(_ scalar: Unicode.Scalar) throws(TemplateError) {
        if scalar.properties.isWhitespace {
            if scalar == "\n" { line += 1 }
            position += 1
        } else if scalar == "'" || scalar == "\"" {
            try readString(quote: scalar)
        } else if Self.isDigit(scalar) {
            try readNumber()
        } else if Self.isWord(scalar) {
            let start = position
            while position < source.count, Self.isWord(source[position]) || Self.isDigit(source[position]) {
                position += 1
            }
            add(.name(String(scalars: source[start..<position])))
        } else {
            for symbol in ["//", "**", "==", "!=", "<=", ">="] where has(symbol, at: position) {
                add(.symbol(symbol))
                position += 2
                return
            }
            guard "+-*/%~|()[]{}<>=.,:;".unicodeScalars.contains(scalar) else { throw error("unexpected '\(scalar)'") }
            add(.symbol(String(scalar)))
            position += 1
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    private mutating func readNumber() throws(TemplateError) {
        let start = position
        func digits(_ position: inout Int) {
            while position < source.count, Self.isDigit(source[position]) || source[position] == "_" { position += 1 }
        }
        digits(&position)
        if position + 1 < source.count, source[position] == ".", Self.isDigit(source[position + 1]) {
            position += 1
            digits(&position)
        }
        if position + 1 < source.count, source[position] == "e" || source[position] == "E" {
            var exponent = position + 1
            if source[exponent] == "-" || source[exponent] == "+" { exponent += 1 }
            if exponent < source.count, Self.isDigit(source[exponent]) {
                position = exponent
                digits(&position)
            }
        }
        let text = String(scalars: source[start..<position].filter { $0 != "_" })
        if let value = Int(text) {
            add(.int(value))
        } else if let value = Double(text), value.isFinite, text.contains(where: { ".eE".contains($0) }) {
            add(.double(value))
        } else {
            throw error("the number \(text.shown(byteCountMax: 40)) is too large")
        }
    }

    private mutating func readString(quote: Unicode.Scalar) throws(TemplateError) {
        let startLine = line
        var text = String.UnicodeScalarView()
        position += 1
        while position < source.count, source[position] != quote {
            let scalar = source[position]
            if scalar == "\n" { line += 1 }
            position += 1
            if scalar == "\\" { try readEscape(into: &text) } else { text.append(scalar) }
        }
        guard position < source.count else {
            throw .malformed(problem: "a string without its end", line: startLine)
        }
        position += 1
        tokens.append(TemplateToken(kind: .string(String(text)), line: startLine))
    }

    private mutating func readEscape(into text: inout String.UnicodeScalarView) throws(TemplateError) {
        guard position < source.count else { return }
        let scalar = source[position]
        position += 1
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}",
            "f": "\u{C}", "v": "\u{B}",
        ]
        if let character = simple[scalar] { return text.append(character) }
        if scalar == "\n" { return line += 1 }
        let widths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        if let width = widths[scalar] {
            guard position + width <= source.count,
                let value = UInt32(String(scalars: source[position..<position + width]), radix: 16),
                let character = Unicode.Scalar(value)
            else { throw error("a malformed escape in a string") }
            position += width
            return text.append(character)
        }
        guard !Self.isDigit(scalar), scalar != "N" else {
            throw .unsupported(construct: "the escape \\\(scalar) in a string", line: line)
        }
        text.append("\\")
        text.append(scalar)
    }
}

extension String {
    init(scalars: some Sequence<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }
}
