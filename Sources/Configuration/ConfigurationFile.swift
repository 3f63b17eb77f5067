import FoundationEssentials
import Vocabulary
import Yams

/// Reads YAML files into maps that account for every key.
///
/// Anchors and aliases are refused: a configuration never needs them, and without them no file can grow when read.
package enum ConfigurationFile {
    /// Longer files are refused.
    package static let byteCountMax = 1 << 20
    /// Deeper nesting is refused, before a recursive parser meets it.
    package static let nestingDepthMax = 32

    /// Reads the file at `path`, whose root must be a map; an empty file is an empty map.
    ///
    /// - Throws: `ConfigurationError` naming the file, and the line where there is one.
    package static func read(path: String) throws(ConfigurationError) -> ConfigurationMap {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            let reason = FileManager.default.fileExists(atPath: path) ? "cannot be read" : "no such file"
            throw ConfigurationError(file: path, problem: reason)
        }
        guard data.count <= byteCountMax else {
            throw ConfigurationError(file: path, problem: "has \(data.count) bytes, more than \(byteCountMax)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(file: path, problem: "is not UTF-8 text")
        }
        return try parse(text, file: path)
    }

    /// Parses `text`; `file` is only named in errors.
    package static func parse(_ text: String, file: String) throws(ConfigurationError) -> ConfigurationMap {
        try refuseDeepOrAliasedText(text, file: file)
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError(yaml: error, file: file)
        } catch {
            throw ConfigurationError(file: file, problem: "is not YAML: \(error)")
        }
        let source = ConfigurationSource(file: file)
        guard let root, !isNull(root) else { return ConfigurationMap(empty: source) }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationError(
                file: file, position: root.position, problem: "expected keys and values, got \(root.kindName)")
        }
        return try ConfigurationMap(mapping, source: source, keyPath: [])
    }

    private static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }

    /// Refuses what could exhaust a recursive parser, from the characters alone; quoted text counts too, which at worst
    /// refuses a file of more than 32 unbalanced brackets.
    private static func refuseDeepOrAliasedText(_ text: String, file: String) throws(ConfigurationError) {
        var flowDepth = 0
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            func error(_ problem: String) -> ConfigurationError {
                ConfigurationError(
                    file: file, position: .init(line: index + 1, column: 1), problem: problem)
            }
            var indicators = 0
            var previous = UInt8(ascii: " ")
            var isLeading = true
            var bytes = line.makeIterator()
            var next = bytes.next()
            while let byte = next {
                next = bytes.next()
                switch byte {
                case UInt8(ascii: "["), UInt8(ascii: "{"): flowDepth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"): flowDepth = max(0, flowDepth - 1)
                case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"): if isLeading { indicators += 1 }
                case UInt8(ascii: " "): break
                case UInt8(ascii: "#") where previous == UInt8(ascii: " "): next = nil
                case UInt8(ascii: "&") where previous == UInt8(ascii: " ") && next.map(isNameByte) == true:
                    throw error("anchors are not supported; quote the value if \"&\" is meant literally")
                default: isLeading = false
                }
                previous = byte
            }
            guard flowDepth <= nestingDepthMax, indicators <= nestingDepthMax else {
                throw error("is nested deeper than \(nestingDepthMax) levels")
            }
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: " ") && byte != UInt8(ascii: "&") && byte > 0x20
    }
}

/// Where a map came from; shared by all maps of a file.
struct ConfigurationSource: Sendable {
    let file: String
}

extension ConfigurationError {
    init(yaml error: YamlError, file: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(
                file: file, position: .init(line: mark.line, column: mark.column), problem: "is not YAML: \(problem)")
        case .reader(let problem, _, _, _):
            self.init(file: file, problem: "is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                file: file, position: .init(line: context.mark.line, column: context.mark.column),
                keyPath: duplicates.first.map { [$0] } ?? [], problem: "the key stands here twice")
        default:
            self.init(file: file, problem: "is not YAML: \(error)")
        }
    }
}

extension Node {
    var position: ConfigurationError.Position? {
        mark.map { .init(line: $0.line, column: $0.column) }
    }

    /// What an error calls this node.
    var kindName: String {
        switch self {
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "\"\(scalar.string.shown())\""
        case .mapping: "keys and values"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
