import Glibc

/// How the first elements of a query or key are rotated by its position.
///
/// Element `i` and element `i + frequencies.count` are rotated together by the angle `position · frequencies[i]`;
/// elements from `2 · frequencies.count` on stay.
///
/// - Source: Su et al. 2021, section 3.2.2.
package struct RotaryEmbedding: Sendable, Equatable {
    package var frequencies: [Double]
    /// What cosines and sines are multiplied by.
    package var amplitude: Double

    package init(frequencies: [Double], amplitude: Double = 1) {
        self.frequencies = frequencies
        self.amplitude = amplitude
    }

    /// `theta^(-2i / size)` for `i` in `0 ..< size / 2`: `size` elements, an even number, are rotated.
    package init(theta: Double, size: Int) {
        self.init(frequencies: (0..<size / 2).map { pow(theta, -2 * Double($0) / Double(size)) })
    }

    /// How the rotation was changed for longer contexts.
    package enum Scaling: Sendable, Equatable {
        /// All positions are divided by a factor.
        ///
        /// - Source: Chen et al. 2023, section 2.3.
        case linear(factor: Double)
        /// Low frequencies are divided by a factor, high ones stay, and those between go over from one to the other.
        ///
        /// A frequency is high when its wave fits into the original length more than `highFactor` times, low when
        /// fewer than `lowFactor` times.
        ///
        /// - Source: Llama Team 2024, section 3.4.1, and the code published with Llama 3.1.
        case bands(factor: Double, lowFactor: Double, highFactor: Double, originalLength: Int)
        /// Frequencies up to number `begin` stay, those from number `end` on are divided by a factor, and those between
        /// go over from one to the other; the scores grow to make up for the longer context.
        ///
        /// - Source: Peng et al. 2023 (YaRN), section 3.
        case ramp(factor: Double, begin: Double, end: Double, amplitude: Double)
        /// Each frequency has a divisor, and the scores grow to make up for the longer context.
        ///
        /// - Source: Ding et al. 2024 (LongRoPE), section 3.
        case divisors([Double], amplitude: Double)
    }

    /// YaRN's ramp for the first `size` elements of a head.
    ///
    /// - Parameters:
    ///   - factor: how much longer the context is than the original one.
    ///   - originalLength: of the context, in tokens.
    ///   - theta: more than 1.
    ///   - size: an even number.
    ///   - turns: frequencies that turn at least so often (`fast`) within the original length stay, those that turn at
    ///     most so often (`slow`) are divided.
    ///   - amplitude: instead of what the paper takes for that factor.
    /// - Returns: a `ramp`.
    /// - Source: Peng et al. 2023 (YaRN), sections 3.2 to 3.4.
    static func yarn(
        factor: Double, originalLength: Double, theta: Double, size: Int, turns: (fast: Double, slow: Double),
        amplitude: Double? = nil
    ) -> Scaling {
        /// Which frequency turns that often within the original length.
        func index(ofTurns turns: Double) -> Double {
            Double(size) * log(originalLength / (turns * 2 * .pi)) / (2 * log(theta))
        }
        let begin = max(0, index(ofTurns: turns.fast).rounded(.down))
        let end = min(Double(size - 1), index(ofTurns: turns.slow).rounded(.up))
        return .ramp(
            factor: factor, begin: begin, end: end == begin ? end + 0.001 : end,
            amplitude: amplitude ?? yarnAmplitude(factor))
    }

    /// What cosines and sines are multiplied by with that factor.
    static func yarnAmplitude(_ factor: Double) -> Double { factor > 1 ? 0.1 * log(factor) + 1 : 1 }

    /// The turns that everybody takes.
    static let yarnTurns = (fast: 32.0, slow: 1.0)

    /// The same with `scaling`.
    package func scaled(by scaling: Scaling) -> RotaryEmbedding {
        switch scaling {
        case .linear(let factor):
            return RotaryEmbedding(frequencies: frequencies.map { $0 / factor }, amplitude: amplitude)
        case .bands(let factor, let lowFactor, let highFactor, let originalLength):
            let scaled = frequencies.map { frequency in
                let waveCount = Double(originalLength) * frequency / (2 * .pi)
                let share = min(1, max(0, (waveCount - lowFactor) / (highFactor - lowFactor)))
                return share * frequency + (1 - share) * frequency / factor
            }
            return RotaryEmbedding(frequencies: scaled, amplitude: amplitude)
        case .ramp(let factor, let begin, let end, let amplitude):
            let scaled = frequencies.enumerated().map { index, frequency in
                let share = min(1, max(0, (Double(index) - begin) / (end - begin)))
                return (1 - share) * frequency + share * frequency / factor
            }
            return RotaryEmbedding(frequencies: scaled, amplitude: amplitude)
        case .divisors(let divisors, let amplitude):
            return RotaryEmbedding(frequencies: zip(frequencies, divisors).map { $0 / $1 }, amplitude: amplitude)
        }
    }
}
