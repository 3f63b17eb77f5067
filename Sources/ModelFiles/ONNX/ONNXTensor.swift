package import Vocabulary

/// The element types of ONNX tensors that we read.
///
/// - Source: onnx.proto, `TensorProto.DataType`.
package enum ONNXElementType: Int64, Sendable, Hashable {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case int32 = 6
    case int64 = 7
    case bool = 9
    case float16 = 10
    case double = 11
    case uint32 = 12
    case uint64 = 13
    case bfloat16 = 16

    package var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .float, .int32, .uint32: 4
        case .int64, .double, .uint64: 8
        }
    }
}

/// A constant tensor in an ONNX file.
package struct ONNXTensor: Sendable, Equatable {
    /// Empty for the value of an attribute.
    package let name: String
    package let elementType: ONNXElementType
    /// Non-negative extents, outermost first; empty for a scalar.
    package let shape: [Int]
    /// Row-major little-endian elements, exactly as many as `shape` says; a slice of the file where the file holds
    /// them as raw bytes, so of any alignment.
    package let data: Bytes

    /// Reads a file that holds one serialized `TensorProto`, as the ONNX test data does.
    package init(file bytes: Bytes, fileName: String, limits: ONNXLimits = ONNXLimits()) throws(ONNXError) {
        do {
            self = try Self.decode(ONNXReader(bytes, budget: ONNXReader.Budget(limits)))
        } catch {
            throw error.inFile(fileName)
        }
    }

    private init(name: String, elementType: ONNXElementType, shape: [Int], data: Bytes) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.data = data
    }

    static func decode(_ reader: ONNXReader) throws(ONNXError) -> ONNXTensor {
        var fields = Fields()
        var reader = reader
        while let field = try reader.next() { try fields.take(field, reader) }
        let name = fields.name
        do {
            return try fields.tensor(rankMax: reader.budget.limits.rankMax)
        } catch {
            throw name.isEmpty ? error : error.inside("'\(name)'")
        }
    }

    /// The fields of a `TensorProto` as they come.
    private struct Fields {
        var name = ""
        var dims: [Int64] = []
        var dataType: UInt64 = 0
        var raw: Bytes?
        /// `float_data` or `double_data`.
        var floats: [UInt8] = []
        /// `int32_data`, `int64_data` or `uint64_data`.
        var integers: [UInt64] = []
        var isExternal = false
        var isSegmented = false
        var hasStrings = false

        mutating func take(_ field: ONNXReader.Field, _ reader: ONNXReader) throws(ONNXError) {
            switch field.number {
            case 1:
                try naming("dims") { () throws(ONNXError) in
                    try field.appendIntegers(to: &dims, reader: reader) { Int64(bitPattern: $0) }
                }
            case 2: dataType = try naming("data_type", field.integer)
            case 3: isSegmented = true
            case 4:
                try naming("float_data") { () throws(ONNXError) in
                    try field.appendFixedBytes(to: &floats, elementByteCount: 4)
                }
            case 5, 7, 11:
                try naming("integer data") { () throws(ONNXError) in
                    try field.appendIntegers(to: &integers, reader: reader) { $0 }
                }
            case 6: hasStrings = true
            case 8: name = try naming("name", field.text)
            case 9: raw = try naming("raw_data", field.bytes)
            case 10:
                try naming("double_data") { () throws(ONNXError) in
                    try field.appendFixedBytes(to: &floats, elementByteCount: 8)
                }
            case 13: isExternal = true
            case 14: isExternal = try naming("data_location", field.integer) == 1 || isExternal
            default: break
            }
        }

        func tensor(rankMax: Int) throws(ONNXError) -> ONNXTensor {
            guard !isExternal else { throw ONNXError(.externalData) }
            guard !isSegmented else { throw ONNXError(.segmentedTensor) }
            guard let type = Int64(exactly: dataType).flatMap(ONNXElementType.init(rawValue:)), !hasStrings else {
                throw ONNXError(.unsupportedElementType(Int64(truncatingIfNeeded: dataType)))
            }
            let (shape, byteCount) = try checkedShape(type, rankMax: rankMax)
            let data = raw ?? typedData(type)
            guard data.count == byteCount else {
                throw ONNXError(.byteCountMismatch(shape: shape, expected: byteCount, actual: data.count))
            }
            return ONNXTensor(name: name, elementType: type, shape: shape, data: data)
        }

        private func checkedShape(
            _ type: ONNXElementType, rankMax: Int
        ) throws(ONNXError) -> (shape: [Int], byteCount: Int) {
            guard dims.count <= rankMax else { throw ONNXError(.tooManyDimensions(dims.count, maximum: rankMax)) }
            if let negative = dims.first(where: { $0 < 0 }) { throw ONNXError(.negativeDimension(negative)) }
            let shape = dims.map { Int($0) }
            var byteCount = type.byteCount
            for extent in shape {
                let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
                guard !overflow else { throw ONNXError(.shapeOverflow(shape)) }
                byteCount = product
            }
            return (shape, byteCount)
        }

        /// The elements of the typed fields as bytes; narrow types come as wide integers whose low bytes count.
        private func typedData(_ type: ONNXElementType) -> Bytes {
            switch type {
            case .float, .double: return Bytes(floats)
            default:
                var data: [UInt8] = []
                data.reserveCapacity(integers.count * type.byteCount)
                for value in integers {
                    withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0.prefix(type.byteCount)) }
                }
                return Bytes(data)
            }
        }
    }
}

/// Runs `body` and puts `field` in front of the path of an error.
func naming<Result>(
    _ field: @autoclosure () -> String, _ body: () throws(ONNXError) -> Result
) throws(ONNXError) -> Result {
    do {
        return try body()
    } catch {
        throw error.inside(field())
    }
}
