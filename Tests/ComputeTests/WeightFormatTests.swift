import Testing

@testable import Compute

/// Goal: products with weights of fewer bits are exactly what the formulas say, on every tier, in any batch.
@Suite("Weights of fewer bits")
struct WeightFormatTests {
    static let formats = WeightFormat.allCases.filter { $0 != .float32 }
    static let sizes: [(m: Int, k: Int, n: Int)] = [
        (1, 1, 1), (1, 7, 15), (2, 16, 16), (3, 130, 17), (5, 64, 33), (6, 100, 48), (7, 128, 129), (8, 65, 100),
        (9, 513, 47), (13, 1030, 20), (17, 384, 260), (64, 640, 70), (33, 27, 8), (4, 2500, 64),
    ]

    @Test("every tier agrees with the plain double sum of what is stored", arguments: formats, sizes)
    func agreesWithPlainSum(format: WeightFormat, size: (m: Int, k: Int, n: Int)) throws {
        var random = SeededFloats(seed: UInt64(size.m * 1_000_003 + size.k * 1009 + size.n))
        let x = random.array(size.m * size.k)
        let bias = random.array(size.n)
        let matrix = try Self.matrix(random.array(size.n * size.k), k: size.k, n: size.n, format)
        let rows = (0..<size.m).map { Self.rounded(Array(x[$0 * size.k..<($0 + 1) * size.k]), as: format) }
        let columns = (0..<size.n).map { Self.weights(of: $0, in: matrix) }
        var expected: [Float] = []
        for m in 0..<size.m {
            for n in 0..<size.n {
                var sum = Double(bias[n])
                for k in 0..<size.k { sum += rows[m][k] * Double(columns[n][k]) }
                expected.append(Float(max(0, sum)))
            }
        }
        for tier in supportedTiers {
            let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
            let result = Self.product(matrix, x, rowCount: size.m, bias: bias, activation: .relu, on: gang)
            #expect(largestDifference(result, expected) <= 4e-7 * Float(size.k).squareRoot() + 2e-6, "\(tier)")
        }
    }

    @Test("integers make every tier give the same bits", arguments: [WeightFormat.int8, .int4], sizes)
    func sameBitsOnEveryTier(format: WeightFormat, size: (m: Int, k: Int, n: Int)) throws {
        var random = SeededFloats(seed: UInt64(size.m * 7 + size.k * 11 + size.n))
        let x = random.array(size.m * size.k)
        let matrix = try Self.matrix(random.array(size.n * size.k), k: size.k, n: size.n, format)
        let reference = ComputeGang(threadCount: 1, kernels: try #require(Kernels(tier: .reference)))
        let expected = Self.product(matrix, x, rowCount: size.m, on: reference)
        for tier in supportedTiers {
            let gang = ComputeGang(threadCount: 1, kernels: try #require(Kernels(tier: tier)))
            #expect(bits(Self.product(matrix, x, rowCount: size.m, on: gang)) == bits(expected), "\(tier)")
        }
    }

    @Test("groups of 32 and 64 give what the formula says, and every tier the same bits", arguments: sizes)
    func smallGroups(size: (m: Int, k: Int, n: Int)) throws {
        for (format, groupSize) in [(WeightFormat.int8, 32), (.int8, 64), (.int4, 32)] {
            var random = SeededFloats(seed: UInt64(size.m * 5 + size.k * 13 + size.n))
            let (x, weights) = (random.array(size.m * size.k), random.array(size.n * size.k))
            let matrix = try PackedMatrix(
                inputCount: size.k, outputCount: size.n, format: format, groupSize: groupSize,
                on: ComputeGang(threadCount: 2),
                filling: { outputs, filler in
                    filler.pack(outputs) { rows in
                        for i in 0..<outputs.count * size.k { rows[i] = weights[outputs.lowerBound * size.k + i] }
                    }
                })
            let columns = (0..<size.n).map { Self.weights(of: $0, in: matrix) }
            var expected: [Float] = []
            for m in 0..<size.m {
                let row = Self.rounded(Array(x[m * size.k..<(m + 1) * size.k]), as: format, groupSize: groupSize)
                expected += columns.map { column in Float(zip(row, column).map { $0 * Double($1) }.reduce(0, +)) }
            }
            let reference = ComputeGang(threadCount: 1, kernels: try #require(Kernels(tier: .reference)))
            let right = Self.product(matrix, x, rowCount: size.m, on: reference)
            #expect(largestDifference(right, expected) <= 4e-7 * Float(size.k).squareRoot() + 2e-6)
            for tier in supportedTiers {
                let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
                #expect(bits(Self.product(matrix, x, rowCount: size.m, on: gang)) == bits(right), "\(tier)")
            }
        }
    }

    @Test("a row has the same bits alone and among 2 to 64 rows, on 1 to 4 threads", arguments: formats, supportedTiers)
    func batchInvariance(format: WeightFormat, tier: KernelTier) throws {
        let (k, n, rowCount) = (2700, 150, 64)
        var random = SeededFloats(seed: 7)
        let x = random.array(rowCount * k)
        let matrix = try Self.matrix(random.array(n * k), k: k, n: n, format)
        let kernels = try #require(Kernels(tier: tier))
        let single = ComputeGang(threadCount: 1, kernels: kernels)
        let alone = (0..<rowCount).flatMap { row in
            Self.product(matrix, Array(x[row * k..<(row + 1) * k]), rowCount: 1, on: single)
        }
        for threadCount in 1...4 {
            let gang = ComputeGang(threadCount: threadCount, kernels: kernels)
            for rows in [1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 16, 31, 64] {
                let together = Self.product(matrix, Array(x[..<(rows * k)]), rowCount: rows, on: gang)
                #expect(bits(together) == bits(Array(alone[..<(rows * n)])), "\(rows) rows, \(threadCount) threads")
            }
        }
    }

    @Test("rows may lie apart, and nothing between them is written", arguments: formats, supportedTiers)
    func strides(format: WeightFormat, tier: KernelTier) throws {
        let (m, k, n, xStride, yStride) = (11, 190, 85, 200, 89)
        var random = SeededFloats(seed: 3)
        let x = random.array(m * xStride)
        let matrix = try Self.matrix(random.array(n * k), k: k, n: n, format)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        var y = [Float](repeating: 99, count: m * yStride)
        matrix.multiply(x, rowCount: m, xStride: xStride, into: &y, yStride: yStride, on: gang)
        for row in 0..<m {
            let dense = Self.product(matrix, Array(x[row * xStride..<row * xStride + k]), rowCount: 1, on: gang)
            #expect(bits(Array(y[row * yStride..<row * yStride + n])) == bits(dense))
            #expect(y[row * yStride + n..<(row + 1) * yStride].allSatisfy { $0 == 99 })
        }
    }

    @Test("stored weights err by no more than their format says", arguments: formats)
    func storageError(format: WeightFormat) throws {
        let (k, n) = (700, 70)
        var random = SeededFloats(seed: 12)
        // Sizes from thousandths to thousands, a group of zeros, and one far beyond half precision.
        let weights = (0..<n * k).map { index in
            let output = index / k
            return output == 3 ? 0 : random.next() * (output == 4 ? 1e-9 : Float(output) * Float(output))
        }
        let matrix = try Self.matrix(weights, k: k, n: n, format)
        for output in 0..<n {
            let stored = Self.weights(of: output, in: matrix)
            let group = format == .bfloat16 ? 1 : format.groupSize
            for begin in stride(from: 0, to: k, by: group) {
                let range = begin..<min(begin + group, k)
                let exact = weights[output * k..<(output + 1) * k].dropFirst(begin).prefix(range.count)
                let error = zip(exact, stored[range]).map { abs($0 - $1) }
                let largest = exact.map(abs).max()!
                let rms = (error.map { $0 * $0 }.reduce(0, +) / Float(error.count)).squareRoot()
                switch format {
                case .float32: break
                case .bfloat16: #expect(error.max()! <= largest / 256)
                // Half a step, and what rounding the scale to half precision adds; 2⁻²⁴ is its smallest step.
                case .int8: #expect(error.max()! <= max(largest / 127 * 0.57, 0x1p-24 * 127))
                case .int4: #expect(rms <= max((exact.max()! - exact.min()!) / 15 * 0.35, 0x1p-24 * 16))
                }
            }
        }
    }

    @Test("what is read in pieces on several threads is what is packed at once", arguments: WeightFormat.allCases)
    func readingInPieces(format: WeightFormat) throws {
        let (k, n) = (130, 333)
        var random = SeededFloats(seed: 21)
        let weights = random.array(n * k)
        let atOnce = try Self.matrix(weights, k: k, n: n, format)
        let inPieces = try weights.withUnsafeBufferPointer { weights in
            nonisolated(unsafe) let weights = weights
            return try PackedMatrix(inputCount: k, outputCount: n, format: format, on: ComputeGang(threadCount: 3)) {
                $1.update(from: weights.baseAddress! + $0.lowerBound * k, count: $0.count * k)
            }
        }
        for output in 0..<n {
            #expect(bits(Self.weights(of: output, in: inPieces)) == bits(Self.weights(of: output, in: atOnce)))
        }
        #expect(inPieces.byteCount == atOnce.byteCount)
    }

    @Test("every tier packs the same bits as int4", arguments: sizes)
    func samePacking(size: (m: Int, k: Int, n: Int)) throws {
        var random = SeededFloats(seed: 77)
        let weights = random.array(size.n * size.k)
        let right = try PackedMatrix(zerosOfInputCount: size.k, outputCount: size.n, format: .int4)
        let reference = try #require(Kernels(tier: .reference))
        right.pack(weights, outputStride: size.k, inputStride: 1, outputs: 0..<size.n, by: reference)
        for tier in supportedTiers {
            let matrix = try PackedMatrix(zerosOfInputCount: size.k, outputCount: size.n, format: .int4)
            let kernels = try #require(Kernels(tier: tier))
            matrix.pack(weights, outputStride: size.k, inputStride: 1, outputs: 0..<size.n, by: kernels)
            for output in 0..<size.n {
                #expect(bits(Self.weights(of: output, in: matrix)) == bits(Self.weights(of: output, in: right)))
            }
        }
    }

    @Test("a weight takes as many bits as the table says")
    func bitsOfWeights() throws {
        let (k, n) = (1024, 640)
        let weights = [Float](repeating: 0.5, count: k * n)
        for (format, bitCount) in [(WeightFormat.float32, 32.0), (.bfloat16, 16), (.int8, 8.125), (.int4, 4.5)] {
            #expect(Double(try Self.matrix(weights, k: k, n: n, format).byteCount) * 8 == bitCount * Double(k * n))
        }
    }

    @Test("what is not a number stays in its row", arguments: formats, supportedTiers)
    func notANumber(format: WeightFormat, tier: KernelTier) throws {
        let (k, n) = (256, 20)
        var random = SeededFloats(seed: 4)
        let matrix = try Self.matrix(random.array(n * k), k: k, n: n, format)
        let gang = ComputeGang(threadCount: 1, kernels: try #require(Kernels(tier: tier)))
        let good = random.array(k)
        var bad = random.array(k)
        bad[3] = .infinity
        let result = Self.product(matrix, bad + good + bad.map { _ in .nan }, rowCount: 3, on: gang)
        let alone = Self.product(matrix, good, rowCount: 1, on: gang)
        #expect(bits(Array(result[n..<2 * n])) == bits(alone))
        #expect(result[..<n].allSatisfy { !$0.isFinite })
    }

    // MARK: Help

    private static func matrix(_ weights: [Float], k: Int, n: Int, _ format: WeightFormat) throws -> PackedMatrix {
        try weights.withUnsafeBufferPointer {
            try PackedMatrix($0, inputCount: k, outputCount: n, format: format)
        }
    }

    private static func weights(of output: Int, in matrix: PackedMatrix) -> [Float] {
        var row = [Float](repeating: 0, count: matrix.inputCount)
        matrix.copyWeights(ofOutput: output, to: &row)
        return row
    }

    private static func product(
        _ matrix: PackedMatrix, _ x: [Float], rowCount: Int, bias: [Float]? = nil, activation: Activation = .none,
        on gang: ComputeGang
    ) -> [Float] {
        var y = [Float](repeating: .nan, count: rowCount * matrix.outputCount)
        if let bias {
            matrix.multiply(x, rowCount: rowCount, into: &y, bias: bias, activation: activation, on: gang)
        } else {
            matrix.multiply(x, rowCount: rowCount, into: &y, activation: activation, on: gang)
        }
        return y
    }

    /// The values that a row of activations is multiplied as, written here once more from the description.
    private static func rounded(
        _ row: [Float], as format: WeightFormat, groupSize: Int? = nil
    ) -> [Double] {
        let groupSize = groupSize ?? format.groupSize
        guard format.isQuantized else {
            return row.map { value in
                let bits = value.bitPattern
                return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
            }
        }
        var result: [Double] = []
        for begin in stride(from: 0, to: row.count, by: groupSize) {
            let group = row[begin..<min(begin + groupSize, row.count)]
            let largest = group.map(abs).max()!
            let scale = largest / 127
            for value in group {
                result.append(Double(scale) * Double((value * (127 / largest)).rounded(.toNearestOrEven)))
            }
        }
        return result
    }
}
