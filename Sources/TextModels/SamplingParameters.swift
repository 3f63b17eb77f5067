/// How the next token is chosen from the logits; `Sampler` says in which order.
package struct SamplingParameters: Sendable, Equatable {
    /// Divides the logits; 0 chooses the most likely token always (greedy).
    package let temperature: Float
    /// Only that many of the most likely tokens may be chosen; 0 for no such limit.
    package let topK: Int
    /// Only the most likely tokens whose probabilities just reach this sum may be chosen; 1 for no such limit.
    package let topP: Float
    /// Only tokens at least this share as likely as the most likely one may be chosen; 0 for no such limit.
    package let minP: Float
    /// Makes tokens of prompt and answer less likely: divides their logits if positive, multiplies them if negative;
    /// 1 for none.
    package let repetitionPenalty: Float
    /// Taken from the logits of tokens that are in the answer already; 0 for none.
    package let presencePenalty: Float
    /// Taken from the logits of tokens for each time they are in the answer already; 0 for none.
    package let frequencyPenalty: Float
    /// Added to the logits of single tokens, by ascending id.
    package let biases: [Bias]
    /// Two generations with the same seed, parameters and logits choose the same tokens.
    package let seed: UInt64

    /// What is added to the logit of a token.
    package struct Bias: Sendable, Equatable {
        package let token: Int32
        package let value: Float
    }

    /// Temperatures above are noise, and logits divided by it stay far from underflow.
    package static let temperatureMax: Float = 10
    package static let repetitionPenaltyMax: Float = 10
    /// Of the presence and the frequency penalty, in both directions.
    package static let penaltyMax: Float = 2
    /// Of a bias, in both directions; that much decides against any model's logits.
    package static let biasMax: Float = 100
    /// Tokens that have a bias.
    package static let biasCountMax = 1024

    /// The most likely token, always.
    package static let greedy = SamplingParameters(uncheckedTemperature: 0, seed: 0)

    /// Checks what a caller asked for.
    ///
    /// - Throws: `SamplingError` naming the field.
    package init(
        temperature: Float, topK: Int = 0, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
        presencePenalty: Float = 0, frequencyPenalty: Float = 0, biases: [Int32: Float] = [:], seed: UInt64 = 0
    ) throws(SamplingError) {
        try Self.require("temperature", temperature, in: 0...Self.temperatureMax)
        guard topK >= 0 else { throw SamplingError(field: "top_k", problem: "expected 0 or more, got \(topK)") }
        guard topP > 0, topP <= 1 else {
            throw SamplingError(field: "top_p", problem: "expected more than 0 and at most 1, got \(topP)")
        }
        try Self.require("min_p", minP, in: 0...1)
        guard repetitionPenalty > 0, repetitionPenalty <= Self.repetitionPenaltyMax else {
            throw SamplingError(
                field: "repetition_penalty",
                problem: "expected more than 0 and at most \(Self.repetitionPenaltyMax), got \(repetitionPenalty)")
        }
        try Self.require("presence_penalty", presencePenalty, in: -Self.penaltyMax...Self.penaltyMax)
        try Self.require("frequency_penalty", frequencyPenalty, in: -Self.penaltyMax...Self.penaltyMax)
        guard biases.count <= Self.biasCountMax else {
            throw SamplingError(
                field: "logit_bias", problem: "expected at most \(Self.biasCountMax) tokens, got \(biases.count)")
        }
        for bias in biases.values { try Self.require("logit_bias", bias, in: -Self.biasMax...Self.biasMax) }
        self.init(
            uncheckedTemperature: temperature, topK: topK, topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, presencePenalty: presencePenalty,
            frequencyPenalty: frequencyPenalty,
            biases: biases.sorted { $0.key < $1.key }.map { Bias(token: $0.key, value: $0.value) }, seed: seed)
    }

    private init(
        uncheckedTemperature: Float, topK: Int = 0, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
        presencePenalty: Float = 0, frequencyPenalty: Float = 0, biases: [Bias] = [], seed: UInt64
    ) {
        temperature = uncheckedTemperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.biases = biases
        self.seed = seed
    }

    /// The same with another seed: for one of several answers to a prompt.
    package func with(seed: UInt64) -> SamplingParameters {
        SamplingParameters(
            uncheckedTemperature: temperature, topK: topK, topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, presencePenalty: presencePenalty,
            frequencyPenalty: frequencyPenalty, biases: biases, seed: seed)
    }

    /// Whether tokens that came before weigh in.
    var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

    private static func require(
        _ field: String, _ value: Float, in range: ClosedRange<Float>
    ) throws(SamplingError) {
        guard range.contains(value) else {
            throw SamplingError(
                field: field, problem: "expected \(short(range.lowerBound)) to \(range.upperBound), got \(value)")
        }
    }

    /// Zero as one reads it.
    private static func short(_ value: Float) -> String { value == 0 ? "0" : "\(value)" }
}

/// Which sampling parameter cannot be, and why.
package struct SamplingError: Error, Equatable, CustomStringConvertible {
    /// The name of the parameter in requests, such as `top_p`.
    package let field: String
    package let problem: String

    package init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    package var description: String { "\(field): \(problem)" }
}
