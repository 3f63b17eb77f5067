import Vocabulary

// A model in several files:
//
//     model-00001-of-00003.gguf    all metadata, split.no 0, split.count 3, split.tensors.count of all files together
//     model-00002-of-00003.gguf    split.no 1, …, and tensors of its own
//     model-00003-of-00003.gguf
//
// The first file's metadata count; the tensors are those of all files, each in the pages of its own.
extension GGUFFile {
    /// Opens the file at `path`, with the others of its model when that was split.
    ///
    /// - Throws: `ModelFileError` naming the file, and the key or tensor where there is one.
    package init(path: String) throws(ModelFileError) {
        let file = try GGUFFile(bytes: MappedFile.open(path: path), file: path)
        let key = "split.count"
        guard let count = try file.integer(key), count > 1 else {
            self = file
            return
        }
        guard let series = GGUFSeries(partAt: path) else {
            throw file.keyError(key, "is one of \(count) files, expected a name such as model-00001-of-0000N.gguf")
        }
        guard series.count == count else {
            throw file.keyError(key, "expected \(series.count) as in the name of the file, got \(count)")
        }
        var parts: [GGUFFile] = []
        for part in series.paths {
            parts.append(try part == path ? file : GGUFFile(bytes: MappedFile.open(path: part), file: part))
        }
        try self.init(joining: parts)
    }

    /// One model of its parts, in their order.
    ///
    /// - Throws: `ModelFileError` naming the part that is none of this model, or that has a tensor again.
    /// - Precondition: there is a part.
    package init(joining parts: [GGUFFile]) throws(ModelFileError) {
        precondition(!parts.isEmpty, "a model of no files")
        var tensors: [String: StoredTensor] = [:]
        for (index, part) in parts.enumerated() {
            try part.check(isPart: index, of: parts)
            for name in part.names {
                guard let tensor = part[name] else { continue }
                if let other = tensors.updateValue(tensor, forKey: name) {
                    throw ModelFileError(
                        file: part.file, field: "tensor \"\(name)\"", problem: "is in \(other.file), too")
                }
            }
        }
        let key = "split.tensors.count"
        for part in parts {
            guard let count = try part.integer(key), count != tensors.count else { continue }
            throw part.keyError(
                key, "expected \(tensors.count), which the \(parts.count) files have together, got \(count)")
        }
        self.init(head: parts[0], tensors: tensors, partCount: parts.count)
    }

    /// Refuses a file that stands in another place, or is of another model as far as it says so.
    private func check(isPart index: Int, of parts: [GGUFFile]) throws(ModelFileError) {
        for (key, expected) in [("split.count", parts.count), ("split.no", index)] {
            guard let number = try integer(key) else { throw keyError(key, "is missing, expected \(expected)") }
            guard number == expected else { throw keyError(key, "expected \(expected), got \(number)") }
        }
        for key in ["general.architecture", "general.name"] {
            guard let own = try string(key), let first = try parts[0].string(key), own != first else { continue }
            throw keyError(
                key, "\"\(own.shown())\" is another model than \"\(first.shown())\" in \(parts[0].file)")
        }
    }
}
