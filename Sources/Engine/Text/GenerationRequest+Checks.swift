import Models
import TextModels
import Vocabulary

extension GenerationRequest {
    /// Checks what does not depend on the prompt.
    ///
    /// - Throws: INVALID_ARGUMENT naming the field as requests have it.
    func check(vocabularySize: Int) throws(ServingError) {
        guard tokenCountMax >= 1 else { throw wrong("max_tokens", "expected at least 1, got \(tokenCountMax)") }
        guard (1...Self.answerCountMax).contains(answerCount) else {
            throw wrong("n", "expected 1 to \(Self.answerCountMax), got \(answerCount)")
        }
        if let logprobCount, !(0...TokenLogprobs.topCountMax).contains(logprobCount) {
            throw wrong("logprobs", "expected 0 to \(TokenLogprobs.topCountMax), got \(logprobCount)")
        }
        guard stopTokens.count <= Self.stopTokenCountMax else {
            throw wrong(
                "stop_tokens", "expected at most \(Self.stopTokenCountMax) tokens, got \(stopTokens.count)")
        }
        let tokens = stopTokens.map { ("stop_tokens", $0) } + sampling.biases.keys.map { ("logit_bias", $0) }
        for (field, token) in tokens where token < 0 || Int(token) >= vocabularySize {
            throw wrong(field, "expected token ids in 0..<\(vocabularySize), got \(token)")
        }
    }

    func checkedStopStrings() throws(ServingError) -> StopStrings {
        do {
            return try StopStrings(stopStrings)
        } catch {
            throw ServingError(.invalidArgument, error.description)
        }
    }

    private func wrong(_ field: String, _ problem: String) -> ServingError {
        ServingError(.invalidArgument, "\(field): \(problem)")
    }
}

extension GenerationRequest.Sampling {
    func checked(otherSeed: UInt64) throws(ServingError) -> SamplingParameters {
        do {
            return try SamplingParameters(
                temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
                presencePenalty: presencePenalty, frequencyPenalty: frequencyPenalty, biases: biases,
                seed: seed ?? otherSeed)
        } catch {
            throw ServingError(.invalidArgument, error.description)
        }
    }
}
