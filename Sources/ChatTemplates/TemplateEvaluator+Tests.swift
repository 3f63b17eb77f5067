extension TemplateEvaluator {
    /// Whether `value` passes the test `name`.
    ///
    /// - Source: Jinja documentation, "List of Builtin Tests".
    func test(_ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]) throws(TemplateError) -> Bool {
        switch (name, value) {
        case ("defined", .undefined), ("undefined", .none): return false
        case ("defined", _), ("undefined", .undefined), ("none", .none), ("string", .string), ("mapping", .map),
            ("boolean", .bool), ("integer", .int), ("float", .double), ("number", .int), ("number", .double),
            ("number", .bool), ("true", .bool(true)), ("false", .bool(false)):
            return true
        case ("iterable", .string), ("iterable", .array), ("iterable", .map), ("iterable", .undefined),
            ("sequence", .string), ("sequence", .array), ("sequence", .map), ("sequence", .undefined):
            return true
        default: return try comparison(name, value, arguments)
        }
    }

    private func comparison(
        _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]
    ) throws(TemplateError) -> Bool {
        let operations = [
            "equalto": "==", "eq": "==", "==": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
            "in": "in",
        ]
        switch name {
        case "odd", "even", "divisibleby":
            let divisor = name == "divisibleby" ? arguments.first ?? .undefined : .int(2)
            let remainder = try binary(value, "%", divisor, line: line)
            return try isEqual(remainder, .int(name == "odd" ? 1 : 0))
        default:
            guard let operation = operations[name] else { return false }
            guard let operand = arguments.first else { throw failure("the test '\(name)' takes a value") }
            return try compare(value, operation, operand)
        }
    }
}
