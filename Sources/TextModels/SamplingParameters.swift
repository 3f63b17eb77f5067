/// How the next token is chosen from the logits.
package struct SamplingParameters: Sendable, Equatable {
    /// Divides the logits; 0 chooses the most likely token always (greedy).
    package let temperature: Float
    /// Only that many of the most likely tokens may be chosen; 0 for no such limit.
    package let topK: Int
    /// Only the most likely tokens whose probabilities just reach this sum may be chosen; 1 for no such limit.
    package let topP: Float
    /// Two generations with the same seed, parameters and logits choose the same tokens.
    package let seed: UInt64

    /// Temperatures above are noise, and logits divided by it stay far from underflow.
    package static let temperatureMax: Float = 10

    /// The most likely token, always.
    package static let greedy = SamplingParameters(uncheckedTemperature: 0, topK: 0, topP: 1, seed: 0)

    /// Checks what a caller asked for.
    ///
    /// - Throws: `SamplingError` naming the field.
    package init(temperature: Float, topK: Int = 0, topP: Float = 1, seed: UInt64 = 0) throws(SamplingError) {
        guard temperature >= 0, temperature <= Self.temperatureMax else {
            throw SamplingError(
                field: "temperature", problem: "expected 0 to \(Self.temperatureMax), got \(temperature)")
        }
        guard topK >= 0 else { throw SamplingError(field: "top_k", problem: "expected 0 or more, got \(topK)") }
        guard topP > 0, topP <= 1 else {
            throw SamplingError(field: "top_p", problem: "expected more than 0 and at most 1, got \(topP)")
        }
        self.init(uncheckedTemperature: temperature, topK: topK, topP: topP, seed: seed)
    }

    private init(uncheckedTemperature: Float, topK: Int, topP: Float, seed: UInt64) {
        self.temperature = uncheckedTemperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }
}

/// Which sampling parameter cannot be, and why.
package struct SamplingError: Error, Equatable, CustomStringConvertible {
    /// The name of the parameter in requests, such as `top_p`.
    package let field: String
    package let problem: String

    package var description: String { "\(field): \(problem)" }
}
