import Models
package import Routing
import Scheduling
import TextModels
package import Vocabulary

extension Engine {
    /// Continues a text.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - request: the prompt and how to go on.
    /// - Returns: a stream whose pieces come as they are generated; letting go of it cancels.
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the field, or the lengths when the prompt is too long;
    ///   RESOURCE_EXHAUSTED when the queue is full; UNAVAILABLE at shutdown.
    package func generate(
        _ selector: ModelSelector, _ request: GenerationRequest
    ) async throws(ServingError) -> GenerationStream {
        let loaded = try find(selector)
        let (pipeline, limits) = try loaded.text()
        let ticket = newTicket()
        let arrival = clock.now()
        guard request.tokenCountMax >= 1 else {
            throw ServingError(.invalidArgument, "max_tokens: expected at least 1, got \(request.tokenCountMax)")
        }
        // A seed that nobody gave: another one for each request and each run.
        let sampling = try request.sampling.checked(otherSeed: arrival.nanoseconds ^ ticket.number << 32)
        let stopStrings = try request.checkedStopStrings()
        let prompt = try await pipeline.tokens(of: request.prompt, field: "prompt")
        let lengthMax = limits.sequenceLengthMax
        // The last place is for the one token at least that is generated.
        try requireLength(of: prompt, atMost: lengthMax - 1, field: "prompt", model: loaded)
        let place = QueuePlace()
        let pipe = makePipe(for: ticket, place, of: loaded)
        let sequence = PendingSequence(
            ticket: ticket, promptTokens: prompt,
            tokenCountMax: prompt.count + min(request.tokenCountMax, lengthMax - prompt.count),
            deadline: request.deadline, arrival: arrival, place: place,
            work: .generate(
                .init(
                    pipe: pipe, sampling: sampling, stopStrings: stopStrings,
                    ignoresEndOfSequence: request.ignoresEndOfSequence)))
        try loaded.enterQueue()
        try submit(.run(loaded, [sequence]), for: loaded)
        return GenerationStream(
            pipe: pipe, name: loaded.description.name, version: loaded.description.version,
            promptTokenCount: prompt.count)
    }

    /// The pipe of a text whose reader's wishes reach the engine thread as notices.
    private func makePipe(for ticket: Ticket, _ place: QueuePlace, of loaded: LoadedModel) -> GenerationPipe {
        GenerationPipe(bufferedTokenCountMax: configuration.bufferedTokenCountMax) { [mailbox] request in
            switch request {
            case .resume:
                mailbox.send(notice: .resume(loaded, ticket))
            case .cancel:
                loaded.count { $0.cancellationCount += 1 }
                mailbox.abandon(loaded, [(ticket, place)])
            }
        }
    }
}

/// Refuses a text that is too long for the model's context or for its cache.
func requireLength(
    of tokens: [Int32], atMost lengthMax: Int, field: String, model: LoadedModel
) throws(ServingError) {
    guard tokens.count <= lengthMax else {
        throw ServingError(
            .invalidArgument,
            "\(field): expected at most \(lengthMax) tokens for model '\(model.description.name)', got \(tokens.count)",
            label: "too_long")
    }
}

extension GenerationRequest {
    func checkedStopStrings() throws(ServingError) -> StopStrings {
        do {
            return try StopStrings(stopStrings)
        } catch {
            throw ServingError(.invalidArgument, error.description)
        }
    }
}

extension GenerationRequest.Sampling {
    func checked(otherSeed: UInt64) throws(ServingError) -> SamplingParameters {
        do {
            return try SamplingParameters(
                temperature: temperature, topK: topK, topP: topP, seed: seed ?? otherSeed)
        } catch {
            throw ServingError(.invalidArgument, error.description)
        }
    }
}
