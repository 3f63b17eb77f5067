import Compute
import ModelFiles
import Synchronization
import Vocabulary

/// A tensor whose rows are some of the outputs of a matrix.
final class MatrixPart: Sendable {
    let matrix: StoredMatrix
    /// Which outputs of the matrix.
    let outputs: Range<Int>
    /// What its blocks become as they are; nil when they pass through float32.
    private let kind: QuantizedBlocks?
    private let inputCount: Int
    /// What the weights are multiplied with, 1 for blocks that stay as they are.
    private let factor: Float
    /// Whether all numbers read so far are ones.
    private let isGood = Atomic(true)

    init(
        _ matrix: StoredMatrix, kind: QuantizedBlocks?, outputs: Range<Int>, inputCount: Int, factor: Float = 1
    ) {
        precondition(factor == 1 || kind == nil, "blocks times \(factor)")
        self.factor = factor
        self.matrix = matrix
        self.kind = kind
        self.outputs = outputs
        self.inputCount = inputCount
    }

    /// What is wrong with the numbers that were read.
    var problem: String? {
        guard !isGood.load(ordering: .relaxed) else { return nil }
        return kind == nil
            ? "has an element that is infinite or not a number"
            : "has a scale that is infinite, not a number or too large"
    }

    /// Packs those of the outputs `range` that are its own, and gives the memory of what was read back.
    func fill(_ range: Range<Int>, of filler: PackedMatrix.Filler) {
        let own = range.clamped(to: outputs)
        guard !own.isEmpty, inputCount > 0 else { return }
        let rows = own.lowerBound - outputs.lowerBound..<own.upperBound - outputs.lowerBound
        if let kind {
            repack(rows, kind, filler)
        } else {
            filler.pack(own) { destination in
                read(rows, to: destination)
                guard factor != 1 else { return }
                for index in 0..<rows.count * inputCount { destination[index] *= factor }
            }
        }
        if matrix.isInOrder { MappedFile.release(matrix.rows(rows)) }
    }

    private func repack(_ rows: Range<Int>, _ kind: QuantizedBlocks, _ filler: PackedMatrix.Filler) {
        func repack(_ stored: Range<Int>, as first: Int) {
            let outputs = outputs.lowerBound + first..<outputs.lowerBound + first + stored.count
            let isGood = matrix.rows(stored).withUnsafeBytes { filler.repack($0, kind, outputs: outputs) }
            if !isGood { self.isGood.store(false, ordering: .relaxed) }
        }
        guard !matrix.isInOrder else { return repack(rows, as: rows.lowerBound) }
        for row in rows {
            let stored = matrix.storedRow(of: row)
            repack(stored..<stored + 1, as: row)
        }
    }

    /// Writes the rows as float32, `[rows, inputCount]`.
    private func read(_ rows: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
        func read(_ stored: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
            let isGood = matrix.tensor.elementType.write(matrix.rows(stored), to: destination)
            if !isGood { self.isGood.store(false, ordering: .relaxed) }
        }
        guard !matrix.isInOrder else { return read(rows, to: destination) }
        for (place, row) in rows.enumerated() {
            let stored = matrix.storedRow(of: row)
            read(stored..<stored + 1, to: destination + place * inputCount)
        }
    }
}

extension TensorElementType {
    /// What tensors of this type are stored as where nothing else is said: what loses least for the bits it takes.
    ///
    /// | in the file | stored as |
    /// |---|---|
    /// | F32, F64 | f32 |
    /// | F16, BF16 | bf16 |
    /// | Q8_0, Q5_0 | int8, exactly |
    /// | Q4_0, Q4_1 | int4, exactly |
    /// | Q4_K | int4, scales and minimums rounded to half precision |
    /// | Q5_1, Q5_K, Q6_K, Q2_K, Q3_K | int8, quantised anew |
    var ownFormat: WeightFormat {
        switch self {
        case .q4_0, .q4_1, .q4K: .int4
        case .q8_0, .q5_0, .q5_1, .q5K, .q6K, .q2K, .q3K: .int8
        case .float16, .bfloat16: .bfloat16
        default: .float32
        }
    }

    /// What the blocks of this type become as they are; nil when they have to be quantised anew.
    func blocks(as format: WeightFormat) -> QuantizedBlocks? {
        switch (self, format) {
        case (.q8_0, .int8): .q8_0
        case (.q5_0, .int8): .q5_0
        case (.q4_0, .int8): .q4_0AsInt8
        case (.q4_0, .int4): .q4_0
        case (.q4_1, .int4): .q4_1
        case (.q4K, .int4): .q4K
        default: nil
        }
    }
}

extension [TensorElementType] {
    /// The widest of their own formats: a matrix of several tensors has one.
    var ownFormat: WeightFormat {
        let formats = map(\.ownFormat)
        return [.float32, .bfloat16, .int8].first { formats.contains($0) } ?? .int4
    }
}
