import ModelFiles

/// The order in which nodes can be computed.
enum NodeOrder {
    /// Sorts the nodes so that each comes after those it reads.
    ///
    /// Why: the standard asks for sorted files, and not every tool obeys.
    /// `defined` are the values that are there before any node: inputs and initializers.
    static func sorted(
        _ graph: ONNXGraph, defined: Set<String>, file: String
    ) throws(ONNXGraphError) -> [ONNXNode] {
        func failure(_ problem: ONNXGraphError.Problem) -> ONNXGraphError {
            ONNXGraphError(file: file, problem: problem)
        }
        let nodes = graph.nodes
        guard nodes.count <= GraphCompiler.nodeCountMax else {
            throw failure(.tooManyNodes(nodes.count, maximum: GraphCompiler.nodeCountMax))
        }
        let producers = Dictionary(
            nodes.enumerated().flatMap { index, node in node.outputs.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        var waitingFor = [Int](repeating: 0, count: nodes.count)
        var readers = [[Int]](repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            for input in node.inputs where !input.isEmpty && !defined.contains(input) {
                guard let producer = producers[input] else {
                    throw failure(.undefinedValue(input, neededBy: label(node)))
                }
                waitingFor[index] += 1
                readers[producer].append(index)
            }
        }
        var order = nodes.indices.filter { waitingFor[$0] == 0 }
        var next = 0
        while next < order.count {
            for reader in readers[order[next]] {
                waitingFor[reader] -= 1
                if waitingFor[reader] == 0 { order.append(reader) }
            }
            next += 1
        }
        guard order.count == nodes.count else {
            throw failure(.cycle(nodes.indices.filter { waitingFor[$0] > 0 }.map { label(nodes[$0]) }))
        }
        return order.map { nodes[$0] }
    }

    private static func label(_ node: ONNXNode) -> String {
        node.name.isEmpty ? node.outputs.first ?? node.operatorType : node.name
    }
}
