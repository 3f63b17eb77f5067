import Compute
import Foundation
import Testing

/// Goal: layer norm, gelu and the soft cap agree with their formulas in float64 on every tier.
///
/// Tolerances: a few units in the last place of values near 1, as in `KernelsTests`.
@Suite struct DecoderKernelsTests {
    @Test("layer norm with and without bias, in place and with strides", arguments: supportedTiers, KernelsTests.sizes)
    func layerNorm(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let stride = size + 3
        // A mean far from zero, which a variance by the mean of the squares would not survive.
        let x = random.array(3 * stride).map { $0 + 20 }
        let (weight, bias) = (random.array(size), random.array(size))
        for bias in [bias, nil] {
            let expected = (0..<3).flatMap { normalized(Array(x[$0 * stride..<$0 * stride + size]), weight, bias) }
            var y = expected.map { _ in Float.nan }
            kernels.layerNorm(
                rows: 3, size: size, x: x, xStride: stride, weight: weight, bias: bias, epsilon: 1e-3, y: &y,
                yStride: size)
            // The mean of values near 20 is known to 2e-6, a deviation is at least 0.03 = √1e-3.
            #expect(largestDifference(y, expected) < 1e-4)
            var inPlace = x
            inPlace.withUnsafeMutableBufferPointer { v in
                kernels.layerNorm(
                    rows: 3, size: size, x: v.baseAddress!, xStride: stride, weight: weight, bias: bias, epsilon: 1e-3,
                    y: v.baseAddress!, yStride: stride)
            }
            for row in 0..<3 {
                let result = Array(inPlace[row * stride..<row * stride + size])
                #expect(bits(result) == bits(Array(y[row * size..<(row + 1) * size])))
                #expect(
                    bits(Array(inPlace[(row * stride + size)...].prefix(3)))
                        == bits(
                            Array(x[(row * stride + size)...].prefix(3))))
            }
        }
    }

    @Test("gelu by tanh, alone and as a gate", arguments: supportedTiers, KernelsTests.sizes)
    func gelu(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        for factor: Float in [0.1, 1, 10] {
            let (gate, up) = (random.array(size).map { $0 * factor }, random.array(size))
            let expected = gate.map(gelu)
            var y = gate + [77]
            kernels.applyBias(nil, activation: .geluTanh, rows: 1, size: size, y: &y, yStride: size)
            #expect(y.last == 77)
            #expect(largestDifference(Array(y[..<size]), expected) < 1e-6)
            kernels.geluTanhMultiply(size: size, gate: gate, up: up, y: &y)
            #expect(y.last == 77)
            #expect(largestDifference(Array(y[..<size]), zip(expected, up).map { $0 * $1 }) < 1e-6)
        }
    }

    @Test("tanh stays right from tiny to huge, and NaN stays NaN", arguments: supportedTiers)
    func extremes(tier: KernelTier) throws {
        let kernels = try #require(Kernels(tier: tier))
        let x: [Float] = [
            -Float.infinity, -1e30, -100, -9, -1, -0.6251, -0.6249, -1e-3, -1e-20, 0, 1e-20, 1e-3, 0.6249, 0.6251, 1, 9,
            100, 1e30, .infinity, .nan,
        ]
        var y = x
        kernels.softCap(size: x.count, 1, &y)
        #expect(y.last!.isNaN)
        for (value, argument) in zip(y, x).dropLast() {
            let exact = tanh(Double(argument))
            #expect(abs(Double(value) - exact) <= 4e-7 * abs(exact), "tanh \(argument)")
        }
        let large: [Float] = [-1e30, -50, 50, 1e30]
        y = large
        kernels.applyBias(nil, activation: .geluTanh, rows: 1, size: 4, y: &y, yStride: 4)
        #expect(y == [0, 0, 50, 1e30])
    }

    @Test("the soft cap", arguments: supportedTiers, [0] + KernelsTests.sizes)
    func softCap(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let x = random.array(size).map { $0 * 100 }
        var y = x + [77]
        kernels.softCap(size: size, 30, &y)
        #expect(y.last == 77)
        #expect(largestDifference(Array(y[..<size]), x.map { Float(30 * tanh(Double($0) / 30)) }) < 1e-6)
    }

    private func gelu(_ x: Float) -> Float {
        let v = Double(x)
        return Float(v / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v))))
    }

    private func normalized(_ x: [Float], _ weight: [Float], _ bias: [Float]?) -> [Float] {
        let values = x.map(Double.init)
        let mean = values.reduce(0, +) / Double(x.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return values.indices.map { i in
            Float((values[i] - mean) / (variance + 1e-3).squareRoot() * Double(weight[i]) + Double(bias?[i] ?? 0))
        }
    }
}
