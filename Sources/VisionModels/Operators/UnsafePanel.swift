/// The right operand of a product in the panel layout of packed_gemm.c: `[ceil(columnCount / 16)][depth][16]`.
enum UnsafePanel {
    static func floatCount(depth: Int, columnCount: Int) -> Int { (columnCount + 15) / 16 * 16 * depth }

    /// Packs a matrix whose element (k, n) lies at `k · depthStride + n · columnStride`.
    ///
    /// Lanes behind the last column keep what was there; the product does not write their results.
    static func pack(
        _ matrix: UnsafePointer<Float>, depth: Int, columnCount: Int, depthStride: Int, columnStride: Int,
        into panel: UnsafeMutablePointer<Float>
    ) {
        for block in 0..<(columnCount + 15) / 16 {
            let width = min(16, columnCount - block * 16)
            for k in 0..<depth {
                let source = matrix + k * depthStride + block * 16 * columnStride
                let target = panel + (block * depth + k) * 16
                for lane in 0..<width { target[lane] = source[lane * columnStride] }
            }
        }
    }
}
