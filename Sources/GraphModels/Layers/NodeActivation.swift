import Glibc

/// What is applied to each output of a layer.
package enum NodeActivation: String, Sendable, Decodable {
    case none
    /// max(v, 0)
    case relu
    /// v if v > 0, else exp(v) - 1. Source: Clevert et al. 2016.
    case elu

    /// Applies it to `count` values in place.
    func apply(_ count: Int, _ values: UnsafeMutablePointer<Float>) {
        switch self {
        case .none: break
        case .relu: for index in 0..<count { values[index] = max(values[index], 0) }
        case .elu: for index in 0..<count where !(values[index] > 0) { values[index] = expm1f(values[index]) }
        }
    }
}
