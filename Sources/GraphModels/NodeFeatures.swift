import Compute

/// The features of the nodes of a graph, checked and normalised.
///
/// Bags of words are zeros for more than 98 % of their values (Cora: 1.3 % are not), so features that are mostly zeros
/// are kept as their other values only, and the first layer costs a fraction of the dense product.
package struct NodeFeatures: Sendable {
    package let nodeCount: Int
    package let featureCount: Int
    let storage: Storage

    enum Storage: Sendable {
        /// `[nodeCount, featureCount]`.
        case dense([Float])
        case sparse(SparseRows)
    }

    /// Features are kept sparse when at most one value in so many is not zero: below that, adding a row of weights for
    /// each value costs no more than the dense product, which keeps its sums in registers.
    private static let sparseRatio = 8

    /// Checks that every value is finite, and normalises.
    ///
    /// - Parameters:
    ///   - values: `[nodeCount, featureCount]`.
    ///   - nodeCount: 0 or more.
    ///   - featureCount: at least 1.
    ///   - normalization: done before anything is checked.
    /// - Throws: `GraphError.featureNotFinite`; also when a row cannot be divided by its sum.
    /// - Precondition: `values.count` is `nodeCount · featureCount`.
    package init(
        _ values: [Float], nodeCount: Int, featureCount: Int, normalization: FeatureNormalization
    ) throws(GraphError) {
        precondition(values.count == nodeCount * featureCount, "\(values.count) values of \(nodeCount) nodes")
        self.nodeCount = nodeCount
        self.featureCount = featureCount
        let values = try Self.checked(values, featureCount: featureCount, normalization: normalization)
        var nonzeroCount = 0
        for value in values where value != 0 { nonzeroCount += 1 }
        storage =
            nonzeroCount <= values.count / Self.sparseRatio
            ? .sparse(SparseRows(values, columnCount: featureCount, nonzeroCount: nonzeroCount)) : .dense(values)
    }

    /// Normalises rows, and checks that every value is finite then.
    ///
    /// - Parameters:
    ///   - values: `[rows, featureCount]`.
    ///   - featureCount: at least 1.
    ///   - normalization: done before anything is checked.
    /// - Returns: `[rows, featureCount]`.
    /// - Throws: `GraphError.featureNotFinite`, with the row as the node.
    static func checked(
        _ values: [Float], featureCount: Int, normalization: FeatureNormalization
    ) throws(GraphError) -> [Float] {
        var values = values
        if normalization == .rowSum { divideByRowSums(&values, featureCount: featureCount) }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw .featureNotFinite(node: index / featureCount, feature: index % featureCount)
        }
        return values
    }

    private static func divideByRowSums(_ values: inout [Float], featureCount: Int) {
        var begin = 0
        while begin < values.count {
            let row = begin..<begin + featureCount
            let sum = values[row].reduce(0, +)
            if sum != 0 { for index in row { values[index] /= sum } }
            begin = row.upperBound
        }
    }

    /// Values of a node that are not known to be zero, on average.
    var valuesPerNode: Double {
        switch storage {
        case .dense: Double(featureCount)
        case .sparse(let rows): Double(rows.valueCount) / Double(max(1, nodeCount))
        }
    }

    /// Gives the first layer its input; what `body` gets does not outlive it.
    func withValues<Result, Failure: Error>(_ body: (NodeValues) throws(Failure) -> Result) throws(Failure) -> Result {
        switch storage {
        case .sparse(let rows):
            return try body(.sparse(rows))
        case .dense(let values):
            return try values.withUnsafeBufferPointer { buffer throws(Failure) in
                // Zero nodes have no address, and nobody asks for a row of theirs.
                guard let base = buffer.baseAddress else { return try body(.sparse(SparseRows())) }
                return try body(.dense(UnsafeNodeMatrix(base, columnCount: featureCount)))
            }
        }
    }

    /// The rows of `nodes`, in that order, those in `changes` instead of the graph's; dense ones in `workspace`.
    ///
    /// They are as sparse as the graph's, so that the bits of an answer do not depend on who else has changed what.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    func values(
        of nodes: [Int32], changes: NodeChanges.Rows = [:], workspace: Workspace
    ) throws(ComputeError) -> NodeValues {
        switch storage {
        case .sparse(let rows):
            return .sparse(SparseRows(nodes, of: rows, changes: changes))
        case .dense where nodes.isEmpty:
            return .sparse(SparseRows())
        case .dense(let values):
            let matrix = try UnsafeMutableNodeMatrix(
                nodeCount: nodes.count, columnCount: featureCount, in: workspace)
            values.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                for (row, node) in nodes.enumerated() {
                    if !changes.isEmpty, let values = changes[node] {
                        values.withUnsafeBufferPointer { changed in
                            guard let changed = changed.baseAddress else { return }
                            matrix[row].update(from: changed, count: featureCount)
                        }
                    } else {
                        matrix[row].update(from: base + Int(node) * featureCount, count: featureCount)
                    }
                }
            }
            return .dense(matrix.values)
        }
    }
}

/// A matrix of which only the values that are not zero are kept, row by row.
struct SparseRows: Sendable {
    /// `[rowCount + 1]`.
    private let starts: [Int]
    private let columns: [Int32]
    private let values: [Float]

    /// A matrix without rows.
    init() {
        starts = [0]
        columns = []
        values = []
    }

    init(_ dense: [Float], columnCount: Int, nonzeroCount: Int) {
        var starts = [0]
        var columns: [Int32] = []
        var values: [Float] = []
        columns.reserveCapacity(nonzeroCount)
        values.reserveCapacity(nonzeroCount)
        var begin = 0
        while begin < dense.count {
            for column in 0..<columnCount where dense[begin + column] != 0 {
                columns.append(Int32(column))
                values.append(dense[begin + column])
            }
            starts.append(values.count)
            begin += columnCount
        }
        self.starts = starts
        self.columns = columns
        self.values = values
    }

    /// The rows of `nodes`, in that order, those in `changes` instead of the others.
    init(_ nodes: [Int32], of whole: SparseRows, changes: NodeChanges.Rows) {
        var starts = [0]
        var columns: [Int32] = []
        var values: [Float] = []
        starts.reserveCapacity(nodes.count + 1)
        for node in nodes {
            if !changes.isEmpty, let row = changes[node] {
                for (column, value) in row.enumerated() where value != 0 {
                    columns.append(Int32(column))
                    values.append(value)
                }
                starts.append(values.count)
                continue
            }
            let range = whole.starts[Int(node)]..<whole.starts[Int(node) + 1]
            columns += whole.columns[range]
            values += whole.values[range]
            starts.append(values.count)
        }
        self.starts = starts
        self.columns = columns
        self.values = values
    }

    /// Values that are kept.
    var valueCount: Int { values.count }

    /// Calls `body` with the column and the value of each element of `row` that is not zero, in order.
    @inline(__always)
    func forEach(inRow row: Int, _ body: (Int, Float) -> Void) {
        for position in starts[row]..<starts[row + 1] { body(Int(columns[position]), values[position]) }
    }
}
