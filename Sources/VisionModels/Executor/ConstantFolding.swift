import Compute
import Vocabulary

/// An operator whose one output is known when it is made (`Constant`, `Shape`), whatever its inputs.
protocol ConstantOperator: Operator {
    /// The elements of the output.
    var constant: Bytes { get }
}

extension ConstantOperator {
    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        preconditionFailure("a constant is never a step")
    }
}

/// Computes a node at load time.
enum ConstantFolding {
    /// Runs `operation` on this thread.
    ///
    /// - Precondition: every input there is has a constant.
    static func run(_ operation: any Operator, inputs: [KnownValue?]) throws(OperatorError) -> [Bytes] {
        let scratch: FloatStorage
        do {
            scratch = try FloatStorage(zeros: operation.scratchFloatCount)
        } catch {
            throw .outOfMemory(byteCount: operation.scratchFloatCount * 4)
        }
        // Copies, so that they are aligned like any other value and have an address even when empty.
        let blocks = inputs.map { input in input.map { ValueBlock(copying: $0.constant ?? Bytes()) } }
        let views = zip(inputs, blocks).map { input, block in
            input.flatMap { input in block.map { UnsafeTensorView(type: input.type, base: UnsafeRawPointer($0.base)) } }
        }
        let results = operation.outputTypes.map { ValueBlock(byteCount: $0.byteCount) }
        let outputs = zip(operation.outputTypes, results).map { UnsafeMutableTensorView(type: $0, base: $1.base) }
        operation.run(views, outputs, RunContext(gang: ComputeGang(threadCount: 1), scratch: [scratch.base]))
        return withExtendedLifetime((blocks, scratch)) {
            zip(operation.outputTypes, results).map { type, block in
                Bytes(borrowing: UnsafeRawBufferPointer(start: block.base, count: type.byteCount), owner: block)
            }
        }
    }
}

/// Aligned memory for one value, freed with its last reference.
final class ValueBlock {
    let base: UnsafeMutableRawPointer

    init(byteCount: Int) {
        base = .allocate(byteCount: max(byteCount, 1), alignment: MemoryPlan.alignment)
    }

    convenience init(copying data: Bytes) {
        self.init(byteCount: data.count)
        data.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            base.copyMemory(from: from, byteCount: source.count)
        }
    }

    deinit { base.deallocate() }
}
