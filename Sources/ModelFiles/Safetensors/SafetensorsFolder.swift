package import Vocabulary

/// The tensors of a model that lies in several safetensors files, its shards.
///
/// ```
/// model.safetensors.index.json    "weight_map": name of a tensor -> name of a shard
/// model-00001-of-00002.safetensors, …
/// ```
///
/// The shards are read as they are; the map must say of each of their tensors, and of no other, where it is.
package struct SafetensorsFolder: TensorFile {
    /// The name of the file that lists the shards.
    package static let indexName = "model.safetensors.index.json"
    /// More shards are refused.
    package static let shardCountMax = 1024

    /// The path of the folder as it was given to us.
    package let file: String
    private let shards: [String: SafetensorsFile]
    private let shardOfTensor: [String: String]

    /// Opens the folder at `path`, and every shard that its index names.
    ///
    /// - Throws: `ModelFileError` naming the file, and the field or tensor in it.
    package init(path: String) throws(ModelFileError) {
        let index = try MappedFile.open(path: "\(path)/\(Self.indexName)", byteCountMax: 1 << 26)
        try self.init(path: path, index: index) { name throws(ModelFileError) in
            try SafetensorsFile(path: "\(path)/\(name)")
        }
    }

    /// Reads the bytes of an index; `shard` opens the file of that name in the folder.
    ///
    /// - Throws: `ModelFileError` naming the file, and the field or tensor in it.
    package init(
        path: String, index: Bytes, shard: (String) throws(ModelFileError) -> SafetensorsFile
    ) throws(ModelFileError) {
        let indexPath = "\(path)/\(Self.indexName)"
        let index = try JSONFile.decode(Index.self, from: index, file: indexPath)
        let names = Set(index.weightMap.values)
        guard names.count <= Self.shardCountMax else {
            throw ModelFileError(
                file: indexPath, field: "\"weight_map\"", problem: "names \(names.count) files, more than 1024")
        }
        var shards: [String: SafetensorsFile] = [:]
        for name in names.sorted() {
            if let problem = Self.objection(to: name) {
                throw ModelFileError(file: indexPath, field: "\"weight_map\"", problem: "file \"\(name)\" \(problem)")
            }
            shards[name] = try shard(name)
        }
        try Self.check(index.weightMap, shards, indexPath: indexPath)
        file = path
        self.shards = shards
        shardOfTensor = index.weightMap
    }

    /// The names of all tensors, sorted.
    package var names: [String] { shardOfTensor.keys.sorted() }

    /// The tensor called `name`, or nil.
    package subscript(name: String) -> StoredTensor? {
        shardOfTensor[name].flatMap { shards[$0]?[name] }
    }

    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey {
            case weightMap = "weight_map"
        }
    }

    /// Why a file of that name is not opened: the index is as little trusted as the rest.
    private static func objection(to name: String) -> String? {
        if name.contains("/") || name.contains("\0") || name.hasPrefix(".") { return "is not in the folder" }
        return name.hasSuffix(".safetensors") ? nil : "is not called *.safetensors"
    }

    private static func check(
        _ map: [String: String], _ shards: [String: SafetensorsFile], indexPath: String
    ) throws(ModelFileError) {
        func error(_ tensor: String, _ problem: String) -> ModelFileError {
            ModelFileError(file: indexPath, field: "\"weight_map.\(tensor)\"", problem: problem)
        }
        for (tensor, shard) in map.sorted(by: { $0.key < $1.key }) where shards[shard]?[tensor] == nil {
            throw error(tensor, "\(shard) has no such tensor")
        }
        for (shard, file) in shards.sorted(by: { $0.key < $1.key }) {
            for tensor in file.names where map[tensor] != shard {
                throw error(tensor, "is in \(shard), but the map names \(map[tensor] ?? "no file")")
            }
        }
    }
}
