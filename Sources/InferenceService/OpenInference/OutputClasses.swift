import Compute
import Models
import Vocabulary

/// The highest values of an output, as texts: `VALUE:INDEX`, and `:LABEL` behind it where the class has a name.
///
/// - Source: Triton's classification extension.
struct OutputClasses {
    private let rows: [[String]]
    private let batches: Bool

    /// - Parameters:
    ///   - output: of a number type.
    ///   - count: of the values that are wanted, at least 1; all of them when there are fewer.
    ///   - batches: whether the first extent is that of the batch, each sample of which is looked at by itself.
    ///   - labels: the names of the classes; may be empty.
    /// - Throws: INVALID_ARGUMENT for an output that has no numbers.
    init(_ output: NamedTensor, count: Int, batches: Bool, labels: [String]) throws(ServingError) {
        guard let values = Self.values(of: output.tensor) else {
            throw ServingError(
                .invalidArgument,
                "class result not available for output due to unsupported type '\(output.tensor.dataType.wireName)'")
        }
        self.batches = batches
        let rowCount = batches ? output.tensor.shape.first ?? 1 : 1
        let width = rowCount > 0 ? values.count / rowCount : 0
        rows = (0..<rowCount).map { row in
            let scores = values[row * width..<(row + 1) * width]
            // Of equal values the first one comes first.
            let order = scores.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1] }
            return order.prefix(count).map { index in
                let number = index - scores.startIndex
                return "\(values[index]):\(number)" + (labels.indices.contains(number) ? ":\(labels[number])" : "")
            }
        }
    }

    /// BYTES `[count]`, or `[batch, count]`.
    func tensor() throws(ServingError) -> Tensor {
        let width = rows.first?.count ?? 0
        do {
            return try Tensor(
                elements: rows.joined().map { Bytes(utf8: $0) }, shape: batches ? [rows.count, width] : [width])
        } catch {
            throw ServingError(.internal, "the classes do not make a tensor: \(error)")
        }
    }

    /// Nil for types that are not numbers, or not of this machine.
    private static func values(of tensor: Tensor) -> [Double]? {
        switch tensor.dataType {
        case .float32: tensor.array(of: Float.self).map(Double.init)
        case .float64: tensor.array(of: Double.self)
        case .int8: tensor.array(of: Int8.self).map(Double.init)
        case .int16: tensor.array(of: Int16.self).map(Double.init)
        case .int32: tensor.array(of: Int32.self).map(Double.init)
        case .int64: tensor.array(of: Int64.self).map(Double.init)
        case .uint8: tensor.array(of: UInt8.self).map(Double.init)
        case .uint16: tensor.array(of: UInt16.self).map(Double.init)
        case .uint32: tensor.array(of: UInt32.self).map(Double.init)
        case .uint64: tensor.array(of: UInt64.self).map(Double.init)
        case .bool, .bytes, .float16, .bfloat16: nil
        }
    }
}
