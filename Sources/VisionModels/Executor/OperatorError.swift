import Compute

/// Why a node of a graph cannot be run.
package enum OperatorError: Error, Equatable, CustomStringConvertible {
    case unsupportedOperator(domain: String, type: String)
    case unsupportedOpset(Int64)
    /// The operator is known, this attribute of it is not.
    case unsupportedAttribute(String)
    case unsupportedAttributeValue(name: String, value: String)
    case wrongAttributeType(name: String)
    case missingAttribute(String)
    case missingInput(Int)
    case tooManyInputs(Int, maximum: Int)
    case tooManyOutputs(Int, maximum: Int)
    /// A shape, axis or bound that has to be known when the model is loaded.
    case inputNotConstant(Int)
    case unsupportedInputType(Int, String)
    case inputTypesDiffer(String, String)
    case wrongInputRank(Int, rank: Int, expected: String)
    case axisOutOfRange(Int, rank: Int)
    /// Sizes that contradict each other, in words.
    case shapeMismatch(String)
    case valueTooLarge([Int])
    case outOfMemory(byteCount: Int)

    package var description: String {
        switch self {
        case .unsupportedOperator(let domain, let type):
            "operator \(domain.isEmpty ? "" : domain + ".")\(type) is not supported"
        case .unsupportedOpset(let version): "operator set version \(version) is not supported"
        case .unsupportedAttribute(let name): "attribute '\(name)' is not supported"
        case .unsupportedAttributeValue(let name, let value): "attribute '\(name)' = \(value) is not supported"
        case .wrongAttributeType(let name): "attribute '\(name)' is of another type than its declaration"
        case .missingAttribute(let name): "attribute '\(name)' is missing"
        case .missingInput(let index): "input \(index) is missing"
        case .tooManyInputs(let count, let maximum): "\(count) inputs, at most \(maximum) are known"
        case .tooManyOutputs(let count, let maximum): "\(count) outputs, at most \(maximum) are supported"
        case .inputNotConstant(let index): "input \(index) has to be known when the model is loaded"
        case .unsupportedInputType(let index, let type): "input \(index) of type \(type) is not supported"
        case .inputTypesDiffer(let first, let second): "inputs of types \(first) and \(second)"
        case .wrongInputRank(let index, let rank, let expected):
            "input \(index) has \(rank) dimensions, expected \(expected)"
        case .axisOutOfRange(let axis, let rank): "axis \(axis) of \(rank) dimensions"
        case .shapeMismatch(let reason): reason
        case .valueTooLarge(let shape): "a value of shape \(shape) is too large"
        case .outOfMemory(let byteCount): "no memory for \(byteCount) bytes"
        }
    }
}

/// Why a graph cannot be run, and at which node.
package struct ONNXGraphError: Error, Equatable, CustomStringConvertible {
    /// What is wrong; `.node` for one node, the others for the graph as a whole.
    package enum Problem: Equatable {
        /// `node` is the name, or the first output where the file gives none.
        case node(String, operatorType: String, OperatorError)
        /// The nodes named wait for each other.
        case cycle([String])
        case undefinedValue(String, neededBy: String)
        case valueDefinedTwice(String)
        case inputNotTensor(String)
        /// A dimension other than the first that is neither fixed in the file nor given.
        case dimensionNotFixed(input: String, axis: Int)
        case inputShapeMismatch(input: String, declared: String, given: [Int])
        case noInputs
        case noOutputs
        case tooManyNodes(Int, maximum: Int)
        case tooMuchMemory(byteCount: Int, maximum: Int)
    }

    /// The model's file, as the caller named it.
    package let file: String
    package let problem: Problem

    package var description: String {
        switch problem {
        case .node(let name, let type, let error): "\(file): node '\(name)' (\(type)): \(error)"
        case .cycle(let names): "\(file): nodes wait for each other: \(names.prefix(5).joined(separator: ", "))"
        case .undefinedValue(let name, let reader): "\(file): '\(reader)' reads '\(name)', which nothing defines"
        case .valueDefinedTwice(let name): "\(file): value '\(name)' is defined twice"
        case .inputNotTensor(let name): "\(file): input '\(name)' has no tensor type and shape that is supported"
        case .dimensionNotFixed(let input, let axis):
            "\(file): dimension \(axis) of input '\(input)' is not fixed; say its size in the model's configuration"
        case .inputShapeMismatch(let input, let declared, let given):
            "\(file): input '\(input)' is declared as \(declared), which \(given) does not fit"
        case .noInputs: "\(file): the graph has no inputs"
        case .noOutputs: "\(file): the graph has no outputs"
        case .tooManyNodes(let count, let maximum): "\(file): \(count) nodes, at most \(maximum) are taken"
        case .tooMuchMemory(let byteCount, let maximum):
            "\(file): the graph needs \(byteCount) bytes for its values, at most \(maximum) are given"
        }
    }
}
