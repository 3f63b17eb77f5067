package import Vocabulary

/// The metadata and tensors of a GGUF file, version 2 or 3, little-endian: untrusted input to checked values.
///
/// ```
/// | "GGUF" | version: 4 bytes | tensor count: 8 | key count: 8 |
/// | key, type, value; … | name, extents, type, offset; … | padding | data … |
/// ```
///
/// A model that was split into several files is read as one, see `init(path:)`. Names and layouts are those of the
/// file; `GGUFModel` shows them as Hugging Face would write them.
///
/// - Source: the GGUF specification of ggml, version 3.
package struct GGUFFile: TensorFile {
    /// Limits far above any model; what is beyond them is an attack or damage.
    enum Limit {
        static let keyByteCount = 65_535
        static let nameByteCount = 1024
        static let extents = 4
        static let alignment = 1 << 20
    }

    /// The path as it was given to us.
    package let file: String
    package let version: UInt32
    /// The keys in the order of the file.
    package let keys: [String]
    private let values: [String: GGUFValue]
    private let tensors: [String: StoredTensor]
    /// Of how many files these are the tensors.
    package let partCount: Int

    /// What `head` says, with these tensors, of so many files.
    init(head: GGUFFile, tensors: [String: StoredTensor], partCount: Int) {
        file = head.file
        version = head.version
        keys = head.keys
        values = head.values
        self.tensors = tensors
        self.partCount = partCount
    }

    /// Reads `bytes`, one file for itself; `file` is only named in errors.
    package init(bytes: Bytes, file: String) throws(ModelFileError) {
        var cursor = GGUFCursor(bytes, file: file)
        guard try cursor.number(UInt32.self, "magic") == 0x4655_4747 else {
            throw ModelFileError(file: file, field: "magic", problem: "is not that of a GGUF file")
        }
        version = try Self.version(&cursor)
        // The shortest entries: a name of one byte and a byte; a name of one byte, no extents, type and offset.
        let tensorCount = try cursor.count(ofAtLeast: 25, "tensor count")
        let keyCount = try cursor.count(ofAtLeast: 14, "key count")
        var (keys, values): ([String], [String: GGUFValue]) = ([], [:])
        for index in 0..<keyCount {
            let key = try cursor.name(byteCountMax: Limit.keyByteCount, "metadata [\(index)]")
            let field = "metadata \"\(key)\""
            let value = try GGUFValueType(&cursor, field).value(&cursor, field)
            guard values.updateValue(value, forKey: key) == nil else {
                throw ModelFileError(file: file, field: field, problem: "is there twice")
            }
            keys.append(key)
        }
        var infos: [TensorInfo] = []
        for index in 0..<tensorCount { infos.append(try TensorInfo(&cursor, index: index)) }
        self.file = file
        self.keys = keys
        self.values = values
        partCount = 1
        tensors = try Self.placed(
            infos, bytes: bytes, headByteCount: cursor.offset, alignment: try Self.alignment(values, file: file),
            file: file)
    }

    /// The names of all tensors, sorted.
    package var names: [String] { tensors.keys.sorted() }

    /// The tensor called `name`, or nil.
    package subscript(name: String) -> StoredTensor? { tensors[name] }

    /// The value of `key`, or nil.
    package func value(_ key: String) -> GGUFValue? { values[key] }

    /// An error about the value of `key`.
    package func keyError(_ key: String, _ problem: String) -> ModelFileError {
        ModelFileError(file: file, field: "metadata \"\(key)\"", problem: problem)
    }

    private static func version(_ cursor: inout GGUFCursor) throws(ModelFileError) -> UInt32 {
        let version = try cursor.number(UInt32.self, "version")
        guard version == 2 || version == 3 else {
            let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
            throw ModelFileError(
                file: cursor.file, field: "version",
                problem: isSwapped ? "is big-endian, expected little-endian" : "expected 2 or 3, got \(version)")
        }
        return version
    }

    private static func alignment(_ values: [String: GGUFValue], file: String) throws(ModelFileError) -> Int {
        let key = "general.alignment"
        guard let value = values[key] else { return 32 }
        guard case .integer(let alignment) = value, alignment > 0, alignment <= Limit.alignment,
            alignment & (alignment - 1) == 0
        else {
            throw ModelFileError(
                file: file, field: "metadata \"\(key)\"",
                problem: "expected a power of two up to \(Limit.alignment), got \(value.summary)")
        }
        return Int(alignment)
    }
}

/// What the head of a GGUF file says about a tensor.
private struct TensorInfo {
    let name: String
    let elementType: TensorElementType
    /// Outermost first; the file has them the other way round.
    let shape: [Int]
    let byteCount: Int
    /// Within the data.
    let offset: UInt64

    init(_ cursor: inout GGUFCursor, index: Int) throws(ModelFileError) {
        name = try cursor.name(byteCountMax: GGUFFile.Limit.nameByteCount, "tensor [\(index)]")
        let (file, field) = (cursor.file, "tensor \"\(name)\"")
        func error(_ problem: String) -> ModelFileError { ModelFileError(file: file, field: field, problem: problem) }
        let extentCount = try cursor.number(UInt32.self, field)
        guard extentCount <= GGUFFile.Limit.extents else {
            throw error("has \(extentCount) extents, expected at most \(GGUFFile.Limit.extents)")
        }
        var shape: [Int] = []
        for _ in 0..<extentCount {
            let extent = try cursor.number(UInt64.self, field)
            guard let extent = Int(exactly: extent) else { throw error("impossible extent \(extent)") }
            shape.insert(extent, at: 0)
        }
        let number = try cursor.number(UInt32.self, field)
        guard let type = TensorElementType.gguf[number] else { throw error("unknown element type \(number)") }
        guard let byteCount = type.byteCount(shape: shape) else {
            throw error("impossible shape \(shape) of \(type.rawValue)")
        }
        elementType = type
        self.shape = shape
        self.byteCount = byteCount
        offset = try cursor.number(UInt64.self, field)
    }
}

extension GGUFFile {
    /// The tensors with their bytes; refuses those that lie outside the file or over each other, and equal names.
    ///
    /// Gaps are allowed: writers pad, and some leave out tensors.
    private static func placed(
        _ infos: [TensorInfo], bytes: Bytes, headByteCount: Int, alignment: Int, file: String
    ) throws(ModelFileError) -> [String: StoredTensor] {
        // No overflow: the alignment is small, and the file is in memory.
        let dataStart = (headByteCount + alignment - 1) / alignment * alignment
        let available = UInt64(max(0, bytes.count - dataStart))
        var tensors: [String: StoredTensor] = [:]
        var end: UInt64 = 0
        for info in infos.sorted(by: { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }) {
            func error(_ problem: String) -> ModelFileError {
                ModelFileError(file: file, field: "tensor \"\(info.name)\"", problem: problem)
            }
            guard info.offset % UInt64(alignment) == 0 else {
                throw error("offset \(info.offset) is not a multiple of the alignment \(alignment)")
            }
            let (infoEnd, overflow) = info.offset.addingReportingOverflow(UInt64(info.byteCount))
            guard !overflow, infoEnd <= available else {
                throw error(
                    "needs \(info.byteCount) bytes from \(info.offset), the file has \(available) bytes of data")
            }
            guard info.offset >= end else { throw error("overlaps the tensor before it") }
            end = infoEnd
            // An empty tensor may lie behind the last byte.
            let start = info.byteCount == 0 ? 0 : dataStart + Int(info.offset)
            let tensor = StoredTensor(
                file: file, elementType: info.elementType, shape: info.shape,
                data: bytes[start..<start + info.byteCount])
            guard tensors.updateValue(tensor, forKey: info.name) == nil else { throw error("is there twice") }
        }
        return tensors
    }
}
