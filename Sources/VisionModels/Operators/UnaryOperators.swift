import Compute
import Glibc

/// An operator that gives one float32 for each float32.
struct UnaryOperator: Operator {
    /// Computes `count` results, which do not overlap the operands.
    typealias Body = (_ operands: UnsafePointer<Float>, _ results: UnsafeMutablePointer<Float>, _ count: Int) -> Void

    let outputTypes: [ValueType]
    /// Set for operators that only confine their operand, so that they can follow another operator at no cost.
    let clampRange: ClampRange?
    private let body: Body

    init(_ reader: NodeReader, inputCountMax: Int = 1, _ body: @escaping Body) throws(OperatorError) {
        try reader.limit(inputs: inputCountMax)
        outputTypes = [try reader.floatType(0)]
        clampRange = nil
        self.body = body
    }

    init(_ reader: NodeReader, clampingTo range: ClampRange) throws(OperatorError) {
        try reader.limit(inputs: 3)
        outputTypes = [try reader.floatType(0)]
        clampRange = range
        body = { operands, results, count in
            for index in 0..<count { results[index] = range.clamp(operands[index]) }
        }
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let operands = inputs[0]?.floats else { return }
        let results = outputs[0].floats
        context.parallelFor(count: outputTypes[0].elementCount) { range in
            body(operands + range.lowerBound, results + range.lowerBound, range.count)
        }
    }
}

/// The makers of the element-wise functions of one operand.
enum UnaryOperators {
    static let makers: [String: OperatorTable.Maker] = [
        "Relu": { (reader) throws(OperatorError) in try UnaryOperator(reader, clampingTo: .relu) },
        "Clip": makeClip,
        "LeakyRelu": { (reader) throws(OperatorError) in
            let slope = try reader.float("alpha", default: 0.01)
            return try each(reader) { $0 < 0 ? slope * $0 : $0 }
        },
        "Elu": { (reader) throws(OperatorError) in
            let alpha = try reader.float("alpha", default: 1)
            return try each(reader) { $0 < 0 ? alpha * expm1f($0) : $0 }
        },
        "HardSigmoid": { (reader) throws(OperatorError) in
            let alpha = try reader.float("alpha", default: 0.2)
            let beta = try reader.float("beta", default: 0.5)
            return try each(reader) { max(0, min(1, alpha * $0 + beta)) }
        },
        "HardSwish": { (reader) throws(OperatorError) in try each(reader) { $0 * max(0, min(1, $0 / 6 + 0.5)) } },
        "Gelu": makeGelu,
        "Sigmoid": { (reader) throws(OperatorError) in try each(reader) { 1 / (1 + expf(-$0)) } },
        "Tanh": { (reader) throws(OperatorError) in try each(reader) { tanhf($0) } },
        // log(1 + e^x) without overflow.
        "Softplus": { (reader) throws(OperatorError) in try each(reader) { max($0, 0) + log1pf(expf(-abs($0))) } },
        "Softsign": { (reader) throws(OperatorError) in try each(reader) { $0 / (1 + abs($0)) } },
        "Exp": { (reader) throws(OperatorError) in try each(reader) { expf($0) } },
        "Log": { (reader) throws(OperatorError) in try each(reader) { logf($0) } },
        "Sqrt": { (reader) throws(OperatorError) in try each(reader) { $0.squareRoot() } },
        "Erf": { (reader) throws(OperatorError) in try each(reader) { erff($0) } },
        "Abs": { (reader) throws(OperatorError) in try each(reader) { abs($0) } },
        "Neg": { (reader) throws(OperatorError) in try each(reader) { -$0 } },
        "Reciprocal": { (reader) throws(OperatorError) in try each(reader) { 1 / $0 } },
        "Floor": { (reader) throws(OperatorError) in try each(reader) { $0.rounded(.down) } },
        "Ceil": { (reader) throws(OperatorError) in try each(reader) { $0.rounded(.up) } },
        "Round": { (reader) throws(OperatorError) in try each(reader) { $0.rounded(.toNearestOrEven) } },
    ]

    private static func each(
        _ reader: NodeReader, _ function: @escaping (Float) -> Float
    ) throws(OperatorError) -> UnaryOperator {
        try UnaryOperator(reader) { operands, results, count in
            for index in 0..<count { results[index] = function(operands[index]) }
        }
    }

    /// The bounds are attributes before operator set 11 and inputs since.
    private static func makeClip(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        func bound(_ name: String, _ index: Int) throws(OperatorError) -> Float? {
            if let value = try reader.optionalFloat(name) { return value }
            guard let values = try reader.optionalConstantFloats(index) else { return nil }
            guard values.count == 1 else { throw .shapeMismatch("bound '\(name)' of \(values.count) elements") }
            return values[0]
        }
        let low = try bound("min", 1) ?? -.infinity
        let high = try bound("max", 2) ?? .infinity
        return try UnaryOperator(reader, clampingTo: ClampRange(low: low, high: high))
    }

    private static func makeGelu(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        switch try reader.string("approximate", default: "none") {
        case "none": return try each(reader) { 0.5 * $0 * (1 + erff($0 * Float(0.5).squareRoot())) }
        case "tanh":
            // Hendrycks and Gimpel 2016, section 2.
            let scale = (2 / Float.pi).squareRoot()
            return try each(reader) { 0.5 * $0 * (1 + tanhf(scale * ($0 + 0.044715 * $0 * $0 * $0))) }
        case let other: throw .unsupportedAttributeValue(name: "approximate", value: other)
        }
    }
}
