/// Filters and tests.
///
/// - Source: Jinja documentation, "List of Builtin Filters" and "List of Builtin Tests".
extension TemplateEvaluator {
    func filter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "tojson": return try json(value, call)
        case "string": return .string(try text(value))
        case "safe": return .string(try text(value))
        case "trim", "upper", "lower", "title", "capitalize", "replace": return try textFilter(name, value, call)
        case "length", "count": return .int(try length(value))
        case "default", "d":
            let isMissing = if case .undefined = value { true } else { false }
            let alsoFalse = call.argument(1, "boolean")?.isTrue == true && !value.isTrue
            return isMissing || alsoFalse ? call.argument(0, "default_value") ?? .string("") : value
        case "join":
            var elements = try elements(of: value)
            if let attribute = call.argument(1, "attribute") { elements = try attributes(attribute, of: elements) }
            return try join(elements, try text(call.argument(0, "d") ?? .string("")), convertsToText: true)
        case "int", "float", "abs": return try numberFilter(name, value, call)
        case "dictsort":
            guard case .map(let map) = value, call.positional.isEmpty, call.named.isEmpty else {
                throw failure("dictsort of \(value.kind), or with arguments")
            }
            let pairs = try elements(of: try entries(of: map, "items"))
            return try list(try sorted(pairs, TemplateCall(named: [("attribute", .int(0))]), caseIndex: 1))
        case "items":
            if case .undefined = value { return .list([]) }
            guard case .map(let map) = value else { throw failure("the items of \(value.kind)") }
            return try entries(of: map, name)
        default: return try listFilter(name, value, call)
        }
    }

    private func textFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall
    ) throws(TemplateError) -> TemplateValue {
        let text = try text(value)
        try charge(text)
        if ["upper", "lower", "capitalize"].contains(name) { try charge(text.utf8.count / 8) }
        switch name {
        case "trim":
            var characters: String?
            if case .string(let given)? = call.argument(0, "chars") { characters = given }
            return try strip(text, characters, left: true, right: true)
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "title":
            try charge(text.utf8.count / 3)
            return .string(TemplateStrings.titleOfFilter(text))
        case "capitalize": return .string(TemplateStrings.capitalize(text))
        default: return try replace(text, call)
        }
    }

    private func numberFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall
    ) throws(TemplateError) -> TemplateValue {
        let standard = call.argument(0, "default") ?? (name == "int" ? .int(0) : .double(0))
        if name == "abs" {
            if case .double(let number) = value { return .double(abs(number)) }
            guard let integer = value.integer else { throw failure("abs of \(value.kind)") }
            return integer < 0 ? try negative(.int(integer)) : .int(integer)
        }
        var number = value.number
        if case .string(let text) = value {
            let digits = TemplateStrings.strip(text, nil, left: true, right: true)
            if name == "int", let integer = Int(digits) { return .int(integer) }
            number = digits.contains { "xXpP".contains($0) } ? nil : Double(digits)
        }
        if name == "float" { return number.map(TemplateValue.double) ?? standard }
        if let integer = value.integer { return .int(integer) }
        guard let number, let integer = Int(exactly: number.rounded(.towardZero)) else { return standard }
        return .int(integer)
    }

    private func length(_ value: TemplateValue) throws(TemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try charge(text)
            return text.unicodeScalars.count
        case .array(let list): return list.elements.count
        case .map(let map): return map.entries.count
        default: throw failure("the length of \(value.kind)")
        }
    }

    private func attributes(
        _ path: TemplateValue, of elements: [TemplateValue]
    ) throws(TemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for element in elements { values.append(try attribute(path, of: element)) }
        return values
    }

    /// An attribute by its path, as `function.name`.
    private func attribute(_ path: TemplateValue, of element: TemplateValue) throws(TemplateError) -> TemplateValue {
        guard case .string(let path) = path else { return try item(path, of: element) }
        var value = element
        for name in path.split(separator: ".", omittingEmptySubsequences: false) {
            value = try item(Int(name).map(TemplateValue.int) ?? .string(String(name)), of: value)
        }
        return value
    }

    private func listFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall
    ) throws(TemplateError) -> TemplateValue {
        var elements = try elements(of: value)
        try charge(elements.count)
        switch name {
        case "list": return try list(elements)
        case "first": return elements.first ?? .undefined
        case "last": return elements.last ?? .undefined
        case "reverse":
            elements.reverse()
            if case .string = value { return try join(elements, "", convertsToText: true) }
            return try list(elements)
        case "map": return try mapped(elements, call)
        case "select", "reject", "selectattr", "rejectattr": return try selected(name, elements, call)
        case "sort":
            if call.argument(0, "reverse")?.isTrue == true {
                return try list(try sorted(elements.reversed(), call, caseIndex: 1).reversed())
            }
            return try list(try sorted(elements, call, caseIndex: 1))
        default: return try list(try unique(elements, call))
        }
    }

    private func mapped(_ elements: [TemplateValue], _ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        var values: [TemplateValue] = []
        if let path = call.named.first(where: { $0.name == "attribute" })?.value {
            let standard = call.named.first { $0.name == "default" }?.value
            for value in try attributes(path, of: elements) {
                if case .undefined = value, let standard { values.append(standard) } else { values.append(value) }
            }
            return try list(values)
        }
        guard case .string(let name)? = call.positional.first, TemplateNames.filters.contains(name) else {
            throw failure("map takes an attribute or a known filter")
        }
        let rest = TemplateCall(positional: Array(call.positional.dropFirst()), named: call.named)
        for element in elements {
            values.append(try deeper(at: 0) { () throws(TemplateError) in try filter(name, element, rest) })
        }
        return try list(values)
    }

    private func selected(
        _ name: String, _ elements: [TemplateValue], _ call: TemplateCall
    ) throws(TemplateError) -> TemplateValue {
        var arguments = call.positional[...]
        var path: TemplateValue?
        if name.hasSuffix("attr") {
            guard let first = arguments.popFirst() else { throw failure("\(name) takes an attribute") }
            path = first
        }
        var testName: String?
        if let first = arguments.popFirst() {
            guard case .string(let given) = first, TemplateNames.tests.contains(given) || given == "==" else {
                throw failure("\(name) takes a known test")
            }
            testName = given
        }
        var kept: [TemplateValue] = []
        for element in elements {
            let value = if let path { try attribute(path, of: element) } else { element }
            let isSelected = if let testName { try test(testName, value, Array(arguments)) } else { value.isTrue }
            if isSelected == name.hasPrefix("select") { kept.append(element) }
        }
        return try list(kept)
    }

    /// What elements are sorted and told apart by.
    private func keys(
        _ elements: [TemplateValue], _ call: TemplateCall, caseIndex: Int
    ) throws(TemplateError) -> [TemplateValue] {
        let keepsCase = call.argument(caseIndex, "case_sensitive")?.isTrue == true
        var keys = elements
        if let path = call.argument(caseIndex + 1, "attribute") { keys = try attributes(path, of: elements) }
        if keepsCase { return keys }
        return keys.map { key in
            if case .string(let text) = key { .string(text.lowercased()) } else { key }
        }
    }

    /// A stable merge sort, so that an error of a comparison ends it.
    private func sorted(
        _ elements: [TemplateValue], _ call: TemplateCall, caseIndex: Int
    ) throws(TemplateError) -> [TemplateValue] {
        let keys = try keys(elements, call, caseIndex: caseIndex)
        var order = Array(elements.indices)
        var width = 1
        while width < order.count {
            var merged: [Int] = []
            for start in stride(from: 0, to: order.count, by: 2 * width) {
                var left = order[start..<min(start + width, order.count)]
                var right = order[left.endIndex..<min(left.endIndex + width, order.count)]
                while let first = left.first, let second = right.first {
                    merged.append(try precedes(keys[second], keys[first]) ? right.removeFirst() : left.removeFirst())
                }
                merged += left
                merged += right
            }
            order = merged
            width *= 2
        }
        return order.map { elements[$0] }
    }

    private func unique(_ elements: [TemplateValue], _ call: TemplateCall) throws(TemplateError) -> [TemplateValue] {
        let keys = try keys(elements, call, caseIndex: 0)
        var kept: [Int] = []
        for index in elements.indices {
            var isNew = true
            for other in kept where try isEqual(keys[other], keys[index]) { isNew = false }
            if isNew { kept.append(index) }
        }
        return kept.map { elements[$0] }
    }
}
