/// What one request cost.
package struct Usage: Sendable, Equatable {
    /// From the submission until its first execution began.
    package var queueNanoseconds: UInt64 = 0
    /// The time of the executions it was part of; an execution shared by several requests counts in full for each.
    package var computeNanoseconds: UInt64 = 0
    /// Samples in the execution that answered it, all its requests together; 0 for text.
    package var batchSampleCount: Int = 0
    /// Tokens of the prompt, the ones the tokenizer adds included.
    package var promptTokenCount: Int = 0
    /// Tokens of the prompt whose keys and values were in the cache already.
    package var cachedPromptTokenCount: Int = 0
    /// Tokens sampled, an end-of-sequence token included.
    package var generatedTokenCount: Int = 0

    package init() {}

    /// What several answers to one prompt cost together: the prompt counts once, and as they are written at the same
    /// time, the longest time counts.
    init(answers: [Usage]) {
        self = answers.first ?? Usage()
        for usage in answers.dropFirst() {
            queueNanoseconds = max(queueNanoseconds, usage.queueNanoseconds)
            computeNanoseconds = max(computeNanoseconds, usage.computeNanoseconds)
            generatedTokenCount += usage.generatedTokenCount
        }
    }
}
