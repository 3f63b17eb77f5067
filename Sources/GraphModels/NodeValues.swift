import Compute

/// A row of numbers for each node, row-major, in memory that somebody else owns.
struct UnsafeNodeMatrix {
    /// `[nodeCount, columnCount]`.
    let base: UnsafePointer<Float>
    let columnCount: Int

    init(_ base: UnsafePointer<Float>, columnCount: Int) {
        self.base = base
        self.columnCount = columnCount
    }

    /// The row of `node`.
    @inline(__always)
    subscript(node: Int) -> UnsafePointer<Float> { base + node * columnCount }
}

/// The same, still to be written.
struct UnsafeMutableNodeMatrix {
    /// `[nodeCount, columnCount]`.
    let base: UnsafeMutablePointer<Float>
    let columnCount: Int

    /// Undefined values in `workspace`.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    init(nodeCount: Int, columnCount: Int, in workspace: Workspace) throws(ComputeError) {
        // Both are bounded where they come in (nodes by `Adjacency.nodeCountMax`), so that this cannot overflow.
        base = try workspace.floats(nodeCount * columnCount)
        self.columnCount = columnCount
    }

    /// The row of `node`.
    @inline(__always)
    subscript(node: Int) -> UnsafeMutablePointer<Float> { base + node * columnCount }

    /// What has been written.
    var values: UnsafeNodeMatrix { UnsafeNodeMatrix(base, columnCount: columnCount) }
}

/// The input of a layer: sparse features in front of the first one, dense rows everywhere else.
enum NodeValues {
    case dense(UnsafeNodeMatrix)
    case sparse(SparseRows)

    /// `y += row of node`.
    func add(rowOf node: Int, to y: UnsafeMutablePointer<Float>, kernels: Kernels) {
        switch self {
        case .dense(let matrix): kernels.add(size: matrix.columnCount, matrix[node], to: y)
        case .sparse(let rows): rows.forEach(inRow: node) { column, value in y[column] += value }
        }
    }
}
