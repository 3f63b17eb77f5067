import Compute
import ModelFiles

/// A node made ready to run: attributes read, shapes known, constant operands prepared.
///
/// An operator never changes after it is made and holds no memory for results, so several threads may run it at once on
/// different views.
protocol Operator {
    /// The values it gives, in the order of the node's outputs; fewer where the last ones are never used.
    var outputTypes: [ValueType] { get }

    /// Floats of scratch memory that each thread needs.
    var scratchFloatCount: Int { get }

    /// The input whose memory holds the first output as it is (a new shape for the same elements), nil for an operator
    /// that computes. Such an operator is not run.
    var aliasedInput: Int? { get }

    /// Computes the outputs.
    ///
    /// The bits must depend on the inputs only, not on `context`.
    ///
    /// - Parameters:
    ///   - inputs: one for each input of the node, nil where it is left out.
    ///   - outputs: one for each of `outputTypes`.
    ///   - context: the threads and their scratch memory.
    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext)
}

extension Operator {
    var scratchFloatCount: Int { 0 }
    var aliasedInput: Int? { nil }
}

/// Who computes a run and where it may scribble.
struct RunContext {
    /// The threads to share the work with; a gang of one inside a job that is shared by samples.
    let gang: ComputeGang
    /// Scratch memory, one piece for each thread of `gang`, 64-byte aligned.
    let scratch: [UnsafeMutablePointer<Float>]

    /// Elements of simple arithmetic worth a thread of their own.
    private static let elementsPerThreadMin = 1 << 15

    /// Splits `0 ..< count` over the threads when there is enough to do; an item costs `elementsPerItem` simple
    /// operations.
    func parallelFor(count: Int, elementsPerItem: Int = 1, _ body: (Range<Int>) -> Void) {
        let minimum = max(1, Self.elementsPerThreadMin / max(1, elementsPerItem))
        gang.parallelFor(count: count, minimumPerThread: minimum, body)
    }

    /// The same, and each call of `body` gets the scratch memory of its thread.
    func parallelFor(
        count: Int, elementsPerItem: Int, withScratch body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let minimum = max(1, Self.elementsPerThreadMin / max(1, elementsPerItem))
        gang.parallelFor(count: count, minimumPerThread: minimum) { range, thread in body(range, scratch[thread]) }
    }
}
