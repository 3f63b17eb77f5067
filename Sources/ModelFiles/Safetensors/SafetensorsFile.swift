package import Vocabulary

/// The tensors of a safetensors file: untrusted input to checked values.
///
/// ```
/// | 8 bytes: header length, little-endian | header: JSON | data … |
///                                          name -> { dtype, shape, data_offsets: [begin, end) in data }
/// ```
///
/// Every offset, shape and type is checked when the file is opened, so reading a tensor later cannot go wrong. As the
/// format asks, the tensors fill the data exactly: no overlap, no gap, nothing behind the last.
///
/// - Source: the safetensors format description, version 0.3.
package struct SafetensorsFile: TensorFile {
    /// Longer headers are refused, as by the reference implementation.
    package static let headerByteCountMax = 100_000_000

    /// The path as it was given to us.
    package let file: String
    private let entries: [String: StoredTensor]

    /// Opens the file at `path`.
    ///
    /// - Throws: `ModelFileError` naming the file, and the tensor where there is one.
    package init(path: String) throws(ModelFileError) {
        try self.init(bytes: MappedFile.open(path: path), file: path)
    }

    /// Reads `bytes`; `file` is only named in errors.
    package init(bytes: Bytes, file: String) throws(ModelFileError) {
        self.file = file
        guard bytes.count >= 8 else {
            throw ModelFileError(
                file: file, field: "header", problem: "its length takes 8 bytes, the file has \(bytes.count)")
        }
        let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(Self.headerByteCountMax), Int(length) <= bytes.count - 8 else {
            throw ModelFileError(
                file: file, field: "header",
                problem: "claims \(length) bytes, the file has \(bytes.count - 8) after the length")
        }
        let dataStart = 8 + Int(length)
        let header = try JSONFile.decode(
            [String: HeaderEntry].self, from: bytes[8..<dataStart], file: file)
        let data = bytes[dataStart..<bytes.count]
        var entries: [String: StoredTensor] = [:]
        for (name, entry) in header where name != "__metadata__" {
            entries[name] = try Self.checked(entry, name: name, data: data, file: file)
        }
        try Self.checkLayout(header.filter { $0.key != "__metadata__" }, dataByteCount: data.count, file: file)
        self.entries = entries
    }

    /// The names of all tensors, sorted.
    package var names: [String] { entries.keys.sorted() }

    /// The tensor called `name`, or nil.
    package subscript(name: String) -> StoredTensor? { entries[name] }
}

/// A header entry as it stands in the file; the `__metadata__` entry has none of these keys.
private struct HeaderEntry: Decodable {
    let dtype: String?
    let shape: [Int]?
    let offsets: [Int]?

    private enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
    }
}

extension SafetensorsFile {
    private static func checked(
        _ entry: HeaderEntry, name: String, data: Bytes, file: String
    ) throws(ModelFileError) -> StoredTensor {
        func error(_ problem: String) -> ModelFileError {
            ModelFileError(file: file, field: "tensor \"\(name)\"", problem: problem)
        }
        guard let dtype = entry.dtype, let shape = entry.shape, let offsets = entry.offsets else {
            throw error("needs dtype, shape and data_offsets")
        }
        guard let type = TensorElementType(rawValue: dtype), TensorElementType.safetensors.contains(type) else {
            throw error("unsupported dtype \"\(dtype)\"")
        }
        guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= data.count else {
            throw error("data_offsets \(offsets) do not lie in the \(data.count) bytes of data")
        }
        guard let byteCount = type.byteCount(shape: shape) else { throw error("impossible shape \(shape)") }
        guard offsets[1] - offsets[0] == byteCount else {
            throw error(
                "shape \(shape) of \(dtype) takes \(byteCount) bytes, data_offsets give \(offsets[1] - offsets[0])")
        }
        return StoredTensor(
            file: file, elementType: type, shape: shape, data: data[offsets[0]..<offsets[1]])
    }

    /// Refuses overlaps, gaps and bytes behind the last tensor.
    ///
    /// - Precondition: every entry passed `checked`.
    private static func checkLayout(
        _ header: [String: HeaderEntry], dataByteCount: Int, file: String
    ) throws(ModelFileError) {
        let spans = header.map { (name: $0.key, begin: $0.value.offsets![0], end: $0.value.offsets![1]) }
            .sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var end = 0
        for span in spans {
            guard span.begin == end else {
                throw ModelFileError(
                    file: file, field: "tensor \"\(span.name)\"",
                    problem: span.begin < end ? "overlaps the tensor before it" : "leaves a gap before it")
            }
            end = span.end
        }
        guard end == dataByteCount else {
            throw ModelFileError(file: file, problem: "has \(dataByteCount - end) bytes behind the last tensor")
        }
    }
}
