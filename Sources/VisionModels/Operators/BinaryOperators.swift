import Compute
import Glibc

/// An operator that gives one element for each pair of elements of two broadcast operands.
struct BinaryOperator<Element, Result>: Operator {
    let outputTypes: [ValueType]
    private let broadcast: Broadcast
    private let function: (Element, Element) -> Result

    init(
        _ reader: NodeReader, result: DataType? = nil, _ function: @escaping (Element, Element) -> Result
    ) throws(OperatorError) {
        try reader.limit(inputs: 2)
        let (first, second) = (try reader.type(0), try reader.type(1))
        guard first.dataType == second.dataType else {
            throw .inputTypesDiffer(first.dataType.wireName, second.dataType.wireName)
        }
        broadcast = try Broadcast(first.shape, second.shape)
        outputTypes = [try ValueType(result ?? first.dataType, broadcast.shape)]
        self.function = function
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let first = inputs[0]?.elements(Element.self), let second = inputs[1]?.elements(Element.self) else {
            return
        }
        let results = outputs[0].elements(Result.self)
        let columns = broadcast.shape.last ?? 1
        let (firstStep, secondStep) = (broadcast.firstStrides.last ?? 0, broadcast.secondStrides.last ?? 0)
        broadcast.forEachRow { row, firstStart, secondStart in
            let (a, b, y) = (first + firstStart, second + secondStart, results + row * columns)
            for column in 0..<columns { y[column] = function(a[column * firstStep], b[column * secondStep]) }
        }
    }
}

/// `Add` and its like on float32, where most of the time goes: whole images, and a value a channel.
struct FloatArithmetic: Operator {
    enum Function { case add, subtract, multiply, divide }

    let outputTypes: [ValueType]
    private let broadcast: Broadcast
    private let function: Function

    init(_ reader: NodeReader, _ function: Function) throws(OperatorError) {
        try reader.limit(inputs: 2)
        let (first, second) = (try reader.floatType(0), try reader.floatType(1))
        broadcast = try Broadcast(first.shape, second.shape).merged()
        let shape = try Broadcast(first.shape, second.shape).shape
        outputTypes = [try ValueType(.float32, shape)]
        self.function = function
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let first = inputs[0]?.floats, let second = inputs[1]?.floats else { return }
        switch function {
        case .add: run(first, second, outputs[0].floats) { $0 + $1 }
        case .subtract: run(first, second, outputs[0].floats) { $0 - $1 }
        case .multiply: run(first, second, outputs[0].floats) { $0 * $1 }
        case .divide: run(first, second, outputs[0].floats) { $0 / $1 }
        }
    }

    /// Inlined into each case, so that the loops work on vectors.
    @inline(__always)
    private func run(
        _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ results: UnsafeMutablePointer<Float>,
        _ function: (Float, Float) -> Float
    ) {
        let columns = broadcast.shape.last ?? 1
        let steps = (broadcast.firstStrides.last ?? 0, broadcast.secondStrides.last ?? 0)
        broadcast.forEachRow { row, firstStart, secondStart in
            let (a, b, y) = (first + firstStart, second + secondStart, results + row * columns)
            switch steps {
            case (1, 1): for column in 0..<columns { y[column] = function(a[column], b[column]) }
            case (1, 0): for column in 0..<columns { y[column] = function(a[column], b[0]) }
            case (0, 1): for column in 0..<columns { y[column] = function(a[0], b[column]) }
            default:
                for column in 0..<columns { y[column] = function(a[column * steps.0], b[column * steps.1]) }
            }
        }
    }
}

/// The makers of the element-wise functions of two operands.
enum BinaryOperators {
    static let makers: [String: OperatorTable.Maker] = [
        "Add": { (reader) throws(OperatorError) in try makeArithmetic(reader, .add) },
        "Sub": { (reader) throws(OperatorError) in try makeArithmetic(reader, .subtract) },
        "Mul": { (reader) throws(OperatorError) in try makeArithmetic(reader, .multiply) },
        "Div": { (reader) throws(OperatorError) in try makeArithmetic(reader, .divide) },
        "Pow": { (reader) throws(OperatorError) in
            _ = try reader.floatType(0)
            return try BinaryOperator<Float, Float>(reader) { powf($0, $1) }
        },
        "PRelu": { (reader) throws(OperatorError) in
            let shape = try reader.floatType(0).shape
            let made = try BinaryOperator<Float, Float>(reader) { $0 < 0 ? $0 * $1 : $0 }
            guard made.outputTypes[0].shape == shape else { throw .shapeMismatch("slopes larger than the input") }
            return made
        },
        "Equal": { (reader) throws(OperatorError) in try makeComparison(reader, Equal.self) },
        "Less": { (reader) throws(OperatorError) in try makeComparison(reader, Less.self) },
        "LessOrEqual": { (reader) throws(OperatorError) in try makeComparison(reader, LessOrEqual.self) },
        "Greater": { (reader) throws(OperatorError) in try makeComparison(reader, Greater.self) },
        "GreaterOrEqual": { (reader) throws(OperatorError) in try makeComparison(reader, GreaterOrEqual.self) },
        "And": { (reader) throws(OperatorError) in try makeLogic(reader) { $0 & $1 } },
        "Or": { (reader) throws(OperatorError) in try makeLogic(reader) { $0 | $1 } },
        "Xor": { (reader) throws(OperatorError) in try makeLogic(reader) { $0 ^ $1 } },
    ]

    // MARK: Arithmetic

    private static func makeArithmetic(
        _ reader: NodeReader, _ function: FloatArithmetic.Function
    ) throws(OperatorError) -> any Operator {
        switch try reader.type(0).dataType {
        case .float32: return try FloatArithmetic(reader, function)
        case .int8: return try makeInteger(reader, Int8.self, function)
        case .int16: return try makeInteger(reader, Int16.self, function)
        case .int32: return try makeInteger(reader, Int32.self, function)
        case .int64: return try makeInteger(reader, Int64.self, function)
        case .uint8: return try makeInteger(reader, UInt8.self, function)
        case .uint16: return try makeInteger(reader, UInt16.self, function)
        case .uint32: return try makeInteger(reader, UInt32.self, function)
        case .uint64: return try makeInteger(reader, UInt64.self, function)
        case let type: throw .unsupportedInputType(0, type.wireName)
        }
    }

    /// Integers wrap around, and dividing by zero gives zero: no model can stop the server.
    private static func makeInteger<Value: FixedWidthInteger>(
        _ reader: NodeReader, _ type: Value.Type, _ function: FloatArithmetic.Function
    ) throws(OperatorError) -> any Operator {
        switch function {
        case .add: return try BinaryOperator<Value, Value>(reader) { $0 &+ $1 }
        case .subtract: return try BinaryOperator<Value, Value>(reader) { $0 &- $1 }
        case .multiply: return try BinaryOperator<Value, Value>(reader) { $0 &* $1 }
        case .divide:
            return try BinaryOperator<Value, Value>(reader) {
                $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue
            }
        }
    }

    // MARK: Comparisons

    private protocol Comparison { static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool }
    private enum Equal: Comparison { static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool { a == b } }
    private enum Less: Comparison { static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool { a < b } }
    private enum LessOrEqual: Comparison {
        static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool { a <= b }
    }
    private enum Greater: Comparison { static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool { a > b } }
    private enum GreaterOrEqual: Comparison {
        static func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool { a >= b }
    }

    private static func makeComparison<Function: Comparison>(
        _ reader: NodeReader, _ function: Function.Type
    ) throws(OperatorError) -> any Operator {
        func make<Value: Comparable>(_ type: Value.Type) throws(OperatorError) -> any Operator {
            try BinaryOperator<Value, UInt8>(reader, result: .bool) { Function.holds($0, $1) ? 1 : 0 }
        }
        switch try reader.type(0).dataType {
        case .float32: return try make(Float.self)
        case .float64: return try make(Double.self)
        case .int8: return try make(Int8.self)
        case .int16: return try make(Int16.self)
        case .int32: return try make(Int32.self)
        case .int64: return try make(Int64.self)
        case .uint8, .bool: return try make(UInt8.self)
        case .uint16: return try make(UInt16.self)
        case .uint32: return try make(UInt32.self)
        case .uint64: return try make(UInt64.self)
        case let type: throw .unsupportedInputType(0, type.wireName)
        }
    }

    private static func makeLogic(
        _ reader: NodeReader, _ function: @escaping (UInt8, UInt8) -> UInt8
    ) throws(OperatorError) -> any Operator {
        let type = try reader.type(0).dataType
        guard type == .bool else { throw .unsupportedInputType(0, type.wireName) }
        return try BinaryOperator<UInt8, UInt8>(reader, function)
    }
}
