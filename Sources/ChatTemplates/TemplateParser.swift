/// Turns the pieces of a template into what it does, and refuses what is not known by name.
struct TemplateParser {
    static let depthMax = 64

    private let tokens: [(token: TemplateToken, line: Int)]
    private var index = 0
    private var depth = 0
    private var macros: Set<String> = []

    init(_ tokens: [(token: TemplateToken, line: Int)]) {
        self.tokens = tokens
        // A macro may be called before the place where it is defined.
        for index in tokens.indices.dropLast(2) where tokens[index].token == .beginStatement {
            if tokens[index + 1].token == .name("macro"), case .name(let name) = tokens[index + 2].token {
                macros.insert(name)
            }
        }
    }

    private var current: TemplateToken? { index < tokens.count ? tokens[index].token : nil }
    private var line: Int { index < tokens.count ? tokens[index].line : tokens.last?.line ?? 1 }

    private func malformed(_ problem: String) -> TemplateError { .malformed(problem: problem, line: line) }
    private func unsupported(_ construct: String) -> TemplateError { .unsupported(construct: construct, line: line) }

    private mutating func take(_ token: TemplateToken) -> Bool {
        guard current == token else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ token: TemplateToken) throws(TemplateError) {
        guard take(token) else { throw malformed("expected \(token), got \(current.map { "\($0)" } ?? "the end")") }
    }

    private mutating func name() throws(TemplateError) -> String {
        guard case .name(let name) = current, !TemplateNames.reserved.contains(name) else {
            throw malformed("expected a name")
        }
        index += 1
        return name
    }

    private mutating func enter() throws(TemplateError) {
        depth += 1
        guard depth <= Self.depthMax else { throw malformed("more than \(Self.depthMax) levels") }
    }

    mutating func parse() throws(TemplateError) -> [TemplateStatement] {
        let (body, end) = try statements(until: [])
        guard end.isEmpty else { throw malformed("\"\(end)\" without its beginning") }
        return body
    }

    /// The statements up to one of the words of `ends`, and that word; the index is behind it.
    private mutating func statements(
        until ends: Set<String>
    ) throws(TemplateError) -> ([TemplateStatement], end: String) {
        try enter()
        defer { depth -= 1 }
        var body: [TemplateStatement] = []
        while let token = current {
            index += 1
            switch token {
            case .text(let text): body.append(.text(text))
            case .beginOutput:
                body.append(.output(try expression()))
                try expect(.endOutput)
            case .beginStatement:
                guard case .name(let word) = current else { throw malformed("a statement without a word") }
                index += 1
                if ends.contains(word) { return (body, word) }
                if let statement = try self.statement(word) { body.append(statement) }
            default: throw malformed("unexpected \(token)")
            }
        }
        guard ends.isEmpty else { throw malformed("no \(ends.sorted().joined(separator: " or "))") }
        return (body, "")
    }

    private mutating func statement(_ word: String) throws(TemplateError) -> TemplateStatement? {
        switch word {
        case "if": return try branch()
        case "for": return try loop()
        case "set": return try set()
        case "macro": return try macro()
        case "break", "continue":
            try expect(.endStatement)
            return word == "break" ? .leaveLoop : .nextRound
        case "generation", "endgeneration":
            // Marks what a model is trained on; nothing of it is written out.
            try expect(.endStatement)
            return nil
        default: throw unsupported("the statement \"\(word)\"")
        }
    }

    private mutating func branch() throws(TemplateError) -> TemplateStatement {
        var branches: [(TemplateExpression, [TemplateStatement])] = []
        var otherwise: [TemplateStatement] = []
        var word = "elif"
        while word != "endif" {
            let condition = word == "elif" ? try expression() : nil
            try expect(.endStatement)
            let (body, end) = try statements(until: condition == nil ? ["endif"] : ["elif", "else", "endif"])
            if let condition { branches.append((condition, body)) } else { otherwise = body }
            word = end
        }
        try expect(.endStatement)
        return .branch(branches, otherwise: otherwise)
    }

    private mutating func loop() throws(TemplateError) -> TemplateStatement {
        let isBracketed = take(.sign("("))
        var names = [try name()]
        while take(.sign(",")) { names.append(try name()) }
        if isBracketed { try expect(.sign(")")) }
        try expect(.name("in"))
        let over = try or()
        let condition = take(.name("if")) ? try expression() : nil
        if current == .name("recursive") { throw unsupported("a recursive loop") }
        try expect(.endStatement)
        var (body, end) = try statements(until: ["else", "endfor"])
        var otherwise: [TemplateStatement] = []
        if end == "else" {
            try expect(.endStatement)
            (otherwise, end) = try statements(until: ["endfor"])
        }
        try expect(.endStatement)
        return .loop(names: names, over: over, condition: condition, body, otherwise: otherwise)
    }

    private mutating func set() throws(TemplateError) -> TemplateStatement {
        let target = try name()
        let member = take(.sign(".")) ? try name() : nil
        if current == .sign(",") { throw unsupported("set of several names") }
        if take(.sign("=")) {
            let value = try expression()
            try expect(.endStatement)
            return .set(name: target, member: member, value)
        }
        try expect(.endStatement)
        guard member == nil else { throw unsupported("set of a member by a block") }
        let (body, _) = try statements(until: ["endset"])
        try expect(.endStatement)
        return .capture(name: target, body)
    }

    private mutating func macro() throws(TemplateError) -> TemplateStatement {
        let name = try name()
        var parameters: [(String, TemplateExpression?)] = []
        try expect(.sign("("))
        while !take(.sign(")")) {
            let parameter = try self.name()
            parameters.append((parameter, take(.sign("=")) ? try expression() : nil))
            if current != .sign(")") { try expect(.sign(",")) }
        }
        try expect(.endStatement)
        let (body, _) = try statements(until: ["endmacro"])
        try expect(.endStatement)
        return .macro(name: name, parameters: parameters, body)
    }

    // MARK: Expressions, the loosest first

    private mutating func expression() throws(TemplateError) -> TemplateExpression {
        try enter()
        defer { depth -= 1 }
        var value = try or()
        while take(.name("if")) {
            let condition = try or()
            let otherwise = take(.name("else")) ? try expression() : nil
            value = .conditional(condition, value, otherwise)
        }
        return value
    }

    private mutating func or() throws(TemplateError) -> TemplateExpression {
        var left = try and()
        while take(.name("or")) { left = .binary("or", left, try and()) }
        return left
    }

    private mutating func and() throws(TemplateError) -> TemplateExpression {
        var left = try not()
        while take(.name("and")) { left = .binary("and", left, try not()) }
        return left
    }

    private mutating func not() throws(TemplateError) -> TemplateExpression {
        guard take(.name("not")) else { return try comparison() }
        try enter()
        defer { depth -= 1 }
        return .not(try not())
    }

    private mutating func comparison() throws(TemplateError) -> TemplateExpression {
        let first = try sum()
        var left = first
        var operand = first
        var isFirst = true
        while true {
            var result: TemplateExpression?
            if case .sign(let sign) = current, ["==", "!=", "<", ">", "<=", ">="].contains(sign) {
                index += 1
                let right = try sum()
                result = .binary(sign, operand, right)
                operand = right
            } else if take(.name("in")) {
                let right = try sum()
                result = .binary("in", operand, right)
                operand = right
            } else if current == .name("not"), index + 1 < tokens.count, tokens[index + 1].token == .name("in") {
                index += 2
                let right = try sum()
                result = .not(.binary("in", operand, right))
                operand = right
            }
            guard let result else { return left }
            left = isFirst ? result : .binary("and", left, result)
            isFirst = false
        }
    }

    private mutating func sum() throws(TemplateError) -> TemplateExpression {
        var left = try joined()
        while case .sign(let sign) = current, sign == "+" || sign == "-" {
            index += 1
            left = .binary(sign, left, try joined())
        }
        return left
    }

    private mutating func joined() throws(TemplateError) -> TemplateExpression {
        var left = try product()
        while take(.sign("~")) { left = .binary("~", left, try product()) }
        return left
    }

    private mutating func product() throws(TemplateError) -> TemplateExpression {
        var left = try unary()
        while case .sign(let sign) = current, ["*", "/", "//", "%"].contains(sign) {
            index += 1
            left = .binary(sign, left, try unary())
        }
        if current == .sign("**") { throw unsupported("the operator \"**\"") }
        return left
    }

    private mutating func unary() throws(TemplateError) -> TemplateExpression {
        try enter()
        defer { depth -= 1 }
        if take(.sign("-")) { return .negative(try unary()) }
        if take(.sign("+")) { return try unary() }
        return try postfix(try primary())
    }

    private mutating func postfix(_ first: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var value = first
        while true {
            if take(.sign(".")) {
                if case .int(let place) = current {
                    index += 1
                    value = .member(value, .literal(.int(place)))
                    continue
                }
                guard case .name(let member) = current else { throw malformed("expected a name behind the dot") }
                index += 1
                if take(.sign("(")) {
                    guard TemplateNames.methods.contains(member) else { throw unsupported("the method \"\(member)\"") }
                    value = .method(value, member, try arguments())
                } else {
                    value = .member(value, .literal(.string(member)))
                }
            } else if take(.sign("[")) {
                value = try subscripted(value)
            } else if take(.sign("|")) {
                let filter = try name()
                guard TemplateNames.filters.contains(filter) else { throw unsupported("the filter \"\(filter)\"") }
                value = .filter(value, filter, take(.sign("(")) ? try arguments() : TemplateArguments())
            } else if take(.name("is")) {
                value = try test(value)
            } else if current == .sign("(") {
                guard case .name(let function) = value else { throw unsupported("a call of what is no name") }
                guard TemplateNames.functions.contains(function) || macros.contains(function) else {
                    throw unsupported("the function \"\(function)\"")
                }
                index += 1
                value = .call(function, try arguments())
            } else {
                return value
            }
        }
    }

    private mutating func test(_ value: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        let isNegated = take(.name("not"))
        guard case .name(let test) = current, TemplateNames.tests.contains(test) else {
            throw unsupported("the test \(current.map { "\($0)" } ?? "")")
        }
        index += 1
        var arguments = TemplateArguments()
        if take(.sign("(")) {
            arguments = try self.arguments()
        } else if ["equalto", "eq", "ne", "in", "divisibleby", "lt", "gt", "le", "ge"].contains(test) {
            arguments.positional = [try primary()]
        }
        return isNegated ? .not(.test(value, test, arguments)) : .test(value, test, arguments)
    }

    private mutating func subscripted(_ value: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var bounds: [TemplateExpression?] = []
        var isSlice = false
        while true {
            let bound = current == .sign(":") || current == .sign("]") ? nil : try expression()
            bounds.append(bound)
            if take(.sign("]")) { break }
            try expect(.sign(":"))
            isSlice = true
        }
        guard isSlice else {
            guard let member = bounds[0] else { throw malformed("empty brackets") }
            return .member(value, member)
        }
        guard bounds.count <= 3 else { throw malformed("a slice of more than three parts") }
        return .slice(value, bounds)
    }

    /// What stands in round brackets; the opening one is behind.
    private mutating func arguments() throws(TemplateError) -> TemplateArguments {
        var result = TemplateArguments()
        while !take(.sign(")")) {
            if case .name(let key) = current, index + 1 < tokens.count, tokens[index + 1].token == .sign("=") {
                index += 2
                result.named.append((key, try expression()))
            } else {
                result.positional.append(try expression())
            }
            if current != .sign(")") { try expect(.sign(",")) }
        }
        return result
    }

    private mutating func primary() throws(TemplateError) -> TemplateExpression {
        let token = current
        index += 1
        switch token {
        case .string(var text):
            // Texts beside each other are one.
            while case .string(let more) = current {
                text += more
                index += 1
            }
            return .literal(.string(text))
        case .int(let value): return .literal(.int(value))
        case .double(let value): return .literal(.double(value))
        case .name("true"), .name("True"): return .literal(.bool(true))
        case .name("false"), .name("False"): return .literal(.bool(false))
        case .name("none"), .name("None"): return .literal(.none)
        case .name(let name) where !TemplateNames.reserved.contains(name): return .name(name)
        case .sign("("):
            let first = try expression()
            guard current == .sign(",") else {
                try expect(.sign(")"))
                return first
            }
            index += 1
            return .list([first] + (try items(until: ")")))
        case .sign("["): return .list(try items(until: "]"))
        case .sign("{"):
            var members: [(TemplateExpression, TemplateExpression)] = []
            while !take(.sign("}")) {
                let key = try expression()
                try expect(.sign(":"))
                members.append((key, try expression()))
                if current != .sign("}") { try expect(.sign(",")) }
            }
            return .map(members)
        default:
            index -= 1
            throw malformed("unexpected \(token.map { "\($0)" } ?? "end")")
        }
    }

    private mutating func items(until end: String) throws(TemplateError) -> [TemplateExpression] {
        var items: [TemplateExpression] = []
        while !take(.sign(end)) {
            items.append(try expression())
            if current != .sign(end) { try expect(.sign(",")) }
        }
        return items
    }
}
