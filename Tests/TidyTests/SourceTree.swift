import FoundationEssentials

/// The files of the package, read once.
enum SourceTree {
    /// The folder of Package.swift: two above the folder of this file.
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// Everything that people write as text.
    static let files: [SourceFile] = readFiles()

    static var swiftSources: [SourceFile] { files.filter { $0.isSwift && $0.module != nil && !$0.isGenerated } }

    static var moduleNames: Set<String> { Set(files.filter(\.isSwift).compactMap(\.module)) }

    private static let folders = ["Sources", "Tests", "Proto", "Benchmarks", "Certs", ".ci"]
    private static let endings = [
        ".swift", ".c", ".h", ".modulemap", ".proto", ".py", ".md", ".yaml", ".txt", ".sh", "Makefile", "/generate",
        "/run",
    ]

    private static func readFiles() -> [SourceFile] {
        let manager = FileManager.default
        var paths = (try? manager.contentsOfDirectory(atPath: root)) ?? []
        for folder in folders {
            let inside = (try? manager.subpathsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
            paths += inside.map { "\(folder)/\($0)" }
        }
        return paths.filter { path in endings.contains { path.hasSuffix($0) } }.sorted().compactMap { path in
            guard let text = try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) else { return nil }
            return SourceFile(path: path, text: text)
        }
    }
}
