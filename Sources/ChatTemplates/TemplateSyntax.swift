/// What a template computes.
indirect enum TemplateExpression: Sendable {
    case literal(TemplateValue)
    case name(String)
    case list([TemplateExpression])
    case map([(TemplateExpression, TemplateExpression)])
    case member(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, [TemplateExpression?])
    case call(String, TemplateArguments)
    case method(TemplateExpression, String, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    case test(TemplateExpression, String, TemplateArguments)
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case binary(String, TemplateExpression, TemplateExpression)
    case conditional(TemplateExpression, TemplateExpression, TemplateExpression?)
}

/// What stands between the brackets of a call.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(String, TemplateExpression)] = []
}

/// What a template does.
indirect enum TemplateStatement: Sendable {
    case text(String)
    case output(TemplateExpression)
    /// A name, or a member of a namespace.
    case set(name: String, member: String?, TemplateExpression)
    case capture(name: String, [TemplateStatement])
    case loop(
        names: [String], over: TemplateExpression, condition: TemplateExpression?, [TemplateStatement],
        otherwise: [TemplateStatement])
    case branch([(TemplateExpression, [TemplateStatement])], otherwise: [TemplateStatement])
    case macro(name: String, parameters: [(String, TemplateExpression?)], [TemplateStatement])
    case leaveLoop
    case nextRound
}

/// The names that are known; a template with others is refused when it is loaded.
enum TemplateNames {
    static let filters: Set<String> = [
        "trim", "tojson", "length", "count", "upper", "lower", "capitalize", "title", "default", "d", "join", "replace",
        "selectattr", "rejectattr", "select", "reject", "map", "items", "dictsort", "first", "last", "list", "string",
        "int", "float", "abs", "reverse", "unique", "safe",
    ]
    static let tests: Set<String> = [
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence",
        "iterable", "true", "false", "equalto", "eq", "ne", "in", "odd", "even", "divisibleby", "lt", "gt", "le", "ge",
    ]
    static let methods: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "upper", "lower", "capitalize", "title",
        "replace", "join", "items", "keys", "values", "get", "append", "find", "count",
    ]
    static let functions: Set<String> = ["raise_exception", "strftime_now", "namespace", "range", "dict"]
    static let reserved: Set<String> = [
        "and", "or", "not", "in", "is", "if", "else", "elif", "for", "endfor", "endif", "set", "endset", "macro",
    ]
}
