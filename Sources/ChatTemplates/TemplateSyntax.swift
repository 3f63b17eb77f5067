/// An expression and the line it begins in.
indirect enum TemplateExpression {
    case literal(TemplateValue)
    case variable(String, line: Int)
    case list([TemplateExpression], line: Int)
    case tuple([TemplateExpression], line: Int)
    case map([(key: TemplateExpression, value: TemplateExpression)], line: Int)
    case attribute(TemplateExpression, String, line: Int)
    case item(TemplateExpression, TemplateExpression, line: Int)
    case slice(
        TemplateExpression, from: TemplateExpression?, to: TemplateExpression?, by: TemplateExpression?, line: Int)
    case call(String, TemplateArguments, line: Int)
    case method(TemplateExpression, String, TemplateArguments, line: Int)
    case filter(TemplateExpression, String, TemplateArguments, line: Int)
    case test(TemplateExpression, String, TemplateArguments, line: Int)
    case negative(TemplateExpression, line: Int)
    case not(TemplateExpression)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case binary(TemplateExpression, String, TemplateExpression, line: Int)
    /// `a < b <= c`: each neighbouring pair holds.
    case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)], line: Int)
    case choice(condition: TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)

    var line: Int {
        switch self {
        case .literal: 0
        case .variable(_, let line), .list(_, let line), .tuple(_, let line), .map(_, let line),
            .attribute(_, _, let line), .item(_, _, let line), .slice(_, _, _, _, let line), .call(_, _, let line),
            .method(_, _, _, let line),
            .filter(_, _, _, let line), .test(_, _, _, let line), .negative(_, let line), .binary(_, _, _, let line),
            .comparison(_, _, let line):
            line
        case .not(let operand), .and(let operand, _), .or(let operand, _), .choice(let operand, _, _): operand.line
        }
    }
}

struct TemplateArguments {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
}

indirect enum TemplateStatement {
    case text(String)
    case output(TemplateExpression)
    case set(String, attribute: String?, TemplateExpression, line: Int)
    case setBlock(String, attribute: String?, [TemplateStatement], line: Int)
    case conditional([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
    case loop(TemplateLoop)
    case macro(TemplateMacro)
    case breakLoop
    case continueLoop
}

struct TemplateLoop {
    let names: [String]
    let sequence: TemplateExpression
    let condition: TemplateExpression?
    let body: [TemplateStatement]
    let otherwise: [TemplateStatement]
    let line: Int
}

struct TemplateMacro {
    let name: String
    let parameters: [(name: String, standard: TemplateExpression?)]
    let body: [TemplateStatement]
    let line: Int
}

/// The names of the subset; any other is refused when the template is loaded.
enum TemplateNames {
    static let functions: Set = ["raise_exception", "strftime_now", "range", "namespace", "dict"]
    static let filters: Set = [
        "trim", "tojson", "length", "count", "upper", "lower", "title", "capitalize", "default", "d", "join",
        "replace", "first", "last", "list", "items", "dictsort", "map", "select", "reject", "selectattr", "rejectattr",
        "string",
        "int", "float", "safe", "sort", "unique", "reverse", "abs",
    ]
    static let tests: Set = [
        "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float",
        "boolean", "true", "false", "odd", "even", "divisibleby", "equalto", "eq", "ne", "lt", "le", "gt", "ge", "in",
    ]
    static let methods: Set = [
        "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "upper", "lower", "title", "capitalize",
        "replace", "join", "find", "count", "items", "keys", "values", "get",
    ]
}
