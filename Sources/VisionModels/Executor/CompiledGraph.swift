import Compute
import Vocabulary

/// A graph ready to run: steps in an order that respects their inputs, every type known, constants computed.
struct CompiledGraph {
    /// Where a value's elements come from.
    enum Source {
        case constant(Bytes)
        /// Given by the caller of a run.
        case input
        case computed
        /// The memory of another value under a new shape.
        case alias(of: Int)
    }

    struct Value {
        let name: String
        let type: ValueType
        var source: Source
    }

    /// One operator and the values it reads and writes, as indices of `values`.
    struct Step {
        let name: String
        var operation: any Operator
        var inputs: [Int?]
        var outputs: [Int]
    }

    var values: [Value]
    var steps: [Step]
    /// What the caller of a run gives, in the file's order.
    let inputs: [Int]
    /// What a run gives, in the file's order.
    let outputs: [Int]

    /// The value whose memory holds `value`: itself unless it is an alias.
    func root(of value: Int) -> Int {
        var value = value
        while case .alias(let other) = values[value].source { value = other }
        return value
    }

    /// The elements of a value that depends on no input.
    func constant(_ value: Int) -> Bytes? {
        guard case .constant(let bytes) = values[root(of: value)].source else { return nil }
        return bytes
    }

    /// How many steps read each value, with one more for each graph output; aliases count for their roots.
    func readerCounts() -> [Int] {
        var counts = [Int](repeating: 0, count: values.count)
        for step in steps {
            for input in step.inputs { if let input { counts[root(of: input)] += 1 } }
        }
        for output in outputs { counts[root(of: output)] += 1 }
        return counts
    }

    /// Drops the steps that no output depends on.
    mutating func removeUnusedSteps() {
        var needed = Set(outputs.map { root(of: $0) })
        var kept: [Step] = []
        for step in steps.reversed() where step.outputs.contains(where: { needed.contains($0) }) {
            for input in step.inputs { if let input { needed.insert(root(of: input)) } }
            kept.append(step)
        }
        steps = kept.reversed()
    }

    /// Lays out the memory of inputs and computed values.
    ///
    /// - Returns: the plan, and for each value its place in the plan (nil: it has none of its own).
    func planMemory() -> (plan: MemoryPlan, places: [Int?]) {
        var first = [Int?](repeating: nil, count: values.count)
        var last = [Int](repeating: -1, count: values.count)
        for input in inputs { first[input] = -1 }
        for (index, step) in steps.enumerated() {
            for output in step.outputs { (first[output], last[output]) = (index, index) }
            for input in step.inputs { if let input { last[root(of: input)] = index } }
        }
        for output in outputs { last[root(of: output)] = steps.count }
        var places = [Int?](repeating: nil, count: values.count)
        var requests: [MemoryPlan.Request] = []
        for (value, firstStep) in first.enumerated() {
            guard let firstStep else { continue }
            places[value] = requests.count
            requests.append(
                .init(byteCount: values[value].type.byteCount, firstStep: firstStep, lastStep: last[value]))
        }
        return (MemoryPlan(requests), places)
    }
}
