/// The range that results are confined to: `Relu` and `Clip` as what follows another operator.
struct ClampRange: Equatable {
    let low: Float
    let high: Float

    static let unbounded = ClampRange(low: -.infinity, high: .infinity)
    static let relu = ClampRange(low: 0, high: .infinity)

    /// The value in the range next to `value`; NaN stays NaN.
    func clamp(_ value: Float) -> Float {
        let raised = value < low ? low : value
        return raised > high ? high : raised
    }

    /// `values = clamp(values + bias)`.
    func apply(adding bias: Float, to values: UnsafeMutablePointer<Float>, count: Int) {
        if self == .unbounded {
            guard bias != 0 else { return }
            for index in 0..<count { values[index] += bias }
        } else {
            for index in 0..<count { values[index] = clamp(values[index] + bias) }
        }
    }
}
