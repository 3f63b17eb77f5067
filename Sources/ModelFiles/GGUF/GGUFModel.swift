import Vocabulary

/// The tensors of a GGUF file as Hugging Face would have them: by those names, in those layouts.
///
/// What writers of GGUF change on the way is changed back when a tensor is asked for:
///
/// | architecture | in the file | at Hugging Face |
/// |---|---|---|
/// | llama | rows of queries and keys in pairs, for rotations of neighbours | halves of a head apart |
/// | gpt2 | matrices outputs by inputs | inputs by outputs |
/// | gemma2, gemma3 | weights of norms with 1 added | without; here they stay, and the description adds nothing |
///
/// Frequencies (`rope_freqs`, `rope_factors_…`) are no weights: `DecoderDescription` reads them.
///
/// - Source: the converter published with llama.cpp, `convert_hf_to_gguf.py`.
package struct GGUFModel: TensorFile {
    package let gguf: GGUFFile
    package let architecture: GGUFArchitecture
    /// The name in the file, and the change, of each Hugging Face name.
    private let sources: [String: (name: String, change: GGUFTensorNames.Change)]
    /// Tensors that the architecture does not have, by their names in the file, sorted.
    package let unknownNames: [String]

    /// - Throws: `ModelFileError` naming the key or tensor: an architecture that Apus does not know, counts of heads
    ///   that are missing or absurd, rows that no heads divide.
    package init(_ gguf: GGUFFile) throws(ModelFileError) {
        self.gguf = gguf
        let fields = try GGUFFields(gguf)
        architecture = fields.architecture
        let headCount = try fields.size("attention.head_count", max: 1024)
        let keyValueHeadCount = try fields.size("attention.head_count_kv", max: 1024, or: headCount)
        let names = GGUFTensorNames(architecture, headCount: headCount, keyValueHeadCount: keyValueHeadCount)
        var sources: [String: (name: String, change: GGUFTensorNames.Change)] = [:]
        var unknown: [String] = []
        for name in gguf.names where !Self.frequencyNames.contains(name) {
            guard let (mapped, change) = names.huggingFace(name) else {
                unknown.append(name)
                continue
            }
            try Self.check(change, of: name, gguf)
            sources[mapped] = (name, change)
        }
        self.sources = sources
        unknownNames = unknown
    }

    /// Tensors that hold no weights.
    private static let frequencyNames: Set<String> = [
        "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
    ]

    private static func check(
        _ change: GGUFTensorNames.Change, of name: String, _ gguf: GGUFFile
    ) throws(ModelFileError) {
        guard let tensor = gguf[name] else { return }
        switch change {
        case .none: break
        case .unpaired(let headCount):
            guard let rowCount = tensor.shape.first, rowCount % (2 * headCount) == 0 else {
                throw gguf.error(name, "\(tensor.shape) is not rows of \(headCount) heads of even size")
            }
        case .transposed:
            guard tensor.shape.count == 2 else { throw gguf.error(name, "\(tensor.shape) is no matrix") }
        }
    }

    package var file: String { gguf.file }

    /// The Hugging Face names of the tensors, sorted; those that the architecture does not have keep their own.
    package var names: [String] { (Array(sources.keys) + unknownNames).sorted() }

    /// The tensor of that Hugging Face name, or nil.
    ///
    /// - Complexity: O(1) for a tensor that lies as it should, O(size) with a copy for others; a matrix that has to be
    ///   transposed comes as F32.
    package subscript(name: String) -> StoredTensor? {
        guard let source = sources[name] else { return unknownNames.contains(name) ? gguf[name] : nil }
        guard let tensor = gguf[source.name] else { return nil }
        switch source.change {
        case .none: return tensor
        case .unpaired(let headCount): return tensor.unpaired(headCount: headCount)
        case .transposed: return tensor.transposed()
        }
    }

    /// The matrix of that Hugging Face name as it stands in the file, with what is to be changed, or nil.
    ///
    /// - Complexity: O(1): nothing is copied or turned.
    package func matrix(_ name: String) -> StoredMatrix? {
        guard let source = sources[name], let tensor = gguf[source.name] else { return nil }
        switch source.change {
        case .none: return StoredMatrix(tensor)
        case .unpaired(let headCount): return StoredMatrix(tensor, pairedHeadCount: headCount)
        case .transposed: return StoredMatrix(tensor, isTurned: true)
        }
    }
}

extension StoredTensor {
    /// The same with the rows of each head in another order: 0, 2, 4, …, and then 1, 3, 5, ….
    ///
    /// - Precondition: so many heads of even size divide the rows.
    func unpaired(headCount: Int) -> StoredTensor {
        guard !data.isEmpty, let rowCount = shape.first else { return self }
        let matrix = StoredMatrix(self, pairedHeadCount: headCount)
        let rowByteCount = matrix.rowByteCount
        let moved = Bytes(byteCount: data.count) { destination in
            data.withUnsafeBytes { source in
                for row in 0..<rowCount {
                    let from = matrix.storedRow(of: row)
                    UnsafeMutableRawBufferPointer(rebasing: destination[row * rowByteCount..<(row + 1) * rowByteCount])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(
                                rebasing: source[from * rowByteCount..<(from + 1) * rowByteCount]))
                }
            }
        }
        return StoredTensor(file: file, elementType: elementType, shape: shape, data: moved)
    }

    /// The matrix with rows and columns exchanged, as F32; as it is when its elements cannot be read.
    func transposed() -> StoredTensor {
        guard let floats = floats(), shape.count == 2 else { return self }
        // Of an empty one, either extent may be huge.
        let (rowCount, columnCount) = floats.isEmpty ? (0, 0) : (shape[0], shape[1])
        let turned = [Float](unsafeUninitializedCapacity: floats.count) { destination, count in
            for row in 0..<rowCount {
                for column in 0..<columnCount {
                    destination[column * rowCount + row] = floats[row * columnCount + column]
                }
            }
            count = floats.count
        }
        return StoredTensor(
            file: file, elementType: .float32, shape: [shape[1], shape[0]],
            data: turned.withUnsafeBytes { Bytes(copying: $0) })
    }
}
