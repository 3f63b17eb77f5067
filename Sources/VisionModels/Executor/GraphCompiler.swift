import Compute
import ModelFiles
import Vocabulary

/// Turns the graph of a file into a `CompiledGraph` for given input shapes.
///
/// Every type and shape is settled here, so that a run decides nothing: nodes that depend on constants and shapes only
/// are computed now, whatever the file's author left in it of them.
struct GraphCompiler {
    /// Nodes of one graph.
    static let nodeCountMax = 20_000

    private let model: ONNXModel
    private let opset: Int
    private let byteCountMax: Int
    private var values: [CompiledGraph.Value] = []
    private var steps: [CompiledGraph.Step] = []
    private var valueIndices: [String: Int] = [:]
    private var foldedByteCount = 0

    /// Compiles the graph.
    ///
    /// - Parameters:
    ///   - model: the file.
    ///   - inputTypes: the type of each input that is not in `constants`, in the file's order.
    ///   - constants: inputs whose elements are given here once and for all.
    ///   - byteCountMax: memory for the results of constant nodes.
    /// - Returns: a graph without steps that no output needs.
    /// - Throws: an error that names the node, or what else is wrong.
    static func compile(
        _ model: ONNXModel, inputTypes: [(name: String, type: ValueType)], constants: [String: Tensor],
        byteCountMax: Int
    ) throws(ONNXGraphError) -> CompiledGraph {
        var compiler = GraphCompiler(model: model, byteCountMax: byteCountMax)
        return try compiler.compile(inputTypes: inputTypes, constants: constants)
    }

    private init(model: ONNXModel, byteCountMax: Int) {
        self.model = model
        self.opset = Int(model.opsetVersions[""] ?? 0)
        self.byteCountMax = byteCountMax
    }

    private mutating func compile(
        inputTypes: [(name: String, type: ValueType)], constants: [String: Tensor]
    ) throws(ONNXGraphError) -> CompiledGraph {
        for (name, tensor) in constants.sorted(by: { $0.key < $1.key }) {
            let type = try atNode(name, "input") { () throws(OperatorError) in
                try ValueType(tensor.dataType, tensor.shape)
            }
            try define(name, type, .constant(aligned(tensor.data)))
        }
        for tensor in model.graph.initializers.values.sorted(by: { $0.name < $1.name }) {
            let type = try atNode(tensor.name, "initializer") { () throws(OperatorError) in
                try ValueType(DataType(tensor.elementType), tensor.shape)
            }
            try define(tensor.name, type, .constant(aligned(tensor.data)))
        }
        var inputs: [Int] = []
        for (name, type) in inputTypes { inputs.append(try define(name, type, .input)) }
        for node in try NodeOrder.sorted(model.graph, defined: Set(valueIndices.keys), file: model.fileName) {
            try add(node)
        }
        var outputs: [Int] = []
        for output in model.graph.outputs {
            guard let index = valueIndices[output.name] else {
                throw failure(.undefinedValue(output.name, neededBy: "the graph's output"))
            }
            outputs.append(index)
        }
        var graph = CompiledGraph(values: values, steps: steps, inputs: inputs, outputs: outputs)
        graph.removeUnusedSteps()
        graph.fuse()
        return graph
    }

    /// Makes the operator of `node`, and computes its results at once when they are constant.
    private mutating func add(_ node: ONNXNode) throws(ONNXGraphError) {
        let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
        var inputs: [Int?] = []
        for input in node.inputs { inputs.append(input.isEmpty ? nil : valueIndices[input]) }
        let known = inputs.map { index in
            index.map { KnownValue(type: values[$0].type, constant: constant($0)) }
        }
        let reader = NodeReader(node, opset: opset, inputs: known)
        let operation = try atNode(name, node.operatorType) { () throws(OperatorError) in
            let operation = try OperatorTable.makeOperator(reader)
            try reader.finish()
            return operation
        }
        // Outputs past those an operator gives were left out or are never to be used.
        let names = Array(node.outputs.prefix(operation.outputTypes.count))
        if let extra = node.outputs.dropFirst(names.count).first(where: { !$0.isEmpty }) {
            throw failure(.undefinedValue(extra, neededBy: "output \(names.count) of node '\(name)'"))
        }
        if let results = try constantResults(operation, inputs: inputs, known: known, name: name, node: node) {
            for (index, output) in names.enumerated() {
                try define(output, operation.outputTypes[index], .constant(results[index]))
            }
        } else if let aliased = operation.aliasedInput, let input = inputs[aliased] {
            if let output = names.first { try define(output, operation.outputTypes[0], .alias(of: input)) }
        } else {
            var outputs: [Int] = []
            for (index, type) in operation.outputTypes.enumerated() {
                outputs.append(try define(index < names.count ? names[index] : "", type, .computed))
            }
            steps.append(.init(name: name, operation: operation, inputs: inputs, outputs: outputs))
        }
    }

    /// The results of a node that depends on no input of the graph, nil for any other.
    private mutating func constantResults(
        _ operation: any Operator, inputs: [Int?], known: [KnownValue?], name: String, node: ONNXNode
    ) throws(ONNXGraphError) -> [Bytes]? {
        if let source = operation as? any ConstantOperator { return [source.constant] }
        guard known.allSatisfy({ $0 == nil || $0?.constant != nil }) else { return nil }
        if let aliased = operation.aliasedInput, let data = known[aliased]?.constant { return [data] }
        foldedByteCount += operation.outputTypes.reduce(operation.scratchFloatCount * 4) { $0 + $1.byteCount }
        guard foldedByteCount <= byteCountMax else {
            throw failure(.tooMuchMemory(byteCount: foldedByteCount, maximum: byteCountMax))
        }
        return try atNode(name, node.operatorType) { () throws(OperatorError) in
            try ConstantFolding.run(operation, inputs: known)
        }
    }

    private func constant(_ index: Int) -> Bytes? {
        var index = index
        while case .alias(let other) = values[index].source { index = other }
        guard case .constant(let data) = values[index].source else { return nil }
        return data
    }

    @discardableResult
    private mutating func define(
        _ name: String, _ type: ValueType, _ source: CompiledGraph.Source
    ) throws(ONNXGraphError) -> Int {
        let index = values.count
        if !name.isEmpty {
            guard valueIndices.updateValue(index, forKey: name) == nil else { throw failure(.valueDefinedTwice(name)) }
        }
        values.append(.init(name: name, type: type, source: source))
        return index
    }

    private func atNode<Result>(
        _ name: String, _ operatorType: String, _ body: () throws(OperatorError) -> Result
    ) throws(ONNXGraphError) -> Result {
        do {
            return try body()
        } catch {
            throw failure(.node(name, operatorType: operatorType, error))
        }
    }

    private func failure(_ problem: ONNXGraphError.Problem) -> ONNXGraphError {
        ONNXGraphError(file: model.fileName, problem: problem)
    }
}

/// The same bytes at an address that every kernel can read.
private func aligned(_ data: Bytes) -> Bytes {
    data.withUnsafeBytes { source in
        let address = Int(bitPattern: source.baseAddress)
        return address % MemoryPlan.alignment == 0 ? data : Bytes(copying: source)
    }
}
