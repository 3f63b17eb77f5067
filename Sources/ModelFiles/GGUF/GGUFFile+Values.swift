package import Vocabulary

// Metadata by its type; an absent key is nil, another type an error that names the key.
extension GGUFFile {
    /// A whole number.
    package func integer(_ key: String) throws(ModelFileError) -> Int? {
        switch value(key) {
        case nil: return nil
        case .integer(let value)?: return Int(value)
        case let value?: throw keyError(key, "expected a whole number, got \(value.summary)")
        }
    }

    /// A finite number, whole or not.
    package func number(_ key: String) throws(ModelFileError) -> Double? {
        switch value(key) {
        case nil: return nil
        case .integer(let value)?: return Double(value)
        case .float(let value)? where value.isFinite: return value
        case let value?: throw keyError(key, "expected a number, got \(value.summary)")
        }
    }

    package func flag(_ key: String) throws(ModelFileError) -> Bool? {
        switch value(key) {
        case nil: return nil
        case .bool(let value)?: return value
        case let value?: throw keyError(key, "expected true or false, got \(value.summary)")
        }
    }

    package func string(_ key: String) throws(ModelFileError) -> String? {
        switch value(key) {
        case nil: return nil
        case .string(let value)?: return value
        case let value?: throw keyError(key, "expected a string, got \(value.summary)")
        }
    }

    /// A list of strings as bytes, such as the pieces of a vocabulary, which need not be UTF-8.
    package func byteStrings(_ key: String) throws(ModelFileError) -> [Bytes]? {
        try array(key, "strings") { $0.strings }
    }

    /// A list of strings.
    package func strings(_ key: String) throws(ModelFileError) -> [String]? {
        guard let elements = try byteStrings(key) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let string = element.utf8String else { throw keyError(key, "element \(index) is not UTF-8") }
            strings.append(string)
        }
        return strings
    }

    /// A list of whole numbers.
    package func integers(key: String) throws(ModelFileError) -> [Int64]? {
        try array(key, "whole numbers") { $0.integers }
    }

    /// A list of numbers.
    package func floats(key: String) throws(ModelFileError) -> [Float]? {
        try array(key, "numbers") { $0.floats }
    }

    private func array<Element>(
        _ key: String, _ kind: String, _ elements: (GGUFArray) -> [Element]?
    ) throws(ModelFileError) -> [Element]? {
        guard let value = value(key) else { return nil }
        guard case .array(let array) = value, let elements = elements(array) else {
            throw keyError(key, "expected a list of \(kind), got \(value.summary)")
        }
        return elements
    }
}
