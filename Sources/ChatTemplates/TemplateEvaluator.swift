/// How much one use of a template may take.
package struct TemplateLimits: Sendable {
    package var stepCountMax = 2_000_000
    /// Bytes of the output, and of each text on the way.
    package var byteCountMax = 1 << 24
    package var callDepthMax = 16

    package init() {}
}

/// Writes a template out.
struct TemplateEvaluator {
    enum Flow { case on, leaveLoop, nextRound }

    private struct Macro {
        let parameters: [(String, TemplateExpression?)]
        let body: [TemplateStatement]
    }

    let limits: TemplateLimits
    let secondsSince1970: Int
    private(set) var output = ""
    /// Variables, the innermost scope last.
    private var scopes: [[String: TemplateValue]]
    private var macros: [String: Macro] = [:]
    private var stepCount = 0
    private var callDepth = 0

    init(variables: [String: TemplateValue], limits: TemplateLimits, secondsSince1970: Int) {
        scopes = [variables]
        self.limits = limits
        self.secondsSince1970 = secondsSince1970
    }

    mutating func charge(_ count: Int = 1) throws(TemplateError) {
        stepCount += count
        guard stepCount <= limits.stepCountMax else { throw .limit("steps") }
    }

    private func checked(_ text: String) throws(TemplateError) -> TemplateValue {
        guard text.utf8.count <= limits.byteCountMax else { throw .limit("bytes") }
        return .string(text)
    }

    mutating func run(_ body: [TemplateStatement]) throws(TemplateError) -> Flow {
        for statement in body {
            try charge()
            switch statement {
            case .text(let text): try write(text)
            case .output(let expression): try write(evaluate(expression).text)
            case .set(let name, let member, let expression):
                try set(name, member, evaluate(expression))
            case .capture(let name, let body):
                let outer = output
                output = ""
                let flow = try run(body)
                try set(name, nil, .string(output))
                output = outer
                if flow != .on { return flow }
            case .branch(let branches, let otherwise):
                let flow = try run(try chosen(branches) ?? otherwise)
                if flow != .on { return flow }
            case .loop(let names, let over, let condition, let body, let otherwise):
                let flow = try loop(names, evaluate(over), condition, body, otherwise)
                if flow != .on { return flow }
            case .macro(let name, let parameters, let body): macros[name] = Macro(parameters: parameters, body: body)
            case .leaveLoop: return .leaveLoop
            case .nextRound: return .nextRound
            }
        }
        return .on
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        guard output.utf8.count + text.utf8.count <= limits.byteCountMax else { throw .limit("bytes") }
        output += text
    }

    private mutating func chosen(
        _ branches: [(TemplateExpression, [TemplateStatement])]
    ) throws(TemplateError) -> [TemplateStatement]? {
        for (condition, body) in branches {
            if try evaluate(condition).isTrue { return body }
        }
        return nil
    }

    private mutating func set(_ name: String, _ member: String?, _ value: TemplateValue) throws(TemplateError) {
        guard let member else {
            scopes[scopes.count - 1][name] = value
            return
        }
        guard let place = scopes.lastIndex(where: { $0[name] != nil }), case .map(var members) = scopes[place][name]
        else { throw .invalid("\"\(name)\" is no namespace") }
        if let index = members.firstIndex(where: { $0.key == member }) {
            members[index].value = value
        } else {
            members.append(.init(member, value))
        }
        scopes[place][name] = .map(members)
    }

    private mutating func loop(
        _ names: [String], _ over: TemplateValue, _ condition: TemplateExpression?, _ body: [TemplateStatement],
        _ otherwise: [TemplateStatement]
    ) throws(TemplateError) -> Flow {
        var items = try elements(of: over)
        scopes.append([:])
        defer { scopes.removeLast() }
        if let condition {
            var kept: [TemplateValue] = []
            for item in items {
                try bind(names, item)
                if try evaluate(condition).isTrue { kept.append(item) }
            }
            items = kept
        }
        if items.isEmpty { return try run(otherwise) }
        for (index, item) in items.enumerated() {
            try charge()
            scopes[scopes.count - 1] = [:]
            try bind(names, item)
            scopes[scopes.count - 1]["loop"] = .map([
                .init("index", .int(index + 1)), .init("index0", .int(index)), .init("first", .bool(index == 0)),
                .init("last", .bool(index == items.count - 1)), .init("length", .int(items.count)),
                .init("revindex", .int(items.count - index)), .init("revindex0", .int(items.count - index - 1)),
                .init("previtem", index > 0 ? items[index - 1] : .undefined),
                .init("nextitem", index + 1 < items.count ? items[index + 1] : .undefined),
            ])
            if try run(body) == .leaveLoop { break }
        }
        return .on
    }

    private mutating func bind(_ names: [String], _ item: TemplateValue) throws(TemplateError) {
        guard names.count > 1 else {
            scopes[scopes.count - 1][names[0]] = item
            return
        }
        guard case .list(let parts) = item, parts.count == names.count else {
            throw .invalid("a loop over \(names.count) names needs as many values")
        }
        for (name, part) in zip(names, parts) { scopes[scopes.count - 1][name] = part }
    }

    /// What a loop goes over.
    func elements(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        switch value {
        case .list(let values): return values
        case .map(let members): return members.map { .string($0.key) }
        case .string(let text): return text.unicodeScalars.map { .string(String($0)) }
        case .undefined: return []
        default: throw .invalid("a value of type \(value.typeName) has no elements")
        }
    }

    mutating func evaluate(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
        try charge()
        switch expression {
        case .literal(let value): return value
        case .name(let name): return scopes.last { $0[name] != nil }?[name] ?? .undefined
        case .list(let items): return .list(try evaluate(items))
        case .map(let members):
            var result: [TemplateValue.Member] = []
            for (key, value) in members { result.append(.init(try evaluate(key).text, try evaluate(value))) }
            return .map(result)
        case .member(let value, let key): return try member(evaluate(value), evaluate(key))
        case .slice(let value, let bounds): return try slice(evaluate(value), bounds)
        case .call(let name, let arguments): return try call(name, arguments)
        case .method(let value, let name, let arguments):
            if name == "append", case .name(let variable) = value { return try append(variable, arguments) }
            let value = try evaluate(value)
            let given = try evaluate(arguments)
            try charge(given.reduce(0) { $0 + $1.count })
            return try limited(TemplateMethods.apply(name, to: value, given))
        case .filter(let value, let name, let arguments):
            return try limited(filter(evaluate(value), name, arguments))
        case .test(let value, let name, let arguments):
            return .bool(try test(evaluate(value), name, evaluate(arguments.positional)))
        case .not(let value): return .bool(!(try evaluate(value).isTrue))
        case .negative(let value):
            switch try evaluate(value) {
            case .int(let number) where number > Int.min: return .int(-number)
            case .double(let number): return .double(-number)
            case let other: throw .invalid("\"-\" of a value of type \(other.typeName)")
            }
        case .binary(let sign, let left, let right): return try binary(sign, left, right)
        case .conditional(let condition, let value, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            return try otherwise.map { other throws(TemplateError) in try evaluate(other) } ?? .undefined
        }
    }

    private mutating func evaluate(_ items: [TemplateExpression]) throws(TemplateError) -> [TemplateValue] {
        var result: [TemplateValue] = []
        for item in items { result.append(try evaluate(item)) }
        return result
    }

    /// The positional values; methods have no named ones here.
    private mutating func evaluate(_ arguments: TemplateArguments) throws(TemplateError) -> [TemplateValue] {
        try evaluate(arguments.positional + arguments.named.map(\.1))
    }

    /// Charges what a value holds, so that texts and lists cannot be doubled without end.
    private mutating func limited(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch value {
        case .string(let text): return try checked(text)
        case .list(let values): try charge(values.count)
        case .map(let members): try charge(members.count)
        default: break
        }
        return value
    }

    private mutating func append(_ name: String, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue
    {
        let values = try evaluate(arguments)
        guard let place = scopes.lastIndex(where: { $0[name] != nil }), case .list(var list) = scopes[place][name],
            values.count == 1
        else { throw .invalid("append to \"\(name)\", which is no list") }
        list.append(values[0])
        try charge(list.count)
        scopes[place][name] = .list(list)
        return .none
    }

    private func member(_ value: TemplateValue, _ key: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch (value, key) {
        case (.map, .string(let key)): return value[key]
        case (.list(let items), .int(let index)):
            let place = index < 0 ? index + items.count : index
            return items.indices.contains(place) ? items[place] : .undefined
        case (.string(let text), .int(let index)):
            let scalars = Array(text.unicodeScalars)
            let place = index < 0 ? index + scalars.count : index
            return scalars.indices.contains(place) ? .string(String(scalars[place])) : .undefined
        case (.undefined, _): throw .invalid("\"\(key.text)\" of what is undefined")
        default: return .undefined
        }
    }

    private mutating func slice(
        _ value: TemplateValue, _ bounds: [TemplateExpression?]
    ) throws(TemplateError) -> TemplateValue {
        var numbers: [Int?] = []
        for bound in bounds {
            guard let bound else {
                numbers.append(nil)
                continue
            }
            switch try evaluate(bound) {
            case .int(let number): numbers.append(number)
            case .none: numbers.append(nil)
            case let other: throw .invalid("a slice by a value of type \(other.typeName)")
            }
        }
        let step = numbers.count > 2 ? numbers[2] ?? 1 : 1
        guard step != 0 else { throw .invalid("a slice with the step 0") }
        let items: [TemplateValue]
        switch value {
        case .list(let list): items = list
        case .string(let text): items = text.unicodeScalars.map { .string(String($0)) }
        default: throw .invalid("a slice of a value of type \(value.typeName)")
        }
        try charge(items.count)
        let places = Self.places(numbers[0], numbers.count > 1 ? numbers[1] : nil, step, items.count)
        let result = places.map { items[$0] }
        if case .string = value { return .string(result.map(\.text).joined()) }
        return .list(result)
    }

    /// The places of Python's `[start:end:step]`.
    private static func places(_ start: Int?, _ end: Int?, _ step: Int, _ count: Int) -> [Int] {
        func clamped(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
            min(max(bound < 0 ? bound &+ count : bound, range.lowerBound), range.upperBound)
        }
        let range = step > 0 ? 0...count : -1...(count - 1)
        guard count > 0 else { return [] }
        let first = start.map { clamped($0, range) } ?? (step > 0 ? 0 : count - 1)
        let last = end.map { clamped($0, range) } ?? (step > 0 ? count : -1)
        let bounded = min(max(step, -count - 1), count + 1)
        return Array(stride(from: first, to: last, by: bounded))
    }

    private mutating func call(_ name: String, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
        if let macro = macros[name] { return try call(macro, arguments) }
        let values = try evaluate(arguments.positional)
        switch name {
        case "raise_exception": throw .refused(values.first?.text ?? "")
        case "strftime_now": return .string(TemplateTime.format(values.first?.text ?? "", secondsSince1970))
        case "namespace", "dict":
            var members: [TemplateValue.Member] = []
            if case .map(let given) = values.first { members = given }
            for (key, value) in arguments.named {
                members.removeAll { $0.key == key }
                members.append(.init(key, try evaluate(value)))
            }
            return .map(members)
        case "range":
            let numbers = values.compactMap { if case .int(let number) = $0 { number } else { nil } }
            guard numbers.count == values.count, (1...3).contains(numbers.count), numbers.count < 3 || numbers[2] != 0,
                numbers.allSatisfy({ abs($0) < 1 << 40 })
            else { throw .invalid("range of what are no numbers") }
            let (first, last) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
            let step = numbers.count == 3 ? numbers[2] : 1
            try charge(max(0, (last - first) / step))
            return .list(stride(from: first, to: last, by: step).map { .int($0) })
        default: throw .invalid("the macro \"\(name)\" is not defined yet")
        }
    }

    private mutating func call(_ macro: Macro, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
        guard callDepth < limits.callDepthMax else { throw .limit("macros inside each other") }
        var scope: [String: TemplateValue] = [:]
        for (index, (name, fallback)) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope[name] = try evaluate(arguments.positional[index])
            } else if let given = arguments.named.first(where: { $0.0 == name }) {
                scope[name] = try evaluate(given.1)
            } else if let fallback {
                scope[name] = try evaluate(fallback)
            }
        }
        let outer = (scopes, output)
        callDepth += 1
        defer { callDepth -= 1 }
        (scopes, output) = ([outer.0[0], scope], "")
        _ = try run(macro.body)
        let result = output
        (scopes, output) = outer
        return .string(result)
    }

    private mutating func binary(
        _ sign: String, _ left: TemplateExpression, _ right: TemplateExpression
    ) throws(TemplateError) -> TemplateValue {
        let first = try evaluate(left)
        if sign == "and" { return first.isTrue ? try evaluate(right) : first }
        if sign == "or" { return first.isTrue ? first : try evaluate(right) }
        let second = try evaluate(right)
        switch sign {
        case "==": return .bool(first.equals(second))
        case "!=": return .bool(!first.equals(second))
        case "in": return .bool(try contains(second, first))
        case "~": return try checked(first.text + second.text)
        case "<": return .bool(try TemplateMethods.isLess(first, second))
        case ">": return .bool(try TemplateMethods.isLess(second, first))
        case "<=": return .bool(!(try TemplateMethods.isLess(second, first)))
        case ">=": return .bool(!(try TemplateMethods.isLess(first, second)))
        default: break
        }
        switch (sign, first, second) {
        case ("+", .string(let left), .string(let right)): return try checked(left + right)
        case ("*", .string(let text), .int(let count)):
            guard count <= 0 || text.utf8.count <= limits.byteCountMax / count else { throw .limit("bytes") }
            return .string(String(repeating: text, count: max(count, 0)))
        case ("+", .list(let left), .list(let right)): return try limited(.list(left + right))
        default: return try TemplateMethods.arithmetic(sign, first, second)
        }
    }

    private mutating func contains(_ whole: TemplateValue, _ part: TemplateValue) throws(TemplateError) -> Bool {
        switch (whole, part) {
        case (.string(let text), .string(let part)): return TemplateMethods.find(part, in: text) != nil
        case (.list(let values), _):
            try charge(values.count)
            return values.contains { $0.equals(part) }
        case (.map(let members), _): return members.contains { $0.key == part.text }
        case (.undefined, _): return false
        default: throw .invalid("\"in\" of a value of type \(whole.typeName)")
        }
    }

    private mutating func test(
        _ value: TemplateValue, _ name: String, _ given: [TemplateValue]
    ) throws(TemplateError) -> Bool {
        let other = given.first ?? .undefined
        switch (name, value) {
        case ("defined", _): return value != .undefined
        case ("undefined", _): return value == .undefined
        case ("none", _): return value == .none
        case ("string", .string), ("mapping", .map), ("boolean", .bool), ("integer", .int), ("float", .double),
            ("number", .int), ("number", .double), ("number", .bool), ("sequence", .string), ("sequence", .list),
            ("sequence", .map), ("iterable", .string), ("iterable", .list), ("iterable", .map),
            ("iterable", .undefined),
            ("sequence", .undefined):
            return true
        case ("true", _): return value == .bool(true)
        case ("false", _): return value == .bool(false)
        case ("equalto", _), ("eq", _): return value.equals(other)
        case ("ne", _): return !value.equals(other)
        case ("in", _): return try contains(other, value)
        case ("lt", _): return try TemplateMethods.isLess(value, other)
        case ("gt", _): return try TemplateMethods.isLess(other, value)
        case ("le", _): return !(try TemplateMethods.isLess(other, value))
        case ("ge", _): return !(try TemplateMethods.isLess(value, other))
        case ("odd", .int(let number)): return number % 2 != 0
        case ("even", .int(let number)): return number % 2 == 0
        case ("divisibleby", .int(let number)):
            guard case .int(let divisor) = other, divisor != 0 else { throw .invalid("divisibleby what is no number") }
            return number % divisor == 0
        default: return false
        }
    }

    private mutating func filter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let given = try evaluate(arguments.positional)
        var named: [String: TemplateValue] = [:]
        for (key, expression) in arguments.named { named[key] = try evaluate(expression) }
        switch name {
        case "selectattr", "rejectattr":
            guard case .string(let key) = given.first else { throw .invalid("\(name) needs the name of an attribute") }
            var kept: [TemplateValue] = []
            for item in try elements(of: value) {
                try charge()
                let holds = try passes(path(key, in: item), given.dropFirst())
                if holds == (name == "selectattr") { kept.append(item) }
            }
            return .list(kept)
        case "select", "reject":
            var kept: [TemplateValue] = []
            for item in try elements(of: value) where try passes(item, given[...]) == (name == "select") {
                kept.append(item)
            }
            return .list(kept)
        case "map":
            var result: [TemplateValue] = []
            for item in try elements(of: value) {
                try charge()
                if case .string(let key) = named["attribute"] {
                    let found = path(key, in: item)
                    result.append(found == .undefined ? named["default"] ?? .undefined : found)
                } else if case .string(let filter) = given.first, TemplateNames.filters.contains(filter) {
                    result.append(
                        try TemplateMethods.filter(filter, item, Array(given.dropFirst()), [:], elements(of: item)))
                } else {
                    throw .invalid("map needs an attribute or a filter")
                }
            }
            return .list(result)
        default:
            let items: [TemplateValue]
            switch value {
            case .list, .map, .undefined: items = try elements(of: value)
            case .string where ["list", "first", "last", "reverse", "join", "unique"].contains(name):
                items = try elements(of: value)
            default: items = []
            }
            try charge(items.count)
            return try TemplateMethods.filter(name, value, given, named, items)
        }
    }

    private func path(_ key: String, in value: TemplateValue) -> TemplateValue {
        key.split(separator: ".").reduce(value) { $0[String($1)] }
    }

    /// Whether a test, given by name with its argument, holds; truth itself where none is given.
    private mutating func passes(
        _ value: TemplateValue, _ test: ArraySlice<TemplateValue>
    ) throws(TemplateError) -> Bool {
        guard let first = test.first else { return value.isTrue }
        let signs = ["==": "eq", "!=": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge"]
        guard case .string(let word) = first, TemplateNames.tests.contains(signs[word] ?? word) else {
            throw .invalid("the test \(first.text) is not known")
        }
        return try self.test(value, signs[word] ?? word, Array(test.dropFirst()))
    }
}

extension TemplateValue {
    /// The elements or scalars that work on this value takes in proportion to.
    var count: Int {
        switch self {
        case .string(let text): text.utf8.count / 64
        case .list(let values): values.count
        case .map(let members): members.count
        default: 1
        }
    }
}
