import Compute
import TestSupport

/// Reproducible numbers in -1 ..< 1.
struct SeededFloats {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> Float {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Float(Int64(bitPattern: z) >> 40) / Float(1 << 23)
    }

    mutating func array(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

/// The tiers that this machine can run.
let supportedTiers = KernelTier.allCases.filter(\.isSupported)

/// The bit patterns, so that equality means the same bits.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// The largest difference, relative to values of size 1.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    precondition(a.count == b.count)
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
}
