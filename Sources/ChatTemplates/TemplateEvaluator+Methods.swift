/// The methods of strings and maps.
extension TemplateEvaluator {
    func method(_ name: String, of value: TemplateValue, _ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        switch value {
        case .string(let text): return try method(name, of: text, call)
        case .map(let map):
            switch name {
            case "items", "keys", "values", "get": break
            default: throw failure("a map has no method '\(name)'")
            }
            try charge(map.entries.count)
            if name == "get" {
                guard let key = call.argument(0, "key") else { throw failure("get takes a key") }
                guard case .string(let key) = key else { return call.argument(1, "default") ?? .none }
                return map[key] ?? call.argument(1, "default") ?? .none
            }
            return try entries(of: map, name)
        case .undefined: throw failure("the method '\(name)' of an undefined value")
        default: throw failure("\(value.kind) has no method '\(name)'")
        }
    }

    func entries(of map: TemplateValue.Map, _ name: String) throws(TemplateError) -> TemplateValue {
        try charge(map.entries.count)
        return try list(
            map.entries.map { entry in
                switch name {
                case "keys": .string(entry.key)
                case "values": entry.value
                default: .array(TemplateValue.List([.string(entry.key), entry.value], isTuple: true))
                }
            })
    }

    private func method(_ name: String, of text: String, _ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        try charge(text)
        if ["upper", "lower", "capitalize"].contains(name) { try charge(text.utf8.count / 8) }
        switch name {
        case "strip", "lstrip", "rstrip":
            let characters = try optionalString(call.argument(0, "chars"))
            return try strip(text, characters, left: name != "rstrip", right: name != "lstrip")
        case "split":
            let separator = try optionalString(call.argument(0, "sep"))
            guard separator?.isEmpty != true else { throw failure("an empty separator") }
            try chargeSearch(separator ?? "", text)
            let parts = TemplateStrings.split(
                text, separator, countMax: call.argument(1, "maxsplit")?.integer ?? -1)
            return try list(parts.map(TemplateValue.string))
        case "startswith", "endswith": return .bool(try hasEnd(name, text, call.argument(0, "prefix") ?? .undefined))
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "title":
            try charge(text.utf8.count / 3)
            return .string(TemplateStrings.title(text))
        case "capitalize": return .string(TemplateStrings.capitalize(text))
        case "replace": return try replace(text, call)
        case "find", "count":
            guard case .string(let part)? = call.positional.first, call.positional.count == 1 else {
                throw failure("\(name) takes one string")
            }
            try chargeSearch(part, text)
            return .int(name == "find" ? TemplateStrings.find(part, in: text) : TemplateStrings.count(part, in: text))
        case "join":
            return try join(try elements(of: call.argument(0, "iterable") ?? .none), text, convertsToText: false)
        default: throw failure("a string has no method '\(name)'")
        }
    }

    /// Strips `text`, and counts each code point that goes.
    func strip(
        _ text: String, _ characters: String?, left: Bool, right: Bool
    ) throws(TemplateError) -> TemplateValue {
        try charge((characters?.utf8.count ?? 0) / 32 * min(text.utf8.count, 1 << 20))
        let result = TemplateStrings.strip(text, characters, left: left, right: right)
        try charge((text.utf8.count - result.utf8.count) / 6)
        return .string(result)
    }

    private func optionalString(_ value: TemplateValue?) throws(TemplateError) -> String? {
        switch value {
        case nil, TemplateValue.none?: return nil
        case .string(let text): return text
        case let value?: throw failure("\(value.kind) where a string is expected")
        }
    }

    /// Counts a search that compares byte by byte at each place.
    func chargeSearch(_ part: String, _ text: String) throws(TemplateError) {
        try charge(1 + text.utf8.count / 8 * (1 + part.utf8.count / 32))
    }

    private func hasEnd(_ name: String, _ text: String, _ value: TemplateValue) throws(TemplateError) -> Bool {
        switch value {
        case .string(let part):
            try charge(part)
            return name == "startswith"
                ? text.utf8.starts(with: part.utf8) : text.utf8.reversed().starts(with: part.utf8.reversed())
        case .array(let list) where list.isTuple:
            for part in list.elements where try hasEnd(name, text, part) { return true }
            return false
        default: throw failure("\(name) of \(value.kind)")
        }
    }

    func replace(_ text: String, _ call: TemplateCall) throws(TemplateError) -> TemplateValue {
        guard case .string(let old)? = call.argument(0, "old"), case .string(let new)? = call.argument(1, "new") else {
            throw failure("replace takes two strings")
        }
        try chargeSearch(old, text)
        let placeCountMax = old.isEmpty ? text.utf8.count + 1 : text.utf8.count / old.utf8.count
        let countMax = call.argument(2, "count")?.integer ?? -1
        // The number of places is counted before the text is made.
        let placeCount =
            placeCountMax * new.utf8.count <= limits.byteCountMax
            ? 0 : old.isEmpty ? placeCountMax : TemplateStrings.split(text, old, countMax: countMax).count
        let used = countMax < 0 ? placeCount : min(placeCount, countMax)
        try charge(byteCount: text.utf8.count + used * new.utf8.count)
        let result = TemplateStrings.replace(text, old, new, countMax: countMax)
        try charge(result)
        return .string(result)
    }

    func join(
        _ elements: [TemplateValue], _ separator: String, convertsToText: Bool
    ) throws(TemplateError) -> TemplateValue {
        var result = ""
        for (index, element) in elements.enumerated() {
            if index > 0 { result += separator }
            if !convertsToText {
                guard case .string = element else { throw failure("a join of \(element.kind)") }
            }
            result += try text(element)
            try charge(1 + separator.utf8.count / 32)
            guard result.utf8.count <= limits.byteCountMax else {
                throw exceeded("\(limits.byteCountMax) bytes in a string")
            }
        }
        try charge(result)
        return .string(result)
    }
}
