import Compute
import Testing

/// Goal: each variant agrees with its reference over sizes around the width of the registers.
///
/// Tolerances: a few units in the last place of values near 1, times the growth of a sum over `size` elements.
@Suite struct KernelsTests {
    static let sizes = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257]
    static let fastTiers = supportedTiers.filter { $0 != .reference }
    let reference = Kernels(tier: .reference)!

    @Test("rms norm, also in place and with strides", arguments: fastTiers, sizes)
    func rmsNorm(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let stride = size + 3
        let (x, weight) = (random.array(3 * stride), random.array(size))
        var expected = [Float](repeating: 0, count: 3 * size)
        reference.rmsNorm(
            rows: 3, size: size, x: x, xStride: stride, weight: weight, epsilon: 1e-5, y: &expected, yStride: size)
        var y = expected.map { _ in Float.nan }
        kernels.rmsNorm(rows: 3, size: size, x: x, xStride: stride, weight: weight, epsilon: 1e-5, y: &y, yStride: size)
        #expect(largestDifference(y, expected) < 2e-6)
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { v in
            kernels.rmsNorm(
                rows: 3, size: size, x: v.baseAddress!, xStride: stride, weight: weight, epsilon: 1e-5,
                y: v.baseAddress!, yStride: stride)
        }
        #expect((0..<3).allSatisfy { Array(inPlace[$0 * stride..<$0 * stride + size]) == row(y, $0, size) })
        #expect((0..<3).allSatisfy { inPlace[$0 * stride + size] == x[$0 * stride + size] })
    }

    @Test("softmax, with large and small scores", arguments: fastTiers, sizes)
    func softmax(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        for factor: Float in [1, 30, 200] {
            let x = random.array(size).map { $0 * factor }
            var (expected, y) = (x, x + [77])
            reference.softmax(size: size, &expected)
            kernels.softmax(size: size, &y)
            #expect(y.last == 77)
            #expect(largestDifference(Array(y[..<size]), expected) < 2e-6)
            #expect(abs(y[..<size].reduce(0, +) - 1) < 1e-5)
        }
    }

    @Test("the exponential stays right from underflow to overflow", arguments: fastTiers)
    func siluExtremes(tier: KernelTier) throws {
        let kernels = try #require(Kernels(tier: tier))
        let gate: [Float] = [-1e30, -500, -90, -87, -20, -1, -1e-20, 0, 1e-20, 1, 20, 87, 90, 500, 1e30, .nan]
        let up = [Float](repeating: 1, count: gate.count)
        var (expected, y) = (gate, gate)
        reference.siluMultiply(size: gate.count, gate: gate, up: up, y: &expected)
        kernels.siluMultiply(size: gate.count, gate: gate, up: up, y: &y)
        #expect(y.last!.isNaN)
        // exp is clamped at 88: below -88 the result is g · e^-88 instead of less, at most 7e-9 down to g = -1e30.
        for (value, want) in zip(y, expected).dropFirst().dropLast() {
            #expect(abs(value - want) <= 1e-6 * max(1, abs(want)))
        }
    }

    @Test("silu times up", arguments: fastTiers, sizes)
    func siluMultiply(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let (gate, up) = (random.array(size).map { $0 * 10 }, random.array(size))
        var (expected, y) = (gate, gate)
        reference.siluMultiply(size: size, gate: gate, up: up, y: &expected)
        kernels.siluMultiply(size: size, gate: gate, up: up, y: &y)
        #expect(largestDifference(y, expected) < 2e-6)
    }

    @Test("rope keeps the length of each pair and agrees", arguments: fastTiers, [2, 4, 8, 16, 18, 34, 64, 80, 128])
    func rope(tier: KernelTier, headSize: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(headSize))
        let x = random.array(headSize)
        // Pythagorean triples over 5: 3-4-5.
        let cosines = (0..<headSize / 2).map { $0 % 2 == 0 ? Float(0.6) : -0.8 }
        let sines = (0..<headSize / 2).map { $0 % 2 == 0 ? Float(0.8) : 0.6 }
        var (expected, y) = (x, x)
        reference.rope(headSize: headSize, cosines: cosines, sines: sines, &expected)
        kernels.rope(headSize: headSize, cosines: cosines, sines: sines, &y)
        #expect(largestDifference(y, expected) < 1e-6)
        for i in 0..<headSize / 2 {
            let (before, after) = (
                x[i] * x[i] + x[i + headSize / 2] * x[i + headSize / 2],
                y[i] * y[i] + y[i + headSize / 2] * y[i + headSize / 2]
            )
            #expect(abs(before - after) < 1e-5)
        }
    }

    @Test("dot, scaled addition and addition", arguments: fastTiers, [0] + sizes)
    func vectors(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let (x, y) = (random.array(size + 1), random.array(size + 1))
        #expect(abs(kernels.dot(size: size, x, y) - reference.dot(size: size, x, y)) < 1e-5)
        var (expected, sum) = (y, y)
        reference.addScaled(size: size, 0.75, x, to: &expected)
        kernels.addScaled(size: size, 0.75, x, to: &sum)
        #expect(largestDifference(sum, expected) < 1e-6)
        #expect(sum[size] == y[size])
        (expected, sum) = (y, y)
        reference.add(size: size, x, to: &expected)
        kernels.add(size: size, x, to: &sum)
        #expect(bits(sum) == bits(expected))
    }

    @Test("bias and each activation", arguments: fastTiers, sizes)
    func biasActivation(tier: KernelTier, size: Int) throws {
        let kernels = try #require(Kernels(tier: tier))
        var random = SeededFloats(seed: UInt64(size))
        let stride = size + 2
        let (values, bias) = (random.array(2 * stride), random.array(size))
        for activation in [Activation.none, .relu, .silu, .geluTanh, .gelu] {
            var (expected, y) = (values, values)
            reference.applyBias(bias, activation: activation, rows: 2, size: size, y: &expected, yStride: stride)
            kernels.applyBias(bias, activation: activation, rows: 2, size: size, y: &y, yStride: stride)
            #expect(largestDifference(y, expected) < 1e-6)
            (expected, y) = (values, values)
            reference.applyBias(nil, activation: activation, rows: 2, size: size, y: &expected, yStride: stride)
            kernels.applyBias(nil, activation: activation, rows: 2, size: size, y: &y, yStride: stride)
            #expect(largestDifference(y, expected) < 1e-6)
        }
    }

    @Test("all 65536 half precision and brain floating point numbers convert exactly", arguments: supportedTiers)
    func conversions(tier: KernelTier) throws {
        let kernels = try #require(Kernels(tier: tier))
        let all = (0..<65536).map { UInt16($0) } + [0x3C00]
        var y = [Float](repeating: 0, count: all.count)
        kernels.convertBFloat16(size: all.count, all, to: &y)
        #expect(zip(y, all).allSatisfy { $0.bitPattern == UInt32($1) << 16 })
        kernels.convertFloat16(size: all.count, all, to: &y)
        #expect(
            zip(y, all).allSatisfy { value, half in
                let exact = halfValue(half)
                return exact.isNaN ? value.isNaN : value == exact && value.sign == exact.sign
            })
    }

    /// binary16 by its definition.
    private func halfValue(_ half: UInt16) -> Float {
        let (exponent, fraction) = (Int(half >> 10 & 31), Float(half & 1023))
        let magnitude: Float =
            switch exponent {
            case 0: fraction * Float(sign: .plus, exponent: -24, significand: 1)
            case 31: fraction == 0 ? .infinity : .nan
            default: (1 + fraction / 1024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
            }
        return half >> 15 == 0 ? magnitude : -magnitude
    }

    private func row(_ values: [Float], _ index: Int, _ size: Int) -> [Float] {
        Array(values[index * size..<(index + 1) * size])
    }
}
