import Compute
import Foundation
import Testing

/// Goal: the unit by the error function is exact to a few units of float32, also far below zero.
@Suite struct GeluTests {
    @Test("gelu by the error function, against float64", arguments: supportedTiers)
    func gelu(tier: KernelTier) throws {
        let kernels = try #require(Kernels(tier: tier))
        let x = (-4000...4000).map { Float($0) / 400 } + [30, -30, 1e6, -1e6, 0, -0]
        var y = x
        kernels.applyBias(nil, activation: .gelu, rows: 1, size: x.count, y: &y, yStride: x.count)
        let wrong = zip(x.map(Double.init), y.map(Double.init)).filter { x, y in
            // The formula errs by 1.5e-7 of |x| / 2 at most, and float32 by half a unit of the result.
            let expected = x / 2 * erfc(-x / 2.0.squareRoot())
            return !(abs(y - expected) <= 4e-7 + abs(expected) * 3e-7)
        }
        #expect(wrong.isEmpty)
    }

    @Test("a NaN stays one", arguments: supportedTiers)
    func notANumber(tier: KernelTier) throws {
        let kernels = try #require(Kernels(tier: tier))
        var y: [Float] = [1, .nan, 2]
        kernels.applyBias(nil, activation: .gelu, rows: 1, size: 3, y: &y, yStride: 3)
        #expect(y[1].isNaN && !y[0].isNaN && !y[2].isNaN)
    }
}
