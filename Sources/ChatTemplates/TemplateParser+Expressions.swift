/// Expressions by precedence, loosest first, as in Jinja.
extension TemplateParser {
    mutating func expression() throws(TemplateError) -> TemplateExpression {
        nodeCount = 0
        return try choice()
    }

    /// Counts an operator or operand.
    private mutating func node() throws(TemplateError) {
        nodeCount += 1
        guard nodeCount <= TemplateBounds.expressionNodeCountMax else {
            throw limit("\(TemplateBounds.expressionNodeCountMax) parts in one expression")
        }
    }

    private mutating func choice() throws(TemplateError) -> TemplateExpression {
        expressionDepth += 1
        defer { expressionDepth -= 1 }
        guard expressionDepth <= TemplateBounds.parseDepthMax else {
            throw limit("\(TemplateBounds.parseDepthMax) nested expressions")
        }
        var value = try disjunction()
        while takeName("if") {
            try node()
            let condition = try disjunction()
            let otherwise = takeName("else") ? try choice() : nil
            value = .choice(condition: condition, then: value, otherwise: otherwise)
        }
        return value
    }

    mutating func disjunction() throws(TemplateError) -> TemplateExpression {
        var left = try conjunction()
        while takeName("or") {
            try node()
            left = .or(left, try conjunction())
        }
        return left
    }

    private mutating func conjunction() throws(TemplateError) -> TemplateExpression {
        var left = try negation()
        while takeName("and") {
            try node()
            left = .and(left, try negation())
        }
        return left
    }

    private mutating func negation() throws(TemplateError) -> TemplateExpression {
        var count = 0
        while takeName("not") {
            try node()
            count += 1
        }
        var value = try comparison()
        for _ in 0..<count { value = .not(value) }
        return value
    }

    private mutating func comparison() throws(TemplateError) -> TemplateExpression {
        let start = line
        let first = try sum()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while true {
            if case .symbol(let symbol) = token.kind, ["==", "!=", "<", "<=", ">", ">="].contains(symbol) {
                position += 1
                rest.append((symbol, try sum()))
            } else if takeName("in") {
                rest.append(("in", try sum()))
            } else if isName("not"), tokens[position + 1].kind == .name("in") {
                position += 2
                rest.append(("not in", try sum()))
            } else {
                return rest.isEmpty ? first : .comparison(first, rest, line: start)
            }
            try node()
        }
    }

    private mutating func sum() throws(TemplateError) -> TemplateExpression {
        var left = try concatenation()
        while case .symbol(let symbol) = token.kind, symbol == "+" || symbol == "-" {
            let start = line
            position += 1
            try node()
            left = .binary(left, symbol, try concatenation(), line: start)
        }
        return left
    }

    private mutating func concatenation() throws(TemplateError) -> TemplateExpression {
        var left = try product()
        while isSymbol("~") {
            let start = line
            position += 1
            try node()
            left = .binary(left, "~", try product(), line: start)
        }
        return left
    }

    private mutating func product() throws(TemplateError) -> TemplateExpression {
        var left = try unary(withFilters: true)
        while case .symbol(let symbol) = token.kind, ["*", "/", "//", "%"].contains(symbol) {
            let start = line
            position += 1
            try node()
            left = .binary(left, symbol, try unary(withFilters: true), line: start)
        }
        if isSymbol("**") { throw unsupported("the operator **") }
        return left
    }

    private mutating func unary(withFilters: Bool) throws(TemplateError) -> TemplateExpression {
        let start = line
        var negations: [Bool] = []
        while isSymbol("-") || isSymbol("+") {
            negations.append(isSymbol("-"))
            position += 1
            try node()
        }
        var value = try postfix(try primary())
        for isNegation in negations.reversed() {
            // A plus is a number's, too: adding nothing keeps the check.
            value =
                isNegation
                ? .negative(value, line: start) : .binary(.literal(.int(0)), "+", value, line: start)
        }
        if withFilters { value = try filters(value) }
        if isSymbol("**") { throw unsupported("the operator **") }
        return value
    }

    private mutating func primary() throws(TemplateError) -> TemplateExpression {
        try node()
        let start = line
        switch token.kind {
        case .string(var text):
            position += 1
            while case .string(let more) = token.kind {
                text += more
                position += 1
            }
            return .literal(.string(text))
        case .int(let value):
            position += 1
            return .literal(.int(value))
        case .double(let value):
            position += 1
            return .literal(.double(value))
        case .name(let word): return try named(word, line: start)
        case .symbol("["):
            position += 1
            return .list(try elements(close: "]"), line: start)
        case .symbol("("):
            position += 1
            if takeSymbol(")") { return .tuple([], line: start) }
            let first = try choice()
            if takeSymbol(")") { return first }
            try expect(.symbol(","), ", or )")
            return .tuple([first] + (try elements(close: ")")), line: start)
        case .symbol("{"):
            position += 1
            return try map(line: start)
        default: throw syntax("expected an expression")
        }
    }

    private mutating func named(_ word: String, line: Int) throws(TemplateError) -> TemplateExpression {
        position += 1
        switch word {
        case "true", "True": return .literal(.bool(true))
        case "false", "False": return .literal(.bool(false))
        case "none", "None": return .literal(.none)
        case "and", "or", "if", "else", "in", "is", "not":
            position -= 1
            throw syntax("unexpected '\(word)'")
        case "caller", "varargs", "kwargs", "self", "super", "cycler", "joiner", "lipsum":
            position -= 1
            throw unsupported("\"\(word)\"")
        default: return .variable(word, line: line)
        }
    }

    private mutating func elements(close: String) throws(TemplateError) -> [TemplateExpression] {
        var elements: [TemplateExpression] = []
        while !takeSymbol(close) {
            elements.append(try choice())
            guard takeSymbol(",") || isSymbol(close) else { throw syntax("expected , or \(close)") }
        }
        return elements
    }

    private mutating func map(line: Int) throws(TemplateError) -> TemplateExpression {
        var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !takeSymbol("}") {
            let key = try choice()
            if case .literal(let value) = key {
                guard case .string = value else { throw unsupported("a map's key that is \(value.kind)") }
            }
            try expect(.symbol(":"), ":")
            entries.append((key, try choice()))
            guard takeSymbol(",") || isSymbol("}") else { throw syntax("expected , or }") }
        }
        return .map(entries, line: line)
    }

    private mutating func postfix(_ operand: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var value = operand
        while true {
            let start = line
            if takeSymbol(".") {
                try node()
                if case .int(let index) = token.kind {
                    position += 1
                    value = .item(value, .literal(.int(index)), line: start)
                    continue
                }
                let attribute = try name("an attribute")
                if isSymbol("(") {
                    guard TemplateNames.methods.contains(attribute) else {
                        throw unsupported("the method \"\(attribute)\"")
                    }
                    value = .method(value, attribute, try arguments(), line: start)
                } else {
                    value = .attribute(value, attribute, line: start)
                }
            } else if takeSymbol("[") {
                try node()
                value = try item(of: value, line: start)
            } else if isSymbol("(") {
                try node()
                guard case .variable(let function, _) = value else { throw unsupported("a call of an expression") }
                if !TemplateNames.functions.contains(function) { calls.append((function, start)) }
                value = .call(function, try arguments(), line: start)
            } else {
                return value
            }
        }
    }

    private mutating func item(
        of value: TemplateExpression, line: Int
    ) throws(TemplateError) -> TemplateExpression {
        var bounds: [TemplateExpression?] = [nil]
        while !takeSymbol("]") {
            if takeSymbol(":") {
                bounds.append(nil)
            } else if isSymbol(",") {
                throw unsupported("an index of several values")
            } else {
                guard bounds[bounds.count - 1] == nil else { throw syntax("expected ]") }
                bounds[bounds.count - 1] = try choice()
            }
            guard bounds.count <= 3 else { throw syntax("a slice of more than three parts") }
        }
        if bounds.count > 1 {
            return .slice(value, from: bounds[0], to: bounds[1], by: bounds.count > 2 ? bounds[2] : nil, line: line)
        }
        guard let index = bounds[0] else { throw syntax("expected an index") }
        return .item(value, index, line: line)
    }

    private mutating func arguments() throws(TemplateError) -> TemplateArguments {
        try expect(.symbol("("), "(")
        var arguments = TemplateArguments()
        while !takeSymbol(")") {
            if isSymbol("*") || isSymbol("**") { throw unsupported("unpacking of arguments with *") }
            if case .name(let name) = token.kind, tokens[position + 1].kind == .symbol("=") {
                position += 2
                arguments.named.append((name, try choice()))
            } else {
                guard arguments.named.isEmpty else { throw syntax("an argument without a name after one with") }
                arguments.positional.append(try choice())
            }
            guard takeSymbol(",") || isSymbol(")") else { throw syntax("expected , or )") }
        }
        return arguments
    }

    private mutating func filters(_ operand: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var value = operand
        while true {
            let start = line
            if takeSymbol("|") {
                try node()
                let filter = try name("a filter")
                guard TemplateNames.filters.contains(filter) else {
                    position -= 1
                    throw unsupported("the filter \"\(filter)\"")
                }
                value = .filter(value, filter, isSymbol("(") ? try arguments() : TemplateArguments(), line: start)
            } else if takeName("is") {
                try node()
                value = try test(value, line: start)
            } else if isSymbol("(") {
                throw unsupported("a call of an expression")
            } else {
                return value
            }
        }
    }

    private mutating func test(
        _ operand: TemplateExpression, line: Int
    ) throws(TemplateError) -> TemplateExpression {
        let isNegated = takeName("not")
        let test = try name("a test")
        guard TemplateNames.tests.contains(test) else {
            position -= 1
            throw unsupported("the test \"\(test)\"")
        }
        var arguments = TemplateArguments()
        switch token.kind {
        case .symbol("("): arguments = try self.arguments()
        case .name(let word) where ["else", "or", "and", "if", "in", "not"].contains(word): break
        case .name("is"): throw syntax("tests cannot be chained with 'is'")
        case .name, .string, .int, .double, .symbol("["), .symbol("{"):
            arguments.positional = [try postfix(try primary())]
        default: break
        }
        let value = TemplateExpression.test(operand, test, arguments, line: line)
        return isNegated ? .not(value) : value
    }
}
