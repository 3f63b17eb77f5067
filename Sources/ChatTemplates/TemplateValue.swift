package import ModelFiles

/// A value of the template language, with the meaning it has in Python.
package enum TemplateValue: Sendable {
    case undefined
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array(List)
    case map(Map)
    /// A mutable object of `namespace()`; it stands in no list or map.
    case namespace(TemplateNamespace)
    /// A function or macro, by name.
    case function(String)

    /// Values in order, with how deep they nest.
    package struct List: Sendable {
        package let elements: [TemplateValue]
        /// Whether it is a tuple, which prints otherwise and equals no list.
        let isTuple: Bool
        let depth: Int

        package init(_ elements: [TemplateValue], isTuple: Bool = false) {
            self.elements = elements
            self.isTuple = isTuple
            depth = 1 + (elements.lazy.map(\.depth).max() ?? 0)
        }
    }

    /// Keys and values in the order of insertion; keys are compared by code points.
    package struct Map: Sendable {
        package private(set) var entries: [(key: String, value: TemplateValue)] = []
        private(set) var depth = 1

        package init() {}

        /// Of entries with one key the last counts, in the place of the first.
        ///
        /// - Complexity: O(n), so that a request of many keys cannot stall a server.
        package init(_ entries: [(key: String, value: TemplateValue)]) {
            var places: [[UInt8]: Int] = [:]
            for entry in entries {
                if let place = places.updateValue(self.entries.count, forKey: Array(entry.key.utf8)) {
                    places[Array(entry.key.utf8)] = place
                    self.entries[place].value = entry.value
                } else {
                    self.entries.append(entry)
                }
                depth = max(depth, entry.value.depth + 1)
            }
        }

        package subscript(key: String) -> TemplateValue? {
            entries.first { $0.key.isSame(as: key) }?.value
        }

        /// Sets the value of `key`; an earlier one is replaced in its place.
        package mutating func set(_ key: String, _ value: TemplateValue) {
            depth = max(depth, value.depth + 1)
            if let index = entries.firstIndex(where: { $0.key.isSame(as: key) }) {
                entries[index].value = value
            } else {
                entries.append((key, value))
            }
        }
    }

    package static func list(_ elements: [TemplateValue]) -> TemplateValue { .array(List(elements)) }

    /// The value that JSON text means; of members with one key, the last counts.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value)
        case .number(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let values): self = .list(values.map(TemplateValue.init))
        case .object(let members): self = .map(Map(members.map { ($0.key, TemplateValue($0.value)) }))
        }
    }

    var depth: Int {
        switch self {
        case .array(let list): list.depth
        case .map(let map): map.depth
        default: 0
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .array(let list): !list.elements.isEmpty
        case .map(let map): !map.entries.isEmpty
        case .namespace, .function: true
        }
    }

    /// The value as a whole number; a truth value is one, as in Python.
    var integer: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        default: nil
        }
    }

    var number: Double? {
        if case .double(let value) = self { return value }
        return integer.map(Double.init)
    }

    /// Whether it may stand in a list or map.
    var isPlain: Bool {
        switch self {
        case .namespace, .function: false
        default: true
        }
    }

    /// What errors call it.
    var kind: String {
        switch self {
        case .undefined: "an undefined value"
        case .none: "none"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a float"
        case .string: "a string"
        case .array(let list): list.isTuple ? "a tuple" : "a list"
        case .map: "a map"
        case .namespace: "a namespace"
        case .function: "a function"
        }
    }
}

/// The object of `namespace()`.
///
/// - Isolation: `@unchecked Sendable`: made, changed and dropped within one call of `render`.
package final class TemplateNamespace: @unchecked Sendable {
    var attributes = TemplateValue.Map()

    init() {}
}

extension String {
    /// Equality of code points; `==` would also equate composed with decomposed characters.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
