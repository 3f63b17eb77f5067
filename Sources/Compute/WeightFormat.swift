import CKernels

/// How the weights of a linear layer are stored and multiplied.
///
/// | | bits a weight | activations | error |
/// |---|--:|---|---|
/// | `float32` | 32 | float32 | none |
/// | `bfloat16` | 16 | rounded to bf16 | 2⁻⁹ a weight and activation |
/// | `int8` | 8.125 | eight bits, a scale for every 128 | half a step of 1/127 of the largest of 128 |
/// | `int4` | 4.5 | eight bits, a scale for every 64 | half a step of 1/15 of the range of 64 |
///
/// Blocks of GGUF files keep their groups of 32: 8.5 bits as `int8`, 5 as `int4`.
///
/// Sums are float32 in all of them, in an order that only the layer decides.
///
/// - Source: Dettmers et al. 2022 (blocks with a scale each), Frantar et al. 2023 (four bits in groups).
package enum WeightFormat: String, Sendable, CaseIterable {
    case float32 = "f32"
    case bfloat16 = "bf16"
    case int8
    case int4

    /// Inputs that share a scale where nothing else is said; what the inputs are rounded up to.
    var groupSize: Int {
        switch self {
        case .float32: 1
        case .bfloat16: Int(APUS_BF16_DEPTH_UNIT)
        case .int8: 128
        case .int4: 64
        }
    }

    /// Whether activations and weights have scales.
    var isQuantized: Bool { self == .int8 || self == .int4 }
}
