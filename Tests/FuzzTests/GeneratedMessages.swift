import Foundation

/// The message types that the sources of `Messages` declare.
enum GeneratedMessages {
    private static let folder = URL(filePath: #filePath).appending(path: "../../../Sources/Messages/Generated")
        .standardizedFileURL

    /// Without the types around them.
    static func names() throws -> [String] {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try files.flatMap { file in
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            return text.split(separator: "\n").compactMap { line -> String? in
                guard let start = line.range(of: "package struct "), let end = line.range(of: ": Message {") else {
                    return nil
                }
                return String(line[start.upperBound..<end.lowerBound])
            }
        }
    }
}
