import Configuration
import Glibc

/// How long prompts and answers are: a whole number of at least 1, drawn for each request.
package enum LengthDistribution: Equatable, Sendable {
    case fixed(Int)
    /// Every length in the range is as likely.
    case uniform(ClosedRange<Int>)
    /// Many short, few long; longer ones than `max` count as `max`.
    case exponential(mean: Double, max: Int)
    /// Half of them shorter than the median, with a tail of long ones; longer ones than `max` count as `max`.
    case logNormal(median: Double, sigma: Double, max: Int)

    /// The longest length that can be asked for.
    package static let lengthMax = 1_000_000

    /// Draws a length.
    package func sample(_ generator: inout SplitMix64) -> Int {
        switch self {
        case .fixed(let length): length
        case .uniform(let range): Int.random(in: range, using: &generator)
        case .exponential(let mean, let max):
            Self.length(-log(1 - Double.random(in: 0..<1, using: &generator)) * mean, max)
        case .logNormal(let median, let sigma, let max):
            Self.length(median * exp(sigma * Self.normal(&generator)), max)
        }
    }

    private static func length(_ value: Double, _ max: Int) -> Int { Int(min(Double(max), value.rounded(.up))) }

    /// From the standard normal distribution.
    ///
    /// - Source: Box and Muller 1958.
    private static func normal(_ generator: inout SplitMix64) -> Double {
        let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
        return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
    }
}

extension ConfigurationMap {
    /// A distribution under `key`: a number, `{min, max}`, `{mean, max}` or `{median, sigma, max}`; nil when absent.
    func lengths(_ key: String) throws(ConfigurationError) -> LengthDistribution? {
        let range = 1...LengthDistribution.lengthMax
        guard kind(of: key) == .map else { return try integer(key, in: range).map { .fixed($0) } }
        guard let map = try map(key) else { return nil }
        guard let max = try map.integer("max", in: range) else { throw map.error(at: "max", "is required") }
        if let min = try map.integer("min", in: 1...max) { return .uniform(min...max) }
        if let mean = try map.double("mean", in: 1...Double(max)) { return .exponential(mean: mean, max: max) }
        guard let median = try map.double("median", in: 1...Double(max)) else {
            throw error(at: key, "expected a number, {min, max}, {mean, max} or {median, sigma, max}")
        }
        return .logNormal(median: median, sigma: try map.double("sigma", in: 0...10) ?? 1, max: max)
    }
}
