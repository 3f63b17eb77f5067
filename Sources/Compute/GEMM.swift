import COpenBLAS

/// Dense products through OpenBLAS, for operands that are used once.
///
/// Weights that are used again belong in a `PackedMatrix`: OpenBLAS packs both operands anew in each call, and its bits
/// may change with the number of rows. OpenBLAS runs on the calling thread only; the threads are ours.
package enum GEMM {
    /// Whether an operand is used as it lies in memory or transposed.
    package enum Transposition: Sendable {
        case none, transposed

        var cblas: CBLAS_TRANSPOSE { self == .none ? CblasNoTrans : CblasTrans }
    }

    /// `C = alpha · op(A) · op(B) + beta · C`, all row-major.
    ///
    /// - Parameters:
    ///   - rowCount: rows of op(A) and C (M).
    ///   - columnCount: columns of op(B) and C (N).
    ///   - depth: columns of op(A), rows of op(B) (K).
    ///   - alpha: factor of the product.
    ///   - a: `[rowCount, depth]`, or `[depth, rowCount]` if transposed, row-major.
    ///   - aStride: floats from a row of `a` to the next; nil for dense.
    ///   - aTransposition: what op does to A.
    ///   - b: `[depth, columnCount]`, or `[columnCount, depth]` if transposed, row-major.
    ///   - bStride: floats from a row of `b` to the next; nil for dense.
    ///   - bTransposition: what op does to B.
    ///   - beta: factor of the old C; with 0 it is not read.
    ///   - c: `[rowCount, columnCount]`, overlaps neither.
    ///   - cStride: floats from a row of `c` to the next; nil for dense.
    /// - Source: cblas_sgemm of the BLAS Technical Forum Standard, appendix B.
    package static func multiply(
        rowCount: Int, columnCount: Int, depth: Int, alpha: Float = 1,
        _ a: UnsafePointer<Float>, aStride: Int? = nil, aTransposition: Transposition = .none,
        _ b: UnsafePointer<Float>, bStride: Int? = nil, bTransposition: Transposition = .none,
        beta: Float = 0, into c: UnsafeMutablePointer<Float>, cStride: Int? = nil
    ) {
        precondition(rowCount >= 0 && columnCount >= 0 && depth >= 0, "sizes \(rowCount), \(columnCount), \(depth)")
        OpenBLAS.prepare()
        // cblas wants strides of at least 1 and takes 32-bit sizes.
        let aRow = aStride ?? (aTransposition == .none ? depth : rowCount)
        let bRow = bStride ?? (bTransposition == .none ? columnCount : depth)
        let cRow = cStride ?? columnCount
        cblas_sgemm(
            CblasRowMajor, aTransposition.cblas, bTransposition.cblas, blasint(rowCount), blasint(columnCount),
            blasint(depth), alpha, a, blasint(max(aRow, 1)), b, blasint(max(bRow, 1)), beta, c, blasint(max(cRow, 1)))
    }
}
