/// Reads the statements of a template; what is outside the subset is an error here, with its line.
struct TemplateParser {
    let tokens: [TemplateToken]
    var position = 0
    private var depth = 0
    var expressionDepth = 0
    /// Operators and operands of the expression being read.
    var nodeCount = 0
    private var loopDepth = 0
    private var macros: [TemplateMacro] = []
    /// Calls of names that are no functions: macros, which may be defined further down.
    var calls: [(name: String, line: Int)] = []

    init(_ source: String) throws(TemplateError) {
        guard source.utf8.count <= ChatTemplate.byteCountMax else {
            throw .limit("\(ChatTemplate.byteCountMax) bytes of the template")
        }
        var lexer = TemplateLexer(source)
        tokens = try lexer.read()
    }

    mutating func template() throws(TemplateError) -> [TemplateStatement] {
        let body = try statements(until: [])
        for call in calls where !macros.contains(where: { $0.name == call.name }) {
            throw .unsupported(construct: "the function \"\(call.name)\"", line: call.line)
        }
        return body
    }

    // MARK: Tokens

    var token: TemplateToken { tokens[position] }
    var line: Int { token.line }

    func unsupported(_ construct: String) -> TemplateError {
        .unsupported(construct: construct, line: line)
    }

    func limit(_ limit: String) -> TemplateError { .limit("\(limit), in line \(line)") }

    func syntax(_ problem: String) -> TemplateError { .malformed(problem: problem, line: line) }

    func isSymbol(_ text: String) -> Bool { token.kind == .symbol(text) }
    func isName(_ text: String) -> Bool { token.kind == .name(text) }

    mutating func take(_ kind: TemplateToken.Kind) -> Bool {
        guard token.kind == kind else { return false }
        position += 1
        return true
    }

    mutating func takeSymbol(_ text: String) -> Bool { take(.symbol(text)) }
    mutating func takeName(_ text: String) -> Bool { take(.name(text)) }

    mutating func expect(_ kind: TemplateToken.Kind, _ what: String) throws(TemplateError) {
        guard take(kind) else { throw syntax("expected \(what)") }
    }

    mutating func name(_ what: String) throws(TemplateError) -> String {
        guard case .name(let text) = token.kind else { throw syntax("expected \(what)") }
        position += 1
        return text
    }

    // MARK: Statements

    /// Statements up to a tag of one of the names `ends`, whose name is the next token then.
    private mutating func statements(until ends: Set<String>) throws(TemplateError) -> [TemplateStatement] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateBounds.parseDepthMax else {
            throw limit("\(TemplateBounds.parseDepthMax) nested blocks")
        }
        var body: [TemplateStatement] = []
        while true {
            switch token.kind {
            case .text(let text):
                position += 1
                body.append(.text(text))
            case .outputStart:
                position += 1
                body.append(.output(try expression()))
                try expect(.outputEnd, "}}")
            case .blockStart:
                position += 1
                let word = try name("the name of a statement")
                if ends.contains(word) {
                    position -= 1
                    return body
                }
                if let statement = try statement(word) { body.append(statement) }
            default:
                guard ends.isEmpty else { throw syntax("expected {% \(ends.sorted().joined(separator: " or ")) %}") }
                return body
            }
        }
    }

    private mutating func statement(_ word: String) throws(TemplateError) -> TemplateStatement? {
        switch word {
        case "set": return try set()
        case "if": return try conditional()
        case "for": return try loop()
        case "macro": return try macro()
        case "generation", "endgeneration":
            try expect(.blockEnd, "%}")
            return nil
        case "break", "continue":
            guard loopDepth > 0 else { throw syntax("{% \(word) %} outside of a loop") }
            try expect(.blockEnd, "%}")
            return word == "break" ? .breakLoop : .continueLoop
        default:
            position -= 1
            if word.hasPrefix("end") || word.hasPrefix("el") { throw syntax("unexpected {% \(word) %}") }
            throw unsupported("{% \(word) %}")
        }
    }

    private mutating func end(_ word: String) throws(TemplateError) {
        try expect(.name(word), "{% \(word) %}")
        try expect(.blockEnd, "%}")
    }

    private mutating func set() throws(TemplateError) -> TemplateStatement {
        let start = line
        let target = try name("a name to set")
        var attribute: String?
        if takeSymbol(".") { attribute = try name("an attribute") }
        if isSymbol(",") { throw unsupported("setting several names at once") }
        if isSymbol("|") { throw unsupported("a filter on a {% set %} block") }
        if takeSymbol("=") {
            let value = try expression()
            if isSymbol(",") { throw unsupported("a tuple without parentheses") }
            try expect(.blockEnd, "%}")
            return .set(target, attribute: attribute, value, line: start)
        }
        try expect(.blockEnd, "= or %}")
        let body = try statements(until: ["endset"])
        try end("endset")
        return .setBlock(target, attribute: attribute, body, line: start)
    }

    private mutating func conditional() throws(TemplateError) -> TemplateStatement {
        var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
        repeat {
            let condition = try expression()
            try expect(.blockEnd, "%}")
            branches.append((condition, try statements(until: ["elif", "else", "endif"])))
        } while takeName("elif")
        var otherwise: [TemplateStatement] = []
        if takeName("else") {
            try expect(.blockEnd, "%}")
            otherwise = try statements(until: ["endif"])
        }
        try end("endif")
        return .conditional(branches, otherwise: otherwise)
    }

    private mutating func loop() throws(TemplateError) -> TemplateStatement {
        let start = line
        let isInParentheses = takeSymbol("(")
        var names = [try name("the name of a loop's variable")]
        while takeSymbol(",") { names.append(try name("the name of a loop's variable")) }
        if isInParentheses { try expect(.symbol(")"), ")") }
        guard names.count <= 2 else { throw unsupported("a loop over \(names.count) names") }
        guard takeName("in") else { throw syntax("expected 'in'") }
        nodeCount = 0
        let sequence = try disjunction()
        var condition: TemplateExpression?
        if takeName("if") { condition = try expression() }
        if isName("recursive") { throw unsupported("a recursive loop") }
        try expect(.blockEnd, "%}")
        loopDepth += 1
        let body = try statements(until: ["else", "endfor"])
        loopDepth -= 1
        var otherwise: [TemplateStatement] = []
        if takeName("else") {
            try expect(.blockEnd, "%}")
            otherwise = try statements(until: ["endfor"])
        }
        try end("endfor")
        return .loop(
            TemplateLoop(
                names: names, sequence: sequence, condition: condition, body: body, otherwise: otherwise, line: start))
    }

    private mutating func macro() throws(TemplateError) -> TemplateStatement {
        let start = line
        let name = try name("the name of a macro")
        try expect(.symbol("("), "(")
        var parameters: [(name: String, standard: TemplateExpression?)] = []
        while !takeSymbol(")") {
            let parameter = try self.name("a parameter")
            let standard = takeSymbol("=") ? try expression() : nil
            parameters.append((parameter, standard))
            guard takeSymbol(",") || isSymbol(")") else { throw syntax("expected , or )") }
        }
        try expect(.blockEnd, "%}")
        let outerLoopDepth = loopDepth
        loopDepth = 0
        let body = try statements(until: ["endmacro"])
        loopDepth = outerLoopDepth
        try end("endmacro")
        let macro = TemplateMacro(name: name, parameters: parameters, body: body, line: start)
        macros.append(macro)
        return .macro(macro)
    }
}
