import FoundationEssentials
import Vocabulary

/// Finds the tensors of a model by what lies at a path.
package enum ModelTensors {
    /// Opens the tensors at `path`: of a safetensors or GGUF file, or of a folder with `model.safetensors`, with shards
    /// and their index, or with one GGUF file, or those into which one was split.
    ///
    /// GGUF comes as it stands in the file; see `GGUFModel`.
    ///
    /// - Throws: `ModelFileError` naming the file.
    package static func open(path: String) throws(ModelFileError) -> any TensorFile {
        guard isFolder(path) else {
            return try isGGUF(path) ? GGUFFile(path: path) : SafetensorsFile(path: path)
        }
        if exists("\(path)/\(SafetensorsFolder.indexName)") { return try SafetensorsFolder(path: path) }
        if exists("\(path)/model.safetensors") { return try SafetensorsFile(path: "\(path)/model.safetensors") }
        let names = files(in: path).filter { $0.hasSuffix(".gguf") }
        let series = Set(names.map { GGUFSeries(partAt: $0) })
        let isSplit = series.count == 1 && series.first != .some(nil)
        guard names.count == 1 || isSplit else {
            throw ModelFileError(
                file: path,
                problem: names.isEmpty
                    ? "has no model.safetensors, \(SafetensorsFolder.indexName) or .gguf file"
                    : "has \(names.count) .gguf files, expected one, or all of one that was split: "
                        + names.prefix(5).joined(separator: ", "))
        }
        return try GGUFFile(path: "\(path)/\(names[0])")
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// The names of what lies in a folder, sorted; none when it cannot be read.
    static func files(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// Whether the file says so in its name or in its first bytes.
    private static func isGGUF(_ path: String) throws(ModelFileError) -> Bool {
        if path.hasSuffix(".gguf") { return true }
        let bytes = try MappedFile.open(path: path)
        return bytes.count >= 4 && bytes[0..<4].array == Array("GGUF".utf8)
    }
}
