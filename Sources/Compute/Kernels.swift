import CKernels

/// An instruction set that Apus has kernels for.
package enum KernelTier: Int, Sendable, CaseIterable, Comparable {
    /// Plain C, the specification of the others; the only tier on processors other than x86-64 and arm64.
    case reference = 0
    /// AVX2, FMA and F16C.
    case avx2 = 1
    /// AVX-512 F, BW, DQ and VL.
    case avx512 = 2
    /// Those, VNNI and BF16.
    case avx512BF16 = 3
    /// Advanced SIMD of ARMv8.0. Checked in an emulator; its speed has not been measured.
    case neon = 4
    /// That, and the dot product of bytes (FEAT_DotProd).
    case neonDotProduct = 5

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

    /// Whether this processor can run it.
    package var isSupported: Bool { apus_kernels_of_tier(Int32(rawValue)) != nil }
}

/// The kernels of one tier.
///
/// Every operation is described in the C file of its name in `CKernels`: formula, shapes, aliasing and accumulator. A
/// result has the same bits however many rows are computed together and on any number of threads; between tiers the
/// last bits may differ.
package struct Kernels: Sendable {
    // The table is a constant of the program.
    nonisolated(unsafe) private let table: UnsafePointer<apus_kernels>
    /// Which instruction set these are for.
    package let tier: KernelTier

    /// The kernels of the best tier that this processor can run.
    package static let best = KernelTier.allCases.reversed().lazy.compactMap { Kernels(tier: $0) }.first!

    /// The kernels of `tier`, nil when this processor cannot run them.
    package init?(tier: KernelTier) {
        guard let table = apus_kernels_of_tier(Int32(tier.rawValue)) else { return nil }
        self.table = table
        self.tier = tier
    }
}

/// What is applied to each element after a matrix product.
package enum Activation: Int32, Sendable {
    case none = 0
    /// max(v, 0)
    case relu = 1
    /// v / (1 + exp(-v))
    case silu = 2
    /// v / 2 · (1 + tanh(√(2/π) · (v + 0.044715 v³)))
    case geluTanh = 3
    /// v / 2 · (1 + erf(v / √2))
    case gelu = 4
}

extension Kernels {
    /// `y = x / rms(x) · weight` for each of `rows` rows of `size`; `y` may be `x`.
    package func rmsNorm(
        rows: Int, size: Int, x: UnsafePointer<Float>, xStride: Int, weight: UnsafePointer<Float>, epsilon: Float,
        y: UnsafeMutablePointer<Float>, yStride: Int
    ) {
        precondition(rows >= 0 && size >= 1, "rows \(rows), size \(size)")
        table.pointee.rms_norm(rows, size, x, xStride, weight, epsilon, y, yStride)
    }

    /// `y = (x - mean) / deviation · weight + bias` for each of `rows` rows of `size`.
    ///
    /// `bias` may be nil, `y` may be `x`.
    package func layerNorm(
        rows: Int, size: Int, x: UnsafePointer<Float>, xStride: Int, weight: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, epsilon: Float, y: UnsafeMutablePointer<Float>, yStride: Int
    ) {
        precondition(rows >= 0 && size >= 1, "rows \(rows), size \(size)")
        table.pointee.layer_norm(rows, size, x, xStride, weight, bias, epsilon, y, yStride)
    }

    /// `x = cap · tanh(x / cap)` of `size` elements, in place; `cap` is positive.
    package func softCap(size: Int, _ cap: Float, _ x: UnsafeMutablePointer<Float>) {
        precondition(size >= 0 && cap > 0, "size \(size), cap \(cap)")
        table.pointee.soft_cap(size, cap, x)
    }

    /// Softmax of `size` (at least 1) elements, in place.
    package func softmax(size: Int, _ x: UnsafeMutablePointer<Float>) {
        precondition(size >= 1, "size \(size)")
        table.pointee.softmax(size, x)
    }

    /// `y = silu(gate) · up`, element by element; `y` may be `gate` or `up`.
    package func siluMultiply(
        size: Int, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    ) {
        precondition(size >= 0, "size \(size)")
        table.pointee.silu_mul(size, gate, up, y)
    }

    /// `y = gelu(gate) · up`, element by element, with the gelu that uses tanh; `y` may be `gate` or `up`.
    package func geluTanhMultiply(
        size: Int, gate: UnsafePointer<Float>, up: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    ) {
        precondition(size >= 0, "size \(size)")
        table.pointee.gelu_tanh_mul(size, gate, up, y)
    }

    /// Rotary embedding of one head of even `headSize` in the half-split layout, in place; `cosines` and `sines` are
    /// `[headSize / 2]`.
    package func rope(
        headSize: Int, cosines: UnsafePointer<Float>, sines: UnsafePointer<Float>, _ x: UnsafeMutablePointer<Float>
    ) {
        precondition(headSize >= 0 && headSize % 2 == 0, "headSize \(headSize)")
        table.pointee.rope(headSize, cosines, sines, x)
    }

    /// The inner product of two vectors.
    package func dot(size: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float {
        precondition(size >= 0, "size \(size)")
        return table.pointee.dot(size, x, y)
    }

    /// `y += a · x`; the two do not overlap.
    package func addScaled(size: Int, _ a: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        precondition(size >= 0, "size \(size)")
        table.pointee.axpy(size, a, x, y)
    }

    /// `y += x`; the two do not overlap.
    package func add(size: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        precondition(size >= 0, "size \(size)")
        table.pointee.add(size, x, y)
    }

    /// `y = activation(y + bias)` for each of `rows` rows of `size`; `bias` is `[size]` or nil.
    package func applyBias(
        _ bias: UnsafePointer<Float>?, activation: Activation, rows: Int, size: Int, y: UnsafeMutablePointer<Float>,
        yStride: Int
    ) {
        precondition(rows >= 0 && size >= 0, "rows \(rows), size \(size)")
        table.pointee.bias_activation(rows, size, bias, activation.rawValue, y, yStride)
    }

    /// Half precision to single, exactly.
    package func convertFloat16(size: Int, _ x: UnsafePointer<UInt16>, to y: UnsafeMutablePointer<Float>) {
        precondition(size >= 0, "size \(size)")
        table.pointee.float16_to_float32(size, x, y)
    }

    /// Brain floating point to single, exactly.
    package func convertBFloat16(size: Int, _ x: UnsafePointer<UInt16>, to y: UnsafeMutablePointer<Float>) {
        precondition(size >= 0, "size \(size)")
        table.pointee.bfloat16_to_float32(size, x, y)
    }

    /// Columns `columns` of the product of `rows` activations and packed weights, on the calling thread.
    ///
    /// `packed` is `[ceil(N / 16)][depth][16]`, 64-byte aligned, with any values in the missing columns; `columns`
    /// starts at a multiple of 16 and ends at one or at N. `PackedMatrix` is the usual way to this.
    package func packedMultiply(
        rows: Int, depth: Int, x: UnsafePointer<Float>, xStride: Int, packed: UnsafePointer<Float>,
        columns: Range<Int>, y: UnsafeMutablePointer<Float>, yStride: Int
    ) {
        table.pointee.packed_gemm(
            rows, depth, x, xStride, packed, columns.lowerBound, columns.upperBound, y, yStride)
    }

    /// Packs `columnCount` columns of `depth` elements for `packedMultiply`, from `packed` on.
    ///
    /// Element k of column n lies at `n · columnStride + k · depthStride` of `weights`.
    func pack(
        columnCount: Int, depth: Int, _ weights: UnsafePointer<Float>, columnStride: Int, depthStride: Int,
        to packed: UnsafeMutablePointer<Float>
    ) {
        apus_pack_columns(columnCount, depth, weights, columnStride, depthStride, 0, packed)
    }

    /// Packs the weights of some outputs into a matrix of int4, which has the same bits by any tier.
    func packInt4(
        _ matrix: PackedMatrix, _ weights: UnsafePointer<Float>, outputStride: Int, inputStride: Int,
        outputs: Range<Int>
    ) {
        table.pointee.pack_int4(
            outputs.count, matrix.inputCount, matrix.groupSize, weights, outputStride, inputStride,
            outputs.lowerBound, matrix.outputCount, matrix.bytes(of: matrix.storage),
            matrix.halves(of: matrix.scaleStorage!), matrix.halves(of: matrix.minimumStorage!))
    }

    /// Rows of float32 to brain floating point, `depth` of each rounded up to whole groups.
    func roundToBFloat16(
        rows: Int, depth: Int, x: UnsafePointer<Float>, xStride: Int, rounded: UnsafeMutableRawPointer
    ) {
        table.pointee.round_rows(rows, depth, x, xStride, rounded.assumingMemoryBound(to: UInt16.self))
    }

    /// Rows of float32 to eight bits, with a scale and a sum for every group of `group`.
    func quantize(
        rows: Int, depth: Int, group: Int, x: UnsafePointer<Float>, xStride: Int, quantized: UnsafeMutableRawPointer,
        scales: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Int32>
    ) {
        table.pointee.quantize_rows(
            rows, depth, group, x, xStride, quantized.assumingMemoryBound(to: Int8.self), scales, sums)
    }

    /// A product with weights of fewer bits, on the calling thread.
    func multiply(_ job: apus_packed_product, _ format: WeightFormat) {
        withUnsafePointer(to: job) { job in
            switch format {
            case .float32: preconditionFailure("float32 weights have a product of their own")
            case .bfloat16: table.pointee.bf16_gemm(job)
            case .int8: table.pointee.int8_gemm(job)
            case .int4: table.pointee.int4_gemm(job)
            }
        }
    }

    /// Puts the keys and values of one token into its page; every tier gives the same bits.
    package func store(_ token: CacheToken) {
        token.withCStructure { table.pointee.cache_store($0) }
    }

    /// Attention of one token and the query heads of one key/value head over a paged cache.
    package func pagedAttention(_ job: PagedAttention) {
        job.withCStructure { table.pointee.paged_attention($0) }
    }

    /// Attention of neighbouring tokens of one sequence.
    package func pagedAttention(_ job: PagedAttentionRows) {
        job.withCStructure { table.pointee.paged_attention_rows($0) }
    }
}
