import Compute
import Vocabulary

/// One thread's memory for the values of one sample, and the steps with their places in it.
final class ExecutionLane {
    /// A gang of one, for runs inside a job that is split by samples.
    let serialGang: ComputeGang
    let scratch: UnsafeMutablePointer<Float>
    /// Where the elements of each graph input belong.
    let inputs: [UnsafeMutableRawBufferPointer]
    /// Where the elements of each graph output are after a run.
    let outputs: [UnsafeRawBufferPointer]

    private struct BoundStep {
        let operation: any Operator
        let inputs: [UnsafeTensorView?]
        let outputs: [UnsafeMutableTensorView]
    }

    private let steps: [BoundStep]
    private let memory: FloatStorage
    private let scratchMemory: FloatStorage
    /// Keeps the constants alive that steps point into.
    private let constants: [ValueBlock]

    init(
        _ graph: CompiledGraph, plan: MemoryPlan, places: [Int?], scratchFloatCount: Int, kernels: Kernels
    ) throws(ComputeError) {
        let memory = try FloatStorage(zeros: (plan.byteCount + 3) / 4)
        let scratchMemory = try FloatStorage(zeros: scratchFloatCount)
        let addresses = Addresses(graph, plan: plan, places: places, memory: UnsafeMutableRawPointer(memory.base))
        steps = graph.steps.map { step in
            BoundStep(
                operation: step.operation,
                inputs: step.inputs.map { input in
                    input.map { UnsafeTensorView(type: graph.values[$0].type, base: addresses.readable($0)) }
                },
                outputs: step.outputs.map {
                    UnsafeMutableTensorView(type: graph.values[$0].type, base: addresses.writable($0))
                })
        }
        inputs = graph.inputs.map {
            UnsafeMutableRawBufferPointer(start: addresses.writable($0), count: graph.values[$0].type.byteCount)
        }
        outputs = graph.outputs.map {
            UnsafeRawBufferPointer(start: addresses.readable($0), count: graph.values[$0].type.byteCount)
        }
        self.memory = memory
        self.scratchMemory = scratchMemory
        scratch = scratchMemory.base
        constants = addresses.copies
        serialGang = ComputeGang(threadCount: 1, kernels: kernels)
    }

    /// Computes all values from the inputs.
    func run(_ context: RunContext) {
        for step in steps { step.operation.run(step.inputs, step.outputs, context) }
    }

    /// Where each value lies.
    private final class Addresses {
        private let graph: CompiledGraph
        private let plan: MemoryPlan
        private let places: [Int?]
        private let memory: UnsafeMutableRawPointer
        /// Constants without an address of their own: empty ones.
        private(set) var copies: [ValueBlock] = []

        init(_ graph: CompiledGraph, plan: MemoryPlan, places: [Int?], memory: UnsafeMutableRawPointer) {
            self.graph = graph
            self.plan = plan
            self.places = places
            self.memory = memory
        }

        func writable(_ value: Int) -> UnsafeMutableRawPointer {
            guard let place = places[value] else { preconditionFailure("value \(value) has no memory of its own") }
            return memory + plan.offsets[place]
        }

        func readable(_ value: Int) -> UnsafeRawPointer {
            let root = graph.root(of: value)
            guard case .constant(let data) = graph.values[root].source else { return UnsafeRawPointer(writable(root)) }
            // The graph holds the bytes at this address for as long as any lane lives.
            if let address = data.withUnsafeBytes({ $0.baseAddress }) { return address }
            let block = ValueBlock(byteCount: 0)
            copies.append(block)
            return UnsafeRawPointer(block.base)
        }
    }
}
