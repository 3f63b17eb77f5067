import Compute
import Testing

/// Goal: the product is right on every tier, and its bits are a function of one row and the weights only.
@Suite struct PackedMatrixTests {
    static let sizes: [(m: Int, k: Int, n: Int)] = [
        (1, 1, 1), (1, 0, 3), (0, 4, 4), (1, 7, 15), (2, 16, 16), (3, 17, 17), (5, 64, 33), (6, 100, 48), (7, 31, 129),
        (8, 65, 100), (9, 513, 47), (13, 1030, 20), (17, 40, 260), (64, 600, 70), (33, 27, 8),
    ]

    @Test("every tier agrees with the plain double sum", arguments: supportedTiers, sizes)
    func agreesWithNaive(tier: KernelTier, size: (m: Int, k: Int, n: Int)) throws {
        var random = SeededFloats(seed: UInt64(size.m * 1_000_003 + size.k * 1009 + size.n))
        let x = random.array(size.m * size.k)
        let weights = random.array(size.n * size.k)
        let bias = random.array(size.n)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        let matrix = try packed(weights, inputCount: size.k, outputCount: size.n)
        let result = product(matrix, x, rowCount: size.m, bias: bias, activation: .relu, gang: gang)
        var expected = [Float](repeating: 0, count: size.m * size.n)
        for m in 0..<size.m {
            for n in 0..<size.n {
                var sum = Double(bias[n])
                for k in 0..<size.k { sum += Double(x[m * size.k + k]) * Double(weights[n * size.k + k]) }
                expected[m * size.n + n] = Float(max(0, sum))
            }
        }
        // Rounding errors of a float32 sum of k products below 1 grow like the square root of k.
        let tolerance = 4e-7 * Float(max(1, size.k)).squareRoot() + 1e-6
        #expect(largestDifference(result, expected) <= tolerance)
    }

    @Test("a row has the same bits alone and among 2 to 64 rows, on 1 to 4 threads", arguments: supportedTiers)
    func batchInvariance(tier: KernelTier) throws {
        let (k, n, rowCount) = (700, 150, 64)
        var random = SeededFloats(seed: 7)
        let x = random.array(rowCount * k)
        let matrix = try packed(random.array(n * k), inputCount: k, outputCount: n)
        let kernels = try #require(Kernels(tier: tier))
        let single = ComputeGang(threadCount: 1, kernels: kernels)
        let alone = (0..<rowCount).flatMap { row in
            product(matrix, Array(x[row * k..<(row + 1) * k]), rowCount: 1, gang: single)
        }
        for threadCount in 1...4 {
            let gang = ComputeGang(threadCount: threadCount, kernels: kernels)
            for rows in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 17, 23, 31, 33, 48, 63, 64] {
                let together = product(matrix, Array(x[..<(rows * k)]), rowCount: rows, gang: gang)
                #expect(bits(together) == bits(Array(alone[..<(rows * n)])), "\(rows) rows, \(threadCount) threads")
            }
        }
    }

    @Test("rows may lie apart, and nothing between them is written", arguments: supportedTiers)
    func strides(tier: KernelTier) throws {
        let (m, k, n, xStride, yStride) = (11, 19, 21, 30, 25)
        var random = SeededFloats(seed: 3)
        let x = random.array(m * xStride)
        let matrix = try packed(random.array(n * k), inputCount: k, outputCount: n)
        let gang = ComputeGang(threadCount: 1, kernels: try #require(Kernels(tier: tier)))
        var y = [Float](repeating: 99, count: m * yStride)
        matrix.multiply(x, rowCount: m, xStride: xStride, into: &y, yStride: yStride, on: gang)
        for row in 0..<m {
            let dense = product(matrix, Array(x[row * xStride..<row * xStride + k]), rowCount: 1, gang: gang)
            #expect(bits(Array(y[row * yStride..<row * yStride + n])) == bits(dense))
            #expect(y[row * yStride + n..<(row + 1) * yStride].allSatisfy { $0 == 99 })
        }
    }

    @Test("parts give their outputs side by side, in either layout")
    func parts() throws {
        let k = 9
        var random = SeededFloats(seed: 5)
        let (first, second, x) = (random.array(10 * k), random.array(23 * k), random.array(2 * k))
        let gang = ComputeGang(threadCount: 1)
        let both = try first.withUnsafeBufferPointer { a in
            try second.withUnsafeBufferPointer { b in
                try PackedMatrix(
                    parts: [.init(weights: a, outputCount: 10), .init(weights: b, outputCount: 23)], inputCount: k)
            }
        }
        let a = product(try packed(first, inputCount: k, outputCount: 10), x, rowCount: 2, gang: gang)
        let b = product(try packed(second, inputCount: k, outputCount: 23), x, rowCount: 2, gang: gang)
        let expected = Array(a[..<10]) + Array(b[..<23]) + Array(a[10...]) + Array(b[23...])
        #expect(bits(product(both, x, rowCount: 2, gang: gang)) == bits(expected))

        let transposed = (0..<k * 23).map { second[$0 % 23 * k + $0 / 23] }
        let inputMajor = try packed(transposed, inputCount: k, outputCount: 23, layout: .inputMajor)
        #expect(bits(product(inputMajor, x, rowCount: 2, gang: gang)) == bits(b))
    }

    @Test("the weights of an output can be read back")
    func readsBack() throws {
        var random = SeededFloats(seed: 6)
        let weights = random.array(37 * 5)
        let matrix = try packed(weights, inputCount: 5, outputCount: 37)
        for output in [0, 15, 16, 36] {
            var row = [Float](repeating: 0, count: 5)
            matrix.copyWeights(ofOutput: output, to: &row)
            #expect(row == Array(weights[output * 5..<output * 5 + 5]))
        }
    }

    @Test("OpenBLAS and the packed product agree, transposed or not")
    func agreesWithOpenBLAS() throws {
        let (m, k, n) = (10, 33, 21)
        var random = SeededFloats(seed: 8)
        let (x, weights) = (random.array(m * k), random.array(n * k))
        let gang = ComputeGang(threadCount: 1)
        let expected = product(try packed(weights, inputCount: k, outputCount: n), x, rowCount: m, gang: gang)
        var y = [Float](repeating: 1, count: m * n)
        GEMM.multiply(rowCount: m, columnCount: n, depth: k, x, weights, bTransposition: .transposed, into: &y)
        #expect(largestDifference(y, expected) < 1e-5)
        let transposed = (0..<k * n).map { weights[$0 % n * k + $0 / n] }
        GEMM.multiply(rowCount: m, columnCount: n, depth: k, alpha: 2, x, transposed, beta: 1, into: &y)
        #expect(largestDifference(y, expected.map { 3 * $0 }) < 1e-5)
    }

    @Test(
        "OpenBLAS kernels below the processor's are reported",
        arguments: [
            ("Haswell", KernelTier.avx512, true), ("SkylakeX", .avx512, false), ("Haswell", .avx2, false),
            ("Nehalem", .avx2, true), ("armv8", .reference, false), ("ARMV8", .neonDotProduct, false),
        ])
    func coreNames(name: String, tier: KernelTier, isReported: Bool) {
        #expect((OpenBLAS.warning(coreName: name, tier: tier) != nil) == isReported)
        #expect(!OpenBLAS.coreName.isEmpty)
        #expect(OpenBLAS.threadCount == 1)
    }

    private func packed(
        _ weights: [Float], inputCount: Int, outputCount: Int, layout: PackedMatrix.Layout = .outputMajor
    ) throws -> PackedMatrix {
        try weights.withUnsafeBufferPointer {
            try PackedMatrix($0, inputCount: inputCount, outputCount: outputCount, layout: layout)
        }
    }

    private func product(
        _ matrix: PackedMatrix, _ x: [Float], rowCount: Int, bias: [Float]? = nil, activation: Activation = .none,
        gang: ComputeGang
    ) -> [Float] {
        var y = [Float](repeating: .nan, count: rowCount * matrix.outputCount)
        x.withUnsafeBufferPointer { x in
            guard let x = x.baseAddress else { return }
            y.withUnsafeMutableBufferPointer { y in
                guard let y = y.baseAddress else { return }
                if let bias {
                    matrix.multiply(x, rowCount: rowCount, into: y, bias: bias, activation: activation, on: gang)
                } else {
                    matrix.multiply(x, rowCount: rowCount, into: y, activation: activation, on: gang)
                }
            }
        }
        return y
    }
}
