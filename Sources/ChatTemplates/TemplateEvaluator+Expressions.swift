extension TemplateEvaluator {
    func evaluate(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
        try deeper(at: expression.line) { () throws(TemplateError) in
            switch expression {
            case .literal(let value): value
            case .variable(let name, _): variable(name)
            case .list(let elements, _): try list(try evaluate(elements))
            case .tuple(let elements, _): try list(try evaluate(elements), isTuple: true)
            case .map(let entries, _): try map(entries)
            case .attribute(let value, let name, _): try attribute(name, of: try evaluate(value))
            case .item(let value, let index, _): try item(try evaluate(index), of: try evaluate(value))
            case .slice(let value, let from, let to, let by, _):
                try slice(
                    try evaluate(value), from: try bound(from), to: try bound(to), by: try bound(by))
            case .call(let name, let arguments, _): try call(name, arguments)
            case .method(let value, let name, let arguments, _):
                try method(name, of: try evaluate(value), try evaluate(arguments))
            case .filter(let value, let name, let arguments, _):
                try filter(name, try evaluate(value), try evaluate(arguments))
            case .test(let value, let name, let arguments, _):
                .bool(try test(name, try evaluate(value), try evaluate(arguments.positional)))
            case .negative(let operand, _): try negative(try evaluate(operand))
            case .not(let operand): .bool(try !evaluate(operand).isTrue)
            case .and(let left, let right): try and(left, right)
            case .or(let left, let right): try or(left, right)
            case .binary(let left, let operation, let right, let line):
                try binary(try evaluate(left), operation, try evaluate(right), line: line)
            case .comparison(let first, let rest, _): .bool(try comparison(first, rest))
            case .choice(let condition, let then, let otherwise):
                try choice(condition, then, otherwise)
            }
        }
    }

    func evaluate(_ expressions: [TemplateExpression]) throws(TemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private func evaluate(_ arguments: TemplateArguments) throws(TemplateError) -> TemplateCall {
        var named: [(name: String, value: TemplateValue)] = []
        for (name, value) in arguments.named { named.append((name, try evaluate(value))) }
        return TemplateCall(positional: try evaluate(arguments.positional), named: named)
    }

    private func map(
        _ entries: [(key: TemplateExpression, value: TemplateExpression)]
    ) throws(TemplateError) -> TemplateValue {
        var map = TemplateValue.Map()
        for (key, value) in entries {
            guard case .string(let key) = try evaluate(key) else { throw failure("a map's key that is no string") }
            try set(key, try evaluate(value), in: &map)
        }
        return .map(map)
    }

    private func and(
        _ left: TemplateExpression, _ right: TemplateExpression
    ) throws(TemplateError) -> TemplateValue {
        let value = try evaluate(left)
        return value.isTrue ? try evaluate(right) : value
    }

    private func or(_ left: TemplateExpression, _ right: TemplateExpression) throws(TemplateError) -> TemplateValue {
        let value = try evaluate(left)
        return value.isTrue ? value : try evaluate(right)
    }

    private func choice(
        _ condition: TemplateExpression, _ then: TemplateExpression, _ otherwise: TemplateExpression?
    ) throws(TemplateError) -> TemplateValue {
        if try evaluate(condition).isTrue { return try evaluate(then) }
        guard let otherwise else { return .undefined }
        return try evaluate(otherwise)
    }

    private func comparison(
        _ first: TemplateExpression, _ rest: [(operation: String, operand: TemplateExpression)]
    ) throws(TemplateError) -> Bool {
        var left = try evaluate(first)
        for (operation, operand) in rest {
            let right = try evaluate(operand)
            guard try compare(left, operation, right) else { return false }
            left = right
        }
        return true
    }

    // MARK: Parts of values

    func attribute(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch value {
        case .undefined: throw failure("the attribute '\(name)' of an undefined value")
        case .map(let map):
            try charge(1 + map.entries.count / 8)
            return map[name] ?? .undefined
        case .namespace(let object):
            try charge(1 + object.attributes.entries.count / 8)
            return object.attributes[name] ?? .undefined
        default: return .undefined
        }
    }

    func item(_ index: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch (value, index) {
        case (.undefined, _): throw failure("an item of an undefined value")
        case (.map, .string(let key)), (.namespace, .string(let key)): return try attribute(key, of: value)
        case (.array(let list), _):
            guard let index = index.integer else { return .undefined }
            let position = index < 0 ? index + list.elements.count : index
            return list.elements.indices.contains(position) ? list.elements[position] : .undefined
        case (.string(let text), _):
            guard let index = index.integer else { return .undefined }
            try charge(text)
            let count = text.unicodeScalars.count
            let position = index < 0 ? index + count : index
            guard (0..<count).contains(position) else { return .undefined }
            return .string(String(scalars: text.unicodeScalars.dropFirst(position).prefix(1)))
        default: return .undefined
        }
    }

    private func bound(_ expression: TemplateExpression?) throws(TemplateError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let bound = value.integer else { throw failure("\(value.kind) as the bound of a slice") }
        return bound
    }

    private func slice(_ value: TemplateValue, from: Int?, to: Int?, by: Int?) throws(TemplateError) -> TemplateValue {
        switch value {
        case .array(let list):
            let indices = try sliceIndices(count: list.elements.count, from: from, to: to, by: by ?? 1)
            return try self.list(indices.map { list.elements[$0] }, isTuple: list.isTuple)
        case .string(let text):
            try charge(text.utf8.count / 6)
            let scalars = Array(text.unicodeScalars)
            let indices = try sliceIndices(count: scalars.count, from: from, to: to, by: by ?? 1)
            return .string(String(scalars: indices.map { scalars[$0] }))
        case .undefined: throw failure("a slice of an undefined value")
        default: return .undefined
        }
    }

    /// - Source: The Python Language Reference, section "Sequences".
    private func sliceIndices(count: Int, from: Int?, to: Int?, by step: Int) throws(TemplateError) -> [Int] {
        guard step != 0 else { throw failure("a slice whose step is zero") }
        let step = min(max(step, -count - 1), count + 1)
        func clamp(_ bound: Int?, _ standard: Int) -> Int {
            guard let bound else { return standard }
            let position = bound < 0 ? max(bound, -count - 1) + count : bound
            return step > 0 ? min(max(position, 0), count) : min(max(position, -1), count - 1)
        }
        let start = clamp(from, step > 0 ? 0 : count - 1)
        let end = clamp(to, step > 0 ? count : -1)
        return Array(stride(from: start, to: end, by: step))
    }

    /// What a loop goes through.
    func elements(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .array(let list): return list.elements
        case .map(let map): return map.entries.map { .string($0.key) }
        case .string(let text):
            try charge(text.utf8.count)
            return text.unicodeScalars.map { .string(String($0)) }
        default: throw failure("\(value.kind) is not iterable")
        }
    }

    // MARK: Functions

    private func call(_ name: String, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
        guard case .function(let function) = variable(name) else { throw failure("'\(name)' is not callable") }
        let call = try evaluate(arguments)
        switch function {
        case "raise_exception": throw .refused(try text(call.positional.first ?? .string("")))
        case "strftime_now":
            guard case .string(let format)? = call.positional.first else {
                throw failure("strftime_now takes a format")
            }
            try charge(byteCount: format.utf8.count * 8)
            return .string(try TemplateDate(secondsSince1970: secondsSince1970).text(format, self))
        case "range": return try range(call)
        case "namespace", "dict":
            var map = TemplateValue.Map()
            if case .map(let given)? = call.positional.first {
                for (key, value) in given.entries { try set(key, value, in: &map) }
            }
            for (key, value) in call.named { try set(key, value, in: &map) }
            if function == "dict" { return .map(map) }
            let object = TemplateNamespace()
            object.attributes = map
            return .namespace(object)
        default: return try callMacro(function, call.positional, call.named)
        }
    }

    private func range(_ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        var bounds: [Int] = []
        for value in call.positional {
            guard let bound = value.integer else { throw failure("\(value.kind) as a bound of range") }
            bounds.append(bound)
        }
        guard (1...3).contains(bounds.count) else { throw failure("range takes one to three numbers") }
        let start = bounds.count == 1 ? 0 : bounds[0]
        let end = bounds.count == 1 ? bounds[0] : bounds[1]
        let step = bounds.count == 3 ? bounds[2] : 1
        guard step != 0 else { throw failure("a range whose step is zero") }
        var values: [TemplateValue] = []
        for value in stride(from: start, to: end, by: step) {
            guard values.count < TemplateBounds.rangeCountMax else {
                throw exceeded("\(TemplateBounds.rangeCountMax) numbers in a range")
            }
            values.append(.int(value))
        }
        return try list(values)
    }
}

/// The arguments of a call, evaluated.
struct TemplateCall {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The argument at `index` or of `name`.
    func argument(_ index: Int, _ name: String) -> TemplateValue? {
        positional.indices.contains(index) ? positional[index] : named.first { $0.name == name }?.value
    }
}
