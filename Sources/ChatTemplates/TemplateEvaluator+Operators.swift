/// Operators, with Python's meaning.
extension TemplateEvaluator {
    func negative(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .double(let number) = value { return .double(-number) }
        guard let integer = value.integer else { throw failure("the negative of \(value.kind)") }
        return try checked(0.subtractingReportingOverflow(integer))
    }

    private func checked(_ result: (partialValue: Int, overflow: Bool)) throws(TemplateError) -> TemplateValue {
        guard !result.overflow else { throw failure("an integer of more than 64 bits") }
        return .int(result.partialValue)
    }

    func binary(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue, line: Int
    ) throws(TemplateError) -> TemplateValue {
        if operation == "~" { return try concatenation(try text(left), try text(right)) }
        switch (left, operation, right) {
        case (.string(let left), "+", .string(let right)): return try concatenation(left, right)
        case (.array(let left), "+", .array(let right)) where left.isTuple == right.isTuple:
            try charge(left.elements.count + right.elements.count)
            return try list(left.elements + right.elements, isTuple: left.isTuple)
        case (.string(let text), "*", _), (_, "*", .string(let text)):
            guard let count = left.integer ?? right.integer else { break }
            let (byteCount, overflow) = text.utf8.count.multipliedReportingOverflow(by: max(0, count))
            try charge(byteCount: overflow ? .max : byteCount)
            try charge(text.isEmpty ? 0 : max(0, min(count, 1 << 40)) / 32)
            return .string(text.isEmpty ? "" : String(repeating: text, count: max(0, count)))
        case (.array(let elements), "*", _), (_, "*", .array(let elements)):
            guard let count = left.integer ?? right.integer else { break }
            let (total, overflow) = elements.elements.count.multipliedReportingOverflow(by: max(0, count))
            try charge(overflow ? 1 << 40 : min(total, 1 << 40))
            guard total > 0 else { return try list([], isTuple: elements.isTuple) }
            let copies = Array(repeatElement(elements.elements, count: count).joined())
            return try list(copies, isTuple: elements.isTuple)
        default: break
        }
        if let left = left.integer, let right = right.integer { return try integers(left, operation, right) }
        guard let left = left.number, let right = right.number else {
            throw failure("\(left.kind) \(operation) \(right.kind)")
        }
        return .double(try numbers(left, operation, right))
    }

    private func concatenation(_ left: String, _ right: String) throws(TemplateError) -> TemplateValue {
        try charge(byteCount: left.utf8.count + right.utf8.count)
        return .string(left + right)
    }

    private func integers(_ left: Int, _ operation: String, _ right: Int) throws(TemplateError) -> TemplateValue {
        switch operation {
        case "+": return try checked(left.addingReportingOverflow(right))
        case "-": return try checked(left.subtractingReportingOverflow(right))
        case "*": return try checked(left.multipliedReportingOverflow(by: right))
        case "/": return .double(try numbers(Double(left), "/", Double(right)))
        default:
            guard right != 0 else { throw failure("a division by zero") }
            if right == -1 { return operation == "%" ? .int(0) : try negative(.int(left)) }
            let remainder = left % right
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == "%" { return .int(isBelow ? remainder + right : remainder) }
            return .int(left / right - (isBelow ? 1 : 0))
        }
    }

    private func numbers(_ left: Double, _ operation: String, _ right: Double) throws(TemplateError) -> Double {
        switch operation {
        case "+": return left + right
        case "-": return left - right
        case "*": return left * right
        default:
            guard right != 0 else { throw failure("a division by zero") }
            if operation == "/" { return left / right }
            var remainder = left.truncatingRemainder(dividingBy: right)
            if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
            return operation == "%" ? remainder : ((left - remainder) / right).rounded()
        }
    }

    // MARK: Comparisons

    func compare(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch operation {
        case "==": return try isEqual(left, right)
        case "!=": return try !isEqual(left, right)
        case "in": return try contains(right, left)
        case "not in": return try !contains(right, left)
        case "<": return try precedes(left, right)
        case ">": return try precedes(right, left)
        case "<=": return try isNotAbove(left, right)
        default: return try isNotAbove(right, left)
        }
    }

    /// `left <= right`; nothing is so of a number that is none.
    private func isNotAbove(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        if left.number?.isNaN == true || right.number?.isNaN == true { return false }
        return try !precedes(right, left)
    }

    func isEqual(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        try charge()
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)):
            try charge(byteCount: min(left.utf8.count, right.utf8.count))
            return left.isSame(as: right)
        case (.array(let left), .array(let right)):
            guard left.isTuple == right.isTuple, left.elements.count == right.elements.count else { return false }
            for (left, right) in zip(left.elements, right.elements) where try !isEqual(left, right) { return false }
            return true
        case (.map(let left), .map(let right)):
            guard left.entries.count == right.entries.count else { return false }
            for entry in left.entries {
                try charge(right.entries.count)
                guard let other = right[entry.key], try isEqual(entry.value, other) else { return false }
            }
            return true
        case (.namespace(let left), .namespace(let right)): return left === right
        default:
            if let left = left.integer, let right = right.integer { return left == right }
            guard let left = left.number, let right = right.number else { return false }
            return left == right
        }
    }

    /// `value in container`.
    func contains(_ container: TemplateValue, _ value: TemplateValue) throws(TemplateError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = value else { throw failure("\(value.kind) in a string") }
            try chargeSearch(part, text)
            return TemplateStrings.range(of: Array(part.utf8), in: Array(text.utf8), from: 0) != nil
        case .array(let list):
            for element in list.elements where try isEqual(element, value) { return true }
            return false
        case .map(let map):
            guard case .string(let key) = value else { return false }
            try charge(map.entries.count)
            return map[key] != nil
        case .undefined: return false
        default: throw failure("\(value.kind) in \(container.kind)")
        }
    }

    /// `left < right`.
    func precedes(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        try charge()
        switch (left, right) {
        case (.string(let left), .string(let right)):
            try charge(byteCount: min(left.utf8.count, right.utf8.count))
            return left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
        case (.array(let left), .array(let right)) where left.isTuple == right.isTuple:
            for (left, right) in zip(left.elements, right.elements) where try !isEqual(left, right) {
                return try precedes(left, right)
            }
            return left.elements.count < right.elements.count
        default:
            if let left = left.integer, let right = right.integer { return left < right }
            guard let left = left.number, let right = right.number else {
                throw failure("the order of \(left.kind) and \(right.kind)")
            }
            return left < right
        }
    }
}
