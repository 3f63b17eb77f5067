/// Runs the statements of a template once, within limits.
///
/// - Isolation: made, used and dropped within one call of `render`.
final class TemplateEvaluator {
    enum Flow { case next, breakLoop, continueLoop }

    let limits: TemplateLimits
    let secondsSince1970: Int
    private(set) var line = 1
    private var steps = 0
    private var depth = 0
    /// Variables, the innermost scope last; the first holds what the caller gave and the top of the template sets.
    private var scopes: [[String: TemplateValue]]
    private var macros: [String: TemplateMacro] = [:]
    /// What is written by the template, and by each block of `set` and each macro that is being run.
    private var outputs: [String] = [""]

    init(variables: [String: TemplateValue], limits: TemplateLimits, secondsSince1970: Int) {
        self.limits = limits
        self.secondsSince1970 = secondsSince1970
        scopes = [variables]
    }

    func run(_ body: [TemplateStatement]) throws(TemplateError) -> String {
        _ = try execute(body)
        return outputs[0]
    }

    // MARK: Limits and errors

    func failure(_ problem: String) -> TemplateError { .invalid("line \(line): \(problem)") }

    func exceeded(_ limit: String) -> TemplateError { .limit("\(limit), in line \(line)") }

    func charge(_ count: Int = 1) throws(TemplateError) {
        steps += count
        guard steps <= limits.stepCountMax else { throw exceeded("\(limits.stepCountMax) steps") }
    }

    /// Counts a string made or read.
    func charge(_ text: String) throws(TemplateError) { try charge(byteCount: text.utf8.count) }

    func charge(byteCount: Int) throws(TemplateError) {
        guard byteCount <= limits.byteCountMax else {
            throw exceeded("\(limits.byteCountMax) bytes in a string")
        }
        try charge(1 + byteCount / 32)
    }

    func list(_ elements: [TemplateValue], isTuple: Bool = false) throws(TemplateError) -> TemplateValue {
        try charge(1 + elements.count)
        for element in elements where !element.isPlain { throw failure("\(element.kind) in a list") }
        let list = TemplateValue.List(elements, isTuple: isTuple)
        guard list.depth <= TemplateBounds.valueDepthMax else {
            throw exceeded("\(TemplateBounds.valueDepthMax) values inside one another")
        }
        return .array(list)
    }

    func set(_ key: String, _ value: TemplateValue, in map: inout TemplateValue.Map) throws(TemplateError) {
        try charge(1 + map.entries.count)
        guard value.isPlain else { throw failure("\(value.kind) in a map") }
        guard value.depth < TemplateBounds.valueDepthMax else {
            throw exceeded("\(TemplateBounds.valueDepthMax) values inside one another")
        }
        map.set(key, value)
    }

    /// Runs `body` one level deeper.
    func deeper<Result>(
        at newLine: Int, _ body: () throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        if newLine > 0 { line = newLine }
        depth += 1
        defer { depth -= 1 }
        guard depth <= limits.depthMax else { throw exceeded("a depth of \(limits.depthMax)") }
        try charge()
        return try body()
    }

    // MARK: Statements

    private func execute(_ body: [TemplateStatement]) throws(TemplateError) -> Flow {
        for statement in body {
            let flow = try deeper(at: 0) { () throws(TemplateError) in try execute(statement) }
            if flow != .next { return flow }
        }
        return .next
    }

    private func execute(_ statement: TemplateStatement) throws(TemplateError) -> Flow {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression):
            let value = try evaluate(expression)
            try write(try text(value))
        case .set(let target, let attribute, let expression, let line):
            try assign(try evaluate(expression), to: target, attribute: attribute, line: line)
        case .setBlock(let target, let attribute, let body, let line):
            let text = try captured { () throws(TemplateError) in
                scopes.append([:])
                defer { scopes.removeLast() }
                _ = try execute(body)
            }
            try assign(.string(text), to: target, attribute: attribute, line: line)
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.condition).isTrue { return try execute(branch.body) }
            return try execute(otherwise)
        case .loop(let loop): try execute(loop)
        case .macro(let macro):
            macros[macro.name] = macro
            scopes[scopes.count - 1][macro.name] = .function(macro.name)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .next
    }

    private func write(_ text: String) throws(TemplateError) {
        try charge(text)
        let last = outputs.count - 1
        outputs[last] += text
        guard outputs[last].utf8.count <= limits.byteCountMax else {
            throw exceeded("\(limits.byteCountMax) bytes of output")
        }
    }

    private func captured(_ body: () throws(TemplateError) -> Void) throws(TemplateError) -> String {
        outputs.append("")
        do {
            try body()
        } catch {
            outputs.removeLast()
            throw error
        }
        return outputs.removeLast()
    }

    private func assign(
        _ value: TemplateValue, to target: String, attribute: String?, line: Int
    ) throws(TemplateError) {
        self.line = line
        guard let attribute else { return scopes[scopes.count - 1][target] = value }
        guard case .namespace(let object) = variable(target) else {
            throw failure("an attribute of '\(target)' is set, which is no namespace")
        }
        try set(attribute, value, in: &object.attributes)
    }

    private func execute(_ loop: TemplateLoop) throws(TemplateError) {
        line = loop.line
        var elements = try self.elements(of: try evaluate(loop.sequence))
        try charge(elements.count)
        if let condition = loop.condition {
            var kept: [TemplateValue] = []
            for element in elements {
                scopes.append(try bindings(loop, element))
                defer { scopes.removeLast() }
                if try evaluate(condition).isTrue { kept.append(element) }
            }
            elements = kept
        }
        if elements.isEmpty {
            scopes.append([:])
            defer { scopes.removeLast() }
            _ = try execute(loop.otherwise)
            return
        }
        for (index, element) in elements.enumerated() {
            try charge()
            var scope = try bindings(loop, element)
            scope["loop"] = position(index, in: elements)
            scopes.append(scope)
            defer { scopes.removeLast() }
            if try execute(loop.body) == .breakLoop { return }
        }
    }

    private func bindings(
        _ loop: TemplateLoop, _ element: TemplateValue
    ) throws(TemplateError) -> [String: TemplateValue] {
        if loop.names.count == 1 { return [loop.names[0]: element] }
        let parts = try elements(of: element)
        guard parts.count == loop.names.count else {
            throw failure("\(parts.count) values for the \(loop.names.count) names of a loop")
        }
        return Dictionary(zip(loop.names, parts)) { $1 }
    }

    /// The `loop` of one turn: a namespace, so that it is stored nowhere.
    private func position(_ index: Int, in elements: [TemplateValue]) -> TemplateValue {
        let loop = TemplateNamespace()
        let count = elements.count
        loop.attributes = .init(loop: [
            ("index", .int(index + 1)), ("index0", .int(index)), ("first", .bool(index == 0)),
            ("last", .bool(index == count - 1)), ("length", .int(count)), ("revindex", .int(count - index)),
            ("revindex0", .int(count - index - 1)),
            ("previtem", index > 0 ? elements[index - 1] : .undefined),
            ("nextitem", index + 1 < count ? elements[index + 1] : .undefined),
        ])
        return .namespace(loop)
    }

    // MARK: Variables and macros

    func variable(_ name: String) -> TemplateValue {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return TemplateNames.functions.contains(name) ? .function(name) : .undefined
    }

    func callMacro(
        _ name: String, _ positional: [TemplateValue], _ named: [(name: String, value: TemplateValue)]
    ) throws(TemplateError) -> TemplateValue {
        guard let macro = macros[name] else { throw failure("'\(name)' is undefined") }
        guard positional.count <= macro.parameters.count else {
            throw failure("\(positional.count) arguments for the \(macro.parameters.count) of '\(name)'")
        }
        var scope: [String: TemplateValue] = [:]
        for (parameter, value) in zip(macro.parameters, positional) { scope[parameter.name] = value }
        for (key, value) in named {
            guard macro.parameters.contains(where: { $0.name == key }), scope[key] == nil else {
                throw failure("the argument '\(key)' of '\(name)' is unknown or given twice")
            }
            scope[key] = value
        }
        // A macro sees its parameters and the top of the template, not the variables of its caller.
        let callers = scopes
        scopes = [callers[0], scope]
        defer { scopes = callers }
        for parameter in macro.parameters where scope[parameter.name] == nil {
            scopes[1][parameter.name] =
                try parameter.standard.map { standard throws(TemplateError) in
                    try evaluate(standard)
                } ?? .undefined
        }
        let text = try captured { () throws(TemplateError) in _ = try execute(macro.body) }
        return .string(text)
    }
}

extension TemplateValue.Map {
    /// The attributes of a loop, whose names differ.
    init(loop attributes: [(String, TemplateValue)]) {
        self.init()
        for (key, value) in attributes { set(key, value) }
    }
}
