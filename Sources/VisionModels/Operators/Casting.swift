import Compute
import ModelFiles

/// `Cast` between the numeric types.
///
/// Floating point to integer rounds toward zero and is confined to the integer's range, NaN gives 0; integers to
/// narrower ones keep the low bits.
struct Casting: Operator {
    let outputTypes: [ValueType]
    private let inputType: DataType

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Casting(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 1)
        let type = try reader.type(0)
        guard let target = try reader.optionalInt("to") else { throw .missingAttribute("to") }
        // How to treat values out of range of the 8-bit floating point types, which are not supported.
        _ = try reader.int("saturate", default: 1)
        _ = try reader.string("round_mode", default: "up")
        guard let element = ONNXElementType(rawValue: Int64(target)) else {
            throw .unsupportedAttributeValue(name: "to", value: "\(target)")
        }
        inputType = type.dataType
        outputTypes = [try ValueType(DataType(element), type.shape)]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let input = inputs[0] else { return }
        switch inputType {
        case .bool: convert(input, outputs[0], UInt8.self) { .integer($0 == 0 ? 0 : 1) }
        case .uint8: convert(input, outputs[0], UInt8.self) { .integer(Int64($0)) }
        case .int8: convert(input, outputs[0], Int8.self) { .integer(Int64($0)) }
        case .uint16: convert(input, outputs[0], UInt16.self) { .integer(Int64($0)) }
        case .int16: convert(input, outputs[0], Int16.self) { .integer(Int64($0)) }
        case .uint32: convert(input, outputs[0], UInt32.self) { .integer(Int64($0)) }
        case .int32: convert(input, outputs[0], Int32.self) { .integer(Int64($0)) }
        case .int64: convert(input, outputs[0], Int64.self) { .integer($0) }
        case .uint64: convert(input, outputs[0], UInt64.self) { .unsigned($0) }
        case .float16: convert(input, outputs[0], UInt16.self) { .real(Double(Float16(bitPattern: $0))) }
        case .bfloat16:
            convert(input, outputs[0], UInt16.self) { .real(Double(Float(bitPattern: UInt32($0) << 16))) }
        case .float32: convert(input, outputs[0], Float.self) { .real(Double($0)) }
        case .float64: convert(input, outputs[0], Double.self) { .real($0) }
        case .bytes: preconditionFailure("values have elements of fixed size")
        }
    }

    private func convert<Element>(
        _ input: UnsafeTensorView, _ output: UnsafeMutableTensorView, _ type: Element.Type,
        _ number: (Element) -> Number
    ) {
        let source = input.elements(Element.self)
        func write<Result>(_ type: Result.Type, _ element: (Number) -> Result) {
            let target = output.elements(Result.self)
            for index in 0..<outputTypes[0].elementCount { target[index] = element(number(source[index])) }
        }
        switch outputTypes[0].dataType {
        case .bool: write(UInt8.self) { $0.isZero ? 0 : 1 }
        case .uint8: write(UInt8.self) { $0.integer() }
        case .int8: write(Int8.self) { $0.integer() }
        case .uint16: write(UInt16.self) { $0.integer() }
        case .int16: write(Int16.self) { $0.integer() }
        case .uint32: write(UInt32.self) { $0.integer() }
        case .int32: write(Int32.self) { $0.integer() }
        case .int64: write(Int64.self) { $0.integer() }
        case .uint64: write(UInt64.self) { $0.integer() }
        case .float16: write(UInt16.self) { Float16($0.real).bitPattern }
        case .bfloat16: write(UInt16.self) { Self.bfloat16(Float($0.real)) }
        case .float32: write(Float.self) { Float($0.real) }
        case .float64: write(Double.self) { $0.real }
        case .bytes: preconditionFailure("values have elements of fixed size")
        }
    }

    /// The upper half of a float32, rounded to nearest even.
    private static func bfloat16(_ value: Float) -> UInt16 {
        guard !value.isNaN else { return 0x7fc0 }
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}

/// An element of any type on its way to another.
private enum Number {
    case integer(Int64)
    case unsigned(UInt64)
    case real(Double)

    var real: Double {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .real(let value): value
        }
    }

    var isZero: Bool {
        switch self {
        case .integer(let value): value == 0
        case .unsigned(let value): value == 0
        case .real(let value): value == 0
        }
    }

    func integer<Result: FixedWidthInteger>() -> Result {
        switch self {
        case .integer(let value): return Result(truncatingIfNeeded: value)
        case .unsigned(let value): return Result(truncatingIfNeeded: value)
        case .real(let value):
            if value.isNaN { return 0 }
            return Result(exactly: value.rounded(.towardZero)) ?? (value < 0 ? Result.min : Result.max)
        }
    }
}
