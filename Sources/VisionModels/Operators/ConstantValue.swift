import Compute
import ModelFiles
import Vocabulary

/// `Constant`, `ConstantOfShape`, `Shape` and `Size`: known as soon as the input shapes are.
struct ConstantValue: ConstantOperator {
    let outputTypes: [ValueType]
    let constant: Bytes

    private init(_ type: ValueType, _ constant: Bytes) {
        outputTypes = [type]
        self.constant = constant
    }

    private init(_ values: [Int64], shape: [Int]) throws(OperatorError) {
        self.init(try ValueType(.int64, shape), values.withUnsafeBytes { Bytes(copying: $0) })
    }

    private init(_ values: [Float], shape: [Int]) throws(OperatorError) {
        self.init(try ValueType(.float32, shape), values.withUnsafeBytes { Bytes(copying: $0) })
    }

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 0)
        if let value = reader.attribute("value") {
            guard case .tensor(let tensor) = value else { throw .wrongAttributeType(name: "value") }
            return ConstantValue(try ValueType(DataType(tensor.elementType), tensor.shape), tensor.data)
        }
        if let value = try reader.optionalFloat("value_float") { return try ConstantValue([value], shape: []) }
        if let value = try reader.optionalInt("value_int") { return try ConstantValue([Int64(value)], shape: []) }
        if let values = try reader.ints("value_ints") {
            return try ConstantValue(values.map(Int64.init), shape: [values.count])
        }
        guard let value = reader.attribute("value_floats") else { throw .missingAttribute("value") }
        guard case .floats(let values) = value else { throw .wrongAttributeType(name: "value_floats") }
        return try ConstantValue(values, shape: [values.count])
    }

    static func makeOfShape(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        let shape = try reader.constantInts(0)
        guard shape.count <= 16, shape.allSatisfy({ $0 >= 0 }) else { throw .shapeMismatch("\(shape) is no shape") }
        var (dataType, element) = (DataType.float32, [UInt8](repeating: 0, count: 4))
        if let value = reader.attribute("value") {
            guard case .tensor(let tensor) = value else { throw .wrongAttributeType(name: "value") }
            dataType = DataType(tensor.elementType)
            element = tensor.data.array
        }
        let type = try ValueType(dataType, shape)
        guard element.count == type.elementByteCount else { throw .wrongAttributeType(name: "value") }
        guard type.byteCount <= byteCountMax else { throw .valueTooLarge(shape) }
        let data = Bytes(byteCount: type.byteCount) { buffer in
            for index in 0..<type.byteCount { buffer[index] = element[index % element.count] }
        }
        return ConstantValue(type, data)
    }

    /// The largest filled constant; a few bytes of file can ask for it.
    private static let byteCountMax = 64 << 20

    static func makeShape(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        let shape = try reader.type(0).shape
        func bound(_ value: Int) -> Int { min(max(value < 0 ? max(value, -64) + shape.count : value, 0), shape.count) }
        let start = bound(try reader.int("start", default: 0))
        let end = bound(try reader.int("end", default: shape.count))
        let part = shape[start..<max(start, end)]
        return try ConstantValue(part.map(Int64.init), shape: [part.count])
    }

    static func makeSize(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        return try ConstantValue([Int64(try reader.type(0).elementCount)], shape: [])
    }
}
