import Compute
import Testing

/// Goal: attention over scattered pages equals attention over plain arrays, and the page size does not change a bit.
@Suite struct PagedAttentionTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let headSize: Int
        let queryCount: Int
        let positionCount: Int
        var window = 0
        var softCap: Float = 0
        var format = CacheFormat.float32
        var begin: Int { window > 0 ? max(0, positionCount - window) : 0 }
        var testDescription: String {
            "head \(headSize), \(queryCount) queries, \(positionCount) positions, window \(window), cap \(softCap), "
                + format.rawValue
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
        Shape(headSize: 8, queryCount: 2, positionCount: 1), Shape(headSize: 8, queryCount: 1, positionCount: 5),
        Shape(headSize: 16, queryCount: 3, positionCount: 16), Shape(headSize: 20, queryCount: 1, positionCount: 17),
        Shape(headSize: 64, queryCount: 4, positionCount: 100), Shape(headSize: 80, queryCount: 2, positionCount: 63),
        Shape(headSize: 128, queryCount: 1, positionCount: 130),
        // More queries than are computed at once, and heads that fill no register.
        Shape(headSize: 64, queryCount: 8, positionCount: 70), Shape(headSize: 7, queryCount: 7, positionCount: 33),
        // A window that has moved on, and capped scores.
        Shape(headSize: 8, queryCount: 2, positionCount: 6, window: 1),
        Shape(headSize: 16, queryCount: 3, positionCount: 40, window: 39),
        Shape(headSize: 64, queryCount: 2, positionCount: 100, window: 63),
        Shape(headSize: 20, queryCount: 2, positionCount: 130, window: 66, softCap: 2),
        Shape(headSize: 80, queryCount: 1, positionCount: 50, window: 51, softCap: 0.5),
    ]

    @Test("every tier agrees with a double computation for pages of any size", arguments: supportedTiers, shapes)
    func agrees(tier: KernelTier, shape: Shape) throws {
        let kernels = try #require(Kernels(tier: tier))
        let expected = plain(shape)
        let results = [1, 3, 16, 32, 40].map { attend(shape, tokensPerPage: $0, kernels: kernels) }
        #expect(largestDifference(results[0], expected) < 5e-6)
        for result in results { #expect(bits(result) == bits(results[0])) }
    }

    private func inputs(_ shape: Shape) -> (queries: [Float], keys: [Float], values: [Float]) {
        var random = SeededFloats(seed: UInt64(shape.headSize * 1000 + shape.positionCount))
        return (
            random.array(shape.queryCount * shape.headSize).map { $0 * 4 },
            random.array(shape.positionCount * shape.headSize), random.array(shape.positionCount * shape.headSize)
        )
    }

    private func plain(_ shape: Shape) -> [Float] {
        let inputs = inputs(shape)
        let (queries, size) = (inputs.queries, shape.headSize)
        let (keys, values) = (held(inputs.keys, shape), held(inputs.values, shape))
        return (0..<shape.queryCount).flatMap { g -> [Float] in
            let scores = (shape.begin..<shape.positionCount).map { p in
                let score = (0..<size).reduce(0.0) {
                    $0 + Double(queries[g * size + $1]) * keys[p * size + $1]
                }
                return capped(score * 0.25, shape.softCap)
            }
            let exponentials = scores.map { exponential($0 - scores.max()!) }
            let sum = exponentials.reduce(0, +)
            return (0..<size).map { i in
                Float(
                    exponentials.indices.reduce(0.0) {
                        $0 + exponentials[$1] / sum * values[(shape.begin + $1) * size + i]
                    })
            }
        }
    }

    /// What pages of the shape's format hold of rows of numbers.
    private func held(_ rows: [Float], _ shape: Shape) -> [Double] {
        (0..<shape.positionCount).flatMap { position in
            TestPages.held(Array(rows[position * shape.headSize..<(position + 1) * shape.headSize]), shape.format)
        }
    }

    private func capped(_ score: Double, _ cap: Float) -> Double {
        guard cap > 0 else { return score }
        let e = exponential(2 * score / Double(cap))
        return Double(cap) * (e - 1) / (e + 1)
    }

    /// exp by its series with argument halving, to need no Foundation.
    private func exponential(_ x: Double) -> Double {
        var (sum, term) = (1.0, 1.0)
        for i in 1...20 {
            term *= x / 1024 / Double(i)
            sum += term
        }
        for _ in 0..<10 { sum *= sum }
        return sum
    }

    /// Lays keys and values out over pages in a shuffled order and attends.
    private func attend(_ shape: Shape, tokensPerPage: Int, kernels: Kernels) -> [Float] {
        let (queries, keys, values) = inputs(shape)
        let (size, pageCount) = (shape.headSize, (shape.positionCount + tokensPerPage - 1) / tokensPerPage)
        // Descending page ids, after one that nobody uses; unused slots hold no numbers, which must not leak in.
        let pageIDs = (0..<pageCount).map { Int32(pageCount - $0) }
        let pages = TestPages(
            shape.format, headSize: size, pageCount: pageCount + 1, tokensPerPage: tokensPerPage, gap: 20)
        for p in shape.begin..<shape.positionCount {
            let range = p * size..<(p + 1) * size
            pages.store(
                keys: Array(keys[range]), values: Array(values[range]), page: Int(pageIDs[p / tokensPerPage]),
                slot: p % tokensPerPage, kernels)
        }
        var scores = [Float](repeating: 0, count: shape.queryCount * (shape.positionCount + 3))
        var output = [Float](repeating: .nan, count: shape.queryCount * size)
        scores.withUnsafeMutableBufferPointer { scores in
            output.withUnsafeMutableBufferPointer { output in
                queries.withUnsafeBufferPointer { queries in
                    pageIDs.withUnsafeBufferPointer { pageIDs in
                        kernels.pagedAttention(
                            PagedAttention(
                                queries: queries.baseAddress!, queryStride: size, queryCount: shape.queryCount,
                                headSize: size, cache: pages.base, format: shape.format, pageStride: pages.pageStride,
                                pages: pageIDs.baseAddress!, tokensPerPage: tokensPerPage,
                                positionCount: shape.positionCount, window: shape.window, scale: 0.25,
                                softCap: shape.softCap, scores: scores.baseAddress!,
                                scoreStride: shape.positionCount + 3, output: output.baseAddress!, outputStride: size))
                    }
                }
            }
        }
        return output
    }
}
