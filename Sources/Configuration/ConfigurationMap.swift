import Vocabulary
import Yams

/// A YAML map that remembers which of its keys were asked for.
///
/// A reader takes the keys it knows, with their types and ranges, and then calls `finish()`, which refuses every key
/// that nobody asked for: a misspelt key is never silently ignored.
package final class ConfigurationMap {
    let source: ConfigurationSource
    /// The keys from the root of the file to this map.
    package let keyPath: [String]
    /// Where the map begins; nil for that of an empty file.
    private let position: ConfigurationError.Position?
    private let entries: [String: (key: Node, value: Node)]
    private let order: [String]
    private var asked: Set<String> = []
    private var children: [ConfigurationMap] = []

    init(empty source: ConfigurationSource) {
        self.source = source
        keyPath = []
        position = nil
        entries = [:]
        order = []
    }

    init(_ mapping: Node.Mapping, source: ConfigurationSource, keyPath: [String]) throws(ConfigurationError) {
        self.source = source
        self.keyPath = keyPath
        position = Node.mapping(mapping).position
        var entries: [String: (key: Node, value: Node)] = [:]
        var order: [String] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                throw ConfigurationError(
                    file: source.file, position: key.position, keyPath: keyPath,
                    problem: "expected a plain key, got \(key.kindName)")
            }
            entries[scalar.string] = (key, value)
            order.append(scalar.string)
        }
        self.entries = entries
        self.order = order
    }

    /// The file this map is from, as it was named to us.
    package var file: String { source.file }

    /// All keys in the order of the file; asking for them does not account for them.
    package var keys: [String] { order }

    /// Whether `key` is there.
    package func contains(_ key: String) -> Bool { entries[key] != nil }

    /// What stands under a key.
    package enum ValueKind: Sendable {
        case text, list, map
    }

    /// What stands under `key`, for one that may be said in several ways; nil when the key is absent.
    package func kind(of key: String) -> ValueKind? {
        switch entries[key]?.value {
        case .sequence?: .list
        case .mapping?: .map
        case .scalar?, .alias?: .text
        case nil: nil
        }
    }

    /// Refuses the first key that nobody asked for, here and in every map handed out from here.
    ///
    /// - Throws: `ConfigurationError` with the nearest known key as a suggestion.
    package func finish() throws(ConfigurationError) {
        for key in order where !asked.contains(key) {
            let suggestion = nearest(to: key, among: asked.sorted())
            let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? "; known keys: \(knownKeys)"
            throw ConfigurationError(
                file: file, position: entries[key]?.key.position, keyPath: keyPath + [key],
                problem: "unknown key\(hint)")
        }
        for child in children { try child.finish() }
    }

    /// An error about the value of `key`, for checks that only the reader can make; a key that is missing is missed
    /// where its map begins.
    package func error(at key: String, _ problem: String) -> ConfigurationError {
        ConfigurationError(
            file: file, position: (entries[key]?.value ?? entries[key]?.key)?.position ?? position,
            keyPath: keyPath + [key], problem: problem)
    }

    /// The map under `key`; nil when the key is absent.
    package func map(_ key: String) throws(ConfigurationError) -> ConfigurationMap? {
        guard let node = take(key) else { return nil }
        return try child(node, key: key)
    }

    /// The maps in the list under `key`; empty when the key is absent.
    package func maps(_ key: String) throws(ConfigurationError) -> [ConfigurationMap] {
        var maps: [ConfigurationMap] = []
        for (index, node) in try list(key).enumerated() {
            maps.append(try child(node, key: "\(key)[\(index)]"))
        }
        return maps
    }

    /// The texts in the list under `key`; nil when the key is absent.
    package func strings(_ key: String) throws(ConfigurationError) -> [String]? {
        guard contains(key) else {
            asked.insert(key)
            return nil
        }
        var strings: [String] = []
        for (index, node) in try list(key).enumerated() {
            strings.append(try text(node, key: "\(key)[\(index)]", expected: "text"))
        }
        return strings
    }

    /// The numbers in the list under `key`; nil when the key is absent.
    package func doubles(_ key: String) throws(ConfigurationError) -> [Double]? {
        guard let texts = try strings(key) else { return nil }
        var doubles: [Double] = []
        for text in texts {
            guard let value = Double(text), value.isFinite else {
                throw error(at: key, "expected a list of numbers, got \"\(text.shown())\" in it")
            }
            doubles.append(value)
        }
        return doubles
    }

    /// Marks `key` as known and hands out its scalar's text; nil when the key is absent.
    func scalar(_ key: String, expected: String) throws(ConfigurationError) -> String? {
        guard let node = take(key) else { return nil }
        return try text(node, key: key, expected: expected)
    }

    private func take(_ key: String) -> Node? {
        asked.insert(key)
        return entries[key]?.value
    }

    private func list(_ key: String) throws(ConfigurationError) -> [Node] {
        guard let node = take(key) else { return [] }
        guard case .sequence(let sequence) = node else {
            throw error(at: key, "expected a list, got \(node.kindName)")
        }
        return Array(sequence)
    }

    private func child(_ node: Node, key: String) throws(ConfigurationError) -> ConfigurationMap {
        guard case .mapping(let mapping) = node else {
            throw ConfigurationError(
                file: file, position: node.position, keyPath: keyPath + [key],
                problem: "expected keys and values, got \(node.kindName)")
        }
        let map = try ConfigurationMap(mapping, source: source, keyPath: keyPath + [key])
        children.append(map)
        return map
    }

    private func text(_ node: Node, key: String, expected: String) throws(ConfigurationError) -> String {
        guard case .scalar(let scalar) = node else {
            throw ConfigurationError(
                file: file, position: node.position, keyPath: keyPath + [key],
                problem: "expected \(expected), got \(node.kindName)")
        }
        return scalar.string
    }

    private var knownKeys: String {
        asked.isEmpty ? "none" : asked.sorted().joined(separator: ", ")
    }
}
