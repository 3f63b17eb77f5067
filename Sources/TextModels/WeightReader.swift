import Compute
import ModelFiles
import Vocabulary

/// Finds the tensors of a model by their names, checks their shapes, and packs its matrices on all threads.
struct WeightReader {
    let file: any TensorFile
    /// Packs.
    let gang: ComputeGang
    /// Whether the file's own formats are those of its tensors, as in GGUF files; else bf16.
    private let keepsFormats: Bool
    /// The names of the tensors read so far.
    private(set) var used: Set<String> = []
    /// Bytes of the file whose weights were read.
    private(set) var readByteCount = 0

    init(_ file: any TensorFile) {
        self.file = file
        gang = ComputeGang.forPacking()
        keepsFormats = file is GGUFModel
    }

    /// Bytes of all tensors of the file.
    var totalByteCount: Int { file.names.reduce(0) { $0 + (file.matrix($1)?.tensor.data.count ?? 0) } }

    /// What a matrix of these tensors is stored as where nothing else is said.
    func ownFormat(of names: [String]) -> WeightFormat {
        keepsFormats ? names.compactMap { file.matrix($0)?.tensor.elementType }.ownFormat : .bfloat16
    }

    mutating func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        used.insert(name)
        let floats = try file.floats(name, shape: shape)
        readByteCount += file.matrix(name)?.tensor.data.count ?? 0
        return floats
    }

    /// Packs tensors of shape `[outputs, inputCount]` side by side, a few rows at a time and on all threads.
    ///
    /// - Parameters:
    ///   - names: of the tensors, at least one.
    ///   - outputs: of each of them.
    ///   - inputCount: of all of them.
    ///   - format: of the matrix; nil for `ownFormat(of:)`.
    ///   - firstFactor: by which the weights of the first tensor are multiplied. Blocks that are kept as they are keep
    ///     their scales too, so with another factor than 1 the format has to be f32 or bf16.
    /// - Returns: the outputs of all tensors, in their order.
    /// - Throws: `ModelFileError` naming the tensor: missing, of another shape or type, or with an element that is no
    ///   number.
    mutating func matrix(
        _ names: [String], outputs: [Int], inputCount: Int, format: WeightFormat?, firstFactor: Float = 1
    ) throws(ModelFileError) -> PackedMatrix {
        var stored: [StoredMatrix] = []
        for (name, count) in zip(names, outputs) {
            used.insert(name)
            stored.append(try storedMatrix(name, shape: [count, inputCount]))
        }
        let format = format ?? ownFormat(of: names)
        precondition(firstFactor == 1 || format == .float32 || format == .bfloat16, "\(format) times \(firstFactor)")
        let kinds = stored.map { $0.tensor.elementType.blocks(as: format) }
        var parts: [MatrixPart] = []
        for (matrix, kind) in zip(stored, kinds) {
            let begin = parts.last?.outputs.upperBound ?? 0
            parts.append(
                MatrixPart(
                    matrix, kind: kind, outputs: begin..<begin + matrix.tensor.shape[0], inputCount: inputCount,
                    factor: parts.isEmpty ? firstFactor : 1))
        }
        let matrix: PackedMatrix
        do {
            // Blocks that keep their scales decide the groups of the others beside them.
            let keepsBlocks = kinds.contains { $0 != nil }
            matrix = try PackedMatrix(
                inputCount: inputCount, outputCount: outputs.reduce(0, +), format: format,
                groupSize: keepsBlocks ? QuantizedBlocks.groupSize : nil, on: gang,
                filling: { range, filler in for part in parts { part.fill(range, of: filler) } })
        } catch {
            throw file.error(names[0], error.description)
        }
        for (name, part) in zip(names, parts) {
            readByteCount += part.matrix.tensor.data.count
            MappedFile.release(part.matrix.tensor.data)
            if let problem = part.problem { throw file.error(name, problem) }
        }
        return matrix
    }

    /// The tensor of that name, which has the shape and numbers.
    private func storedMatrix(_ name: String, shape: [Int]) throws(ModelFileError) -> StoredMatrix {
        guard let matrix = file.matrix(name) else { throw file.error(name, "is missing") }
        guard matrix.tensor.shape == shape else {
            throw file.error(name, "expected shape \(shape), got \(matrix.tensor.shape)")
        }
        // Rows are read by themselves, so they have to be whole blocks, which every checked tensor has.
        guard matrix.tensor.elementType.isDequantizable else {
            throw file.error(
                name, "expected numbers such as F32, F16 or BF16, got \(matrix.tensor.elementType.rawValue)")
        }
        return matrix
    }
}
