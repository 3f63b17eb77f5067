package import Vocabulary

/// The answers to a prompt as they are generated, for one reader.
///
/// A reader that is slow pauses its own sequence only. Cancelling the task that reads, calling `cancel`, or letting go
/// of the stream ends the sequence and frees its cache pages within one step.
package final class GenerationStream: UsageSource {
    private let pipe: GenerationPipe
    /// The model that generates.
    package let name: ModelName
    /// The version that generates: the latest, when the caller named none.
    package let version: ModelVersion
    package var answeringVersion: ModelVersion? { version }
    /// Tokens of the prompt, the ones the tokenizer adds included.
    package let promptTokenCount: Int
    /// How many answers there will be.
    package let answerCount: Int
    private let arrival: MonotonicTime
    private let clock: any MonotonicClock

    init(
        pipe: GenerationPipe, name: ModelName, version: ModelVersion, promptTokenCount: Int, answerCount: Int,
        arrival: MonotonicTime, clock: any MonotonicClock
    ) {
        self.pipe = pipe
        self.name = name
        self.version = version
        self.promptTokenCount = promptTokenCount
        self.answerCount = answerCount
        self.arrival = arrival
        self.clock = clock
    }

    deinit { pipe.cancel() }

    /// The next event: pieces, then `.finished` once for each answer, then nil.
    ///
    /// Everything generated of an answer since its last piece comes as one. After a cancellation, of the calling task
    /// too, the rest of the text is dropped and `.finished(.cancelled, …)` comes next.
    ///
    /// - Throws: once, instead of `.finished` of the answers that had not ended: DEADLINE_EXCEEDED, or UNAVAILABLE at
    ///   shutdown.
    /// - Precondition: one reader at a time.
    package func next() async throws(ServingError) -> GenerationEvent? {
        try await pipe.next()
    }

    /// Ends the text.
    package func cancel() { pipe.cancel() }

    /// What it has cost so far.
    package var usage: Usage {
        var usage = pipe.usage
        // Not begun: it has cost nothing but time in the queue.
        if usage.promptTokenCount == 0 { usage.queueNanoseconds = clock.now().nanoseconds(since: arrival) }
        return usage
    }
}
