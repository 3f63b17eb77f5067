import Compute
import ModelFiles

/// What is known of a value before any run: element type and extents, all fixed.
struct ValueType: Equatable, CustomStringConvertible {
    let dataType: DataType
    /// Outermost first; empty for a scalar.
    let shape: [Int]
    /// Product of the extents.
    let elementCount: Int
    /// Product of the extents and the element size.
    let byteCount: Int

    /// Values up to this size are computed with at all; larger ones come from broken or hostile files.
    static let byteCountMax = 1 << 32

    /// - Throws: `.valueTooLarge` beyond `byteCountMax` bytes.
    /// - Precondition: `dataType` has elements of fixed size; no extent is negative.
    init(_ dataType: DataType, _ shape: [Int]) throws(OperatorError) {
        guard let elementByteCount = dataType.elementByteCount else { preconditionFailure("a value of \(dataType)") }
        // Saturating, so that an extent of 0 beside huge ones still ends in 0 elements.
        let elementCount =
            shape.contains(0)
            ? 0
            : shape.reduce(1) { count, extent in
                let (product, overflow) = count.multipliedReportingOverflow(by: extent)
                return overflow ? .max : product
            }
        guard elementCount <= Self.byteCountMax / elementByteCount else { throw .valueTooLarge(shape) }
        self.dataType = dataType
        self.shape = shape
        self.elementCount = elementCount
        self.byteCount = elementCount * elementByteCount
    }

    var rank: Int { shape.count }
    /// Bytes of an element.
    var elementByteCount: Int { dataType.elementByteCount ?? 0 }
    var description: String { "\(dataType.wireName) \(shape)" }

    /// The axis that `axis` means, counted from the end when negative.
    func axis(_ axis: Int) throws(OperatorError) -> Int {
        guard (-rank..<rank).contains(axis) else { throw .axisOutOfRange(axis, rank: rank) }
        return axis < 0 ? axis + rank : axis
    }
}

extension DataType {
    /// The type of an ONNX tensor's elements.
    init(_ type: ONNXElementType) {
        self =
            switch type {
            case .float: .float32
            case .uint8: .uint8
            case .int8: .int8
            case .uint16: .uint16
            case .int16: .int16
            case .int32: .int32
            case .int64: .int64
            case .bool: .bool
            case .float16: .float16
            case .double: .float64
            case .uint32: .uint32
            case .uint64: .uint64
            case .bfloat16: .bfloat16
            }
    }
}

/// The distance in elements between neighbours along each axis of a dense row-major value.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    return strides
}
