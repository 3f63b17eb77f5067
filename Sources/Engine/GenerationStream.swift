package import Vocabulary

/// A text as it is generated, for one reader.
///
/// A reader that is slow pauses its own sequence only. Cancelling the task that reads, calling `cancel`, or letting go
/// of the stream ends the sequence and frees its cache pages within one step.
package final class GenerationStream: Sendable {
    private let pipe: GenerationPipe
    /// The model that generates.
    package let name: ModelName
    /// The version that generates: the latest, when the caller named none.
    package let version: ModelVersion
    /// Tokens of the prompt, the ones the tokenizer adds included.
    package let promptTokenCount: Int

    init(pipe: GenerationPipe, name: ModelName, version: ModelVersion, promptTokenCount: Int) {
        self.pipe = pipe
        self.name = name
        self.version = version
        self.promptTokenCount = promptTokenCount
    }

    deinit { pipe.cancel() }

    /// The next event: pieces, then `.finished` once, then nil.
    ///
    /// Everything generated since the last call comes as one piece. After a cancellation, of the calling task too, the
    /// rest of the text is dropped and `.finished(.cancelled, …)` comes next.
    ///
    /// - Throws: once, instead of `.finished`: DEADLINE_EXCEEDED, or UNAVAILABLE at shutdown.
    /// - Precondition: one reader at a time.
    package func next() async throws(ServingError) -> GenerationEvent? {
        try await pipe.next()
    }

    /// Ends the text.
    package func cancel() { pipe.cancel() }

    /// What it has cost so far.
    package var usage: Usage { pipe.usage }
}
