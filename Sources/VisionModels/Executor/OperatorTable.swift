import ModelFiles

/// The operators that graphs may use, by their ONNX names.
///
/// - Source: ONNX 1.20, docs/Operators.md; attributes that moved between operator sets are read in both places.
enum OperatorTable {
    typealias Maker = @Sendable (NodeReader) throws(OperatorError) -> any Operator

    /// Operator sets that the makers were written for.
    private static let opsets = 6...25

    /// Makes the operator of a node.
    static func makeOperator(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        let node = reader.node
        guard node.domain.isEmpty, let make = makers[node.operatorType] else {
            throw .unsupportedOperator(domain: node.domain, type: node.operatorType)
        }
        guard opsets.contains(reader.opset) else { throw .unsupportedOpset(Int64(reader.opset)) }
        return try make(reader)
    }

    /// The names of all operators.
    static var names: [String] { makers.keys.sorted() }

    private static let makers: [String: Maker] = [:]
        .merging(windowed, uniquingKeysWith: { first, _ in first })
        .merging(products, uniquingKeysWith: { first, _ in first })
        .merging(elementwise, uniquingKeysWith: { first, _ in first })
        .merging(normalisations, uniquingKeysWith: { first, _ in first })
        .merging(movements, uniquingKeysWith: { first, _ in first })
        .merging(constants, uniquingKeysWith: { first, _ in first })

    private static let windowed: [String: Maker] = [
        "Conv": Convolution.make,
        "MaxPool": MaxPool.make,
        "AveragePool": AveragePool.make,
        "GlobalAveragePool": AveragePool.makeGlobal,
        "GlobalMaxPool": MaxPool.makeGlobal,
    ]

    private static let products: [String: Maker] = [
        "Gemm": GeneralProduct.make,
        "MatMul": MatrixProduct.make,
    ]

    private static let elementwise: [String: Maker] = UnaryOperators.makers
        .merging(BinaryOperators.makers, uniquingKeysWith: { first, _ in first })

    private static let normalisations: [String: Maker] = [
        "BatchNormalization": BatchNormalization.make,
        "LRN": LocalResponseNormalization.make,
        "Softmax": Softmax.make,
        "LogSoftmax": Softmax.makeLogarithm,
        "ReduceMean": Reduction.makeMean,
        "ReduceSum": Reduction.makeSum,
        "ReduceMax": Reduction.makeMax,
        "ReduceMin": Reduction.makeMin,
    ]

    private static let movements: [String: Maker] = [
        "Identity": Reshaping.makeIdentity,
        "Dropout": Reshaping.makeDropout,
        "Reshape": Reshaping.makeReshape,
        "Flatten": Reshaping.makeFlatten,
        "Squeeze": Reshaping.makeSqueeze,
        "Unsqueeze": Reshaping.makeUnsqueeze,
        "Transpose": StridedMove.makeTranspose,
        "Slice": StridedMove.makeSlice,
        "Expand": StridedMove.makeExpand,
        "Concat": Concatenation.make,
        "Split": Splitting.make,
        "Pad": Padding.make,
        "Gather": Gathering.make,
        "Cast": Casting.make,
    ]

    private static let constants: [String: Maker] = [
        "Constant": ConstantValue.make,
        "ConstantOfShape": ConstantValue.makeOfShape,
        "Shape": ConstantValue.makeShape,
        "Size": ConstantValue.makeSize,
    ]
}
