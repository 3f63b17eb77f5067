package import Compute
package import ModelFiles
package import Models
import Vocabulary

/// Runs an ONNX graph sample by sample.
///
/// A graph whose inputs all have a free or single first dimension is compiled for one sample. Samples never meet, so an
/// answer has the same bits in any batch and on any number of threads; what is shared are the weights and the threads:
/// several samples run side by side, one alone has its operators split.
///
/// - Isolation: one thread at a time (the engine's); `inputs` and `outputs` from any thread.
package final class ONNXExecutor {
    /// What the graph takes and gives, per sample; the first extent is 1 when `takesSamples`.
    package let inputs: [TensorDescription]
    package let outputs: [TensorDescription]
    /// Whether the first dimension of every input and output counts samples.
    package let takesSamples: Bool

    private let graph: CompiledGraph
    private let plan: MemoryPlan
    /// For each value, its place in `plan`; nil for constants and aliases.
    private let places: [Int?]
    private let scratchFloatCount: Int
    /// What each thread needs to run samples of its own; made for the last gang that came.
    private var lanes: [ExecutionLane] = []

    /// Compiles the graph of `model`.
    ///
    /// - Parameters:
    ///   - model: the file.
    ///   - inputShapes: extents for inputs whose shape is not fixed in the file; a first one that is free and not given
    ///     here counts samples and becomes 1.
    ///   - constants: inputs that are given once and for all.
    ///   - byteCountMax: memory for the values of one sample.
    /// - Throws: `ONNXGraphError` naming the node and operator, or the input, that cannot be run.
    package init(
        _ model: ONNXModel, inputShapes: [String: [Int]] = [:], constants: [String: Tensor] = [:],
        byteCountMax: Int = 2 << 30
    ) throws(ONNXGraphError) {
        func failure(_ problem: ONNXGraphError.Problem) -> ONNXGraphError {
            ONNXGraphError(file: model.fileName, problem: problem)
        }
        let declared = model.graph.inputs.filter {
            model.graph.initializers[$0.name] == nil && constants[$0.name] == nil
        }
        guard !declared.isEmpty || !constants.isEmpty else { throw failure(.noInputs) }
        guard !model.graph.outputs.isEmpty else { throw failure(.noOutputs) }
        var inputTypes: [(name: String, type: ValueType)] = []
        for input in declared {
            inputTypes.append((input.name, try Self.type(of: input, given: inputShapes[input.name], failure)))
        }
        graph = try GraphCompiler.compile(
            model, inputTypes: inputTypes, constants: constants, byteCountMax: byteCountMax)
        (plan, places) = graph.planMemory()
        guard plan.byteCount <= byteCountMax else {
            throw failure(.tooMuchMemory(byteCount: plan.byteCount, maximum: byteCountMax))
        }
        scratchFloatCount = graph.steps.map(\.operation.scratchFloatCount).max() ?? 0
        let values = graph.values
        func descriptions(_ indices: [Int], _ names: [String]) -> [TensorDescription] {
            zip(indices, names).map { TensorDescription($1, values[$0].type.dataType, shape: values[$0].type.shape) }
        }
        inputs = descriptions(graph.inputs, inputTypes.map(\.name))
        outputs = descriptions(graph.outputs, model.graph.outputs.map(\.name))
        takesSamples = !inputs.isEmpty && (inputs + outputs).allSatisfy { $0.shape.first == 1 }
    }

    private static func type(
        of input: ONNXValue, given: [Int]?, _ failure: (ONNXGraphError.Problem) -> ONNXGraphError
    ) throws(ONNXGraphError) -> ValueType {
        guard let elementType = input.elementType, let declared = input.shape ?? given?.map({ .fixed($0) }) else {
            throw failure(.inputNotTensor(input.name))
        }
        if let given {
            let fits =
                given.count == declared.count
                && zip(declared, given).allSatisfy { $0 == .fixed($1) || ($1 >= 0 && !$0.isFixed) }
            guard fits else {
                throw failure(
                    .inputShapeMismatch(input: input.name, declared: declared.map(\.text).description, given: given))
            }
        }
        var shape: [Int] = []
        for (axis, dimension) in declared.enumerated() {
            switch dimension {
            case .fixed(let extent): shape.append(extent)
            case .symbolic:
                guard let extent = given?[axis] ?? (axis == 0 ? 1 : nil) else {
                    throw failure(.dimensionNotFixed(input: input.name, axis: axis))
                }
                shape.append(extent)
            }
        }
        do {
            return try ValueType(DataType(elementType), shape)
        } catch {
            throw failure(.node(input.name, operatorType: "input", error))
        }
    }

    /// Allocates what runs on `gang` need, so that the first run does not have to.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    package func prepare(for gang: ComputeGang) throws(ComputeError) {
        guard lanes.count != gang.threadCount || lanes[0].serialGang.kernels.tier != gang.kernels.tier else { return }
        lanes = []
        var lanes: [ExecutionLane] = []
        for _ in 0..<gang.threadCount {
            lanes.append(
                try ExecutionLane(
                    graph, plan: plan, places: places, scratchFloatCount: scratchFloatCount, kernels: gang.kernels))
        }
        self.lanes = lanes
    }

    /// Runs `sampleCount` samples.
    ///
    /// `fill` and `take` run on several threads at once, each sample on one.
    ///
    /// - Parameters:
    ///   - sampleCount: how often to run.
    ///   - gang: the threads.
    ///   - fill: writes the elements of every input of one sample, in the order of `inputs`; false leaves the sample
    ///     out.
    ///   - take: reads the elements of every output of one sample, in the order of `outputs`.
    /// - Throws: `ComputeError.outOfMemory`.
    package func run(
        sampleCount: Int, on gang: ComputeGang, fill: (Int, [UnsafeMutableRawBufferPointer]) -> Bool,
        take: (Int, [UnsafeRawBufferPointer]) -> Void
    ) throws(ComputeError) {
        try prepare(for: gang)
        let lanes = lanes
        if sampleCount == 1 {
            guard fill(0, lanes[0].inputs) else { return }
            lanes[0].run(RunContext(gang: gang, scratch: lanes.map(\.scratch)))
            take(0, lanes[0].outputs)
            return
        }
        gang.parallelFor(count: sampleCount) { (samples: Range<Int>, thread: Int) in
            let lane = lanes[thread]
            for sample in samples where fill(sample, lane.inputs) {
                lane.run(RunContext(gang: lane.serialGang, scratch: [lane.scratch]))
                take(sample, lane.outputs)
            }
        }
    }
}

extension ONNXValue.Dimension {
    fileprivate var isFixed: Bool {
        if case .fixed = self { return true }
        return false
    }

    /// As in a shape: the extent, or -1.
    fileprivate var text: Int {
        if case .fixed(let extent) = self { return extent }
        return -1
    }
}
