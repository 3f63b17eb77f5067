/// Why bytes are not an ONNX model or tensor that we read, and where in the file.
package struct ONNXError: Error, Equatable, CustomStringConvertible {
    /// The file, as the caller named it.
    package var file: String
    /// Fields from the outside in, such as `["graph", "node[3]", "attribute[0]", "ints"]`.
    package var path: [String]
    package let problem: ONNXProblem

    init(_ problem: ONNXProblem) {
        self.file = ""
        self.path = []
        self.problem = problem
    }

    package var description: String {
        let place = path.isEmpty ? "" : path.joined(separator: ".") + ": "
        return "\(file): \(place)\(problem)"
    }

    /// The same error one message further out.
    func inside(_ field: String) -> ONNXError {
        var error = self
        error.path.insert(field, at: 0)
        return error
    }

    func inFile(_ name: String) -> ONNXError {
        var error = self
        error.file = name
        return error
    }
}

/// What is wrong at the place that an `ONNXError` names.
package enum ONNXProblem: Equatable, CustomStringConvertible {
    /// The bytes are no protobuf message, or not the one that was expected.
    case message(ProtobufProblem)
    case tooManyDimensions(Int, maximum: Int)
    case negativeDimension(Int64)
    case shapeOverflow([Int])
    case byteCountMismatch(shape: [Int], expected: Int, actual: Int)
    case elementCountMismatch(shape: [Int], expected: Int, actual: Int)
    case unsupportedElementType(Int64)
    /// The tensor's data lies in another file.
    case externalData
    case segmentedTensor
    case sparseTensor
    case missingField(String)
    case repeatedField(String)
    case unknownAttributeType(UInt64)
    case duplicateName(String)

    package var description: String {
        switch self {
        case .message(.wrongWireType): "the field has another type than ONNX declares"
        case .message(let problem): problem.description
        case .tooManyDimensions(let count, let maximum): "\(count) dimensions, at most \(maximum) are read"
        case .negativeDimension(let extent): "negative dimension \(extent)"
        case .shapeOverflow(let shape): "shape \(shape) has too many elements"
        case .byteCountMismatch(let shape, let expected, let actual):
            "shape \(shape) needs \(expected) bytes, got \(actual)"
        case .elementCountMismatch(let shape, let expected, let actual):
            "shape \(shape) needs \(expected) elements, got \(actual)"
        case .unsupportedElementType(let type): "element type \(type) is not supported"
        case .externalData: "the data lies in another file; only models in one file are read"
        case .segmentedTensor: "segmented tensors are not supported"
        case .sparseTensor: "sparse tensors are not supported"
        case .missingField(let name): "field '\(name)' is missing"
        case .repeatedField(let name): "field '\(name)' is there twice"
        case .unknownAttributeType(let type): "unknown attribute type \(type)"
        case .duplicateName(let name): "the name '\(name)' is there twice"
        }
    }
}
