import Compute
import Testing

/// Goal: many tokens at once give the same bits as one after the other.
@Suite("Attention of neighbouring tokens")
struct PagedAttentionRowsTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let headSize: Int
        let headCount: Int
        let firstPositionCount: Int
        let rowCount: Int
        let tokensPerPage: Int
        var window = 0
        var softCap: Float = 0
        var format = CacheFormat.float32
        var testDescription: String {
            "\(headCount)×\(headSize), \(rowCount) rows from \(firstPositionCount), pages of \(tokensPerPage), "
                + "window \(window), cap \(softCap), \(format.rawValue)"
        }
    }

    static let shapes = CacheFormat.allCases.flatMap { format in
        float32Shapes.map { shape in
            var other = shape
            other.format = format
            return other
        }
    }

    private static let float32Shapes = [
        Shape(headSize: 8, headCount: 1, firstPositionCount: 1, rowCount: 1, tokensPerPage: 16),
        Shape(headSize: 64, headCount: 8, firstPositionCount: 1, rowCount: 40, tokensPerPage: 16),
        Shape(headSize: 64, headCount: 4, firstPositionCount: 70, rowCount: 33, tokensPerPage: 32),
        Shape(headSize: 128, headCount: 1, firstPositionCount: 5, rowCount: 29, tokensPerPage: 7),
        Shape(headSize: 80, headCount: 3, firstPositionCount: 31, rowCount: 6, tokensPerPage: 1),
        Shape(headSize: 20, headCount: 2, firstPositionCount: 15, rowCount: 13, tokensPerPage: 40),
        // Windows longer and shorter than a tile's rows, and one that begins to move on within the rows.
        Shape(headSize: 64, headCount: 4, firstPositionCount: 70, rowCount: 33, tokensPerPage: 16, window: 50),
        Shape(headSize: 64, headCount: 1, firstPositionCount: 1, rowCount: 40, tokensPerPage: 7, window: 5),
        Shape(headSize: 128, headCount: 2, firstPositionCount: 3, rowCount: 40, tokensPerPage: 16, window: 1),
        Shape(
            headSize: 64, headCount: 3, firstPositionCount: 9, rowCount: 30, tokensPerPage: 5, window: 20, softCap: 3),
        Shape(headSize: 20, headCount: 2, firstPositionCount: 15, rowCount: 13, tokensPerPage: 40, softCap: 0.5),
    ]

    @Test("the bits are those of each token alone", arguments: supportedTiers, shapes)
    func sameBits(tier: KernelTier, shape: Shape) throws {
        let kernels = try #require(Kernels(tier: tier))
        let size = shape.headSize
        let positionCount = shape.firstPositionCount + shape.rowCount - 1
        let pageCount = (positionCount + shape.tokensPerPage - 1) / shape.tokensPerPage
        var random = SeededFloats(seed: UInt64(size * positionCount))
        // Slots behind the last position hold what is not a number, which must not leak in.
        let cache = TestPages(
            shape.format, headSize: size, pageCount: pageCount + 1, tokensPerPage: shape.tokensPerPage, gap: 12)
        let pages = (0..<pageCount).map { Int32(pageCount - $0) }
        for position in 0..<positionCount {
            cache.store(
                keys: random.array(size), values: random.array(size), page: Int(pages[position / shape.tokensPerPage]),
                slot: position % shape.tokensPerPage, kernels)
        }
        let rowSize = shape.headCount * size + 5
        let scene = Scene(
            shape: shape, rowSize: rowSize, cache: cache, pages: Memory(pages),
            queries: Memory(random.array(shape.rowCount * rowSize)),
            scores: Memory([Float](repeating: .nan, count: (shape.headCount + 12) * positionCount)))
        let alone = Memory([Float](repeating: .nan, count: shape.rowCount * rowSize))
        for row in 0..<shape.rowCount { kernels.pagedAttention(scene.job(row: row, output: alone.base)) }
        let together = Memory([Float](repeating: .nan, count: shape.rowCount * rowSize))
        let packed = Memory([Float](repeating: .nan, count: size * PagedAttentionRows.tileSize))
        kernels.pagedAttention(
            PagedAttentionRows(
                first: scene.job(row: 0, output: together.base), rowCount: shape.rowCount, queryRowStride: rowSize,
                outputRowStride: rowSize, packedQueries: packed.base))
        #expect(bits(together.array) == bits(alone.array))
        // The gap between rows is not written.
        let gap = together.array[(shape.headCount * size)..<rowSize]
        #expect(gap.filter(\.isNaN).count == 5)
    }

    /// Values that stay where they are.
    private final class Memory<Value> {
        let base: UnsafeMutablePointer<Value>
        private let count: Int

        init(_ values: [Value]) {
            count = values.count
            base = .allocate(capacity: count)
            base.initialize(from: values, count: count)
        }

        deinit { base.deallocate() }

        var array: [Value] { Array(UnsafeBufferPointer(start: base, count: count)) }
    }

    private struct Scene {
        let shape: Shape
        let rowSize: Int
        let cache: TestPages
        let pages: Memory<Int32>
        let queries: Memory<Float>
        let scores: Memory<Float>

        func job(row: Int, output: UnsafeMutablePointer<Float>) -> PagedAttention {
            PagedAttention(
                queries: queries.base + row * rowSize, queryStride: shape.headSize, queryCount: shape.headCount,
                headSize: shape.headSize, cache: cache.base, format: shape.format, pageStride: cache.pageStride,
                pages: pages.base,
                tokensPerPage: shape.tokensPerPage, positionCount: shape.firstPositionCount + row,
                window: shape.window, scale: 0.3, softCap: shape.softCap, scores: scores.base,
                scoreStride: shape.firstPositionCount + shape.rowCount - 1,
                output: output + row * rowSize, outputStride: shape.headSize)
        }
    }
}
