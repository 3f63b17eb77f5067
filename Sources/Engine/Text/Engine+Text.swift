import Constraints
import Models
package import Routing
import Scheduling
import TextModels
package import Vocabulary

/// Asks whether so many tokens may be used; a refusal is the answer to the request.
package typealias TokenReservation = @Sendable (_ tokenCount: Int) throws(ServingError) -> Void

extension Engine {
    /// Continues a text.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - request: the prompt and how to go on.
    ///   - reserve: is asked once the tokens are counted, before anything waits: those of the prompt, and the most that
    ///     all answers can have.
    /// - Returns: a stream whose pieces come as they are generated; letting go of it cancels.
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the field, or the lengths when the prompt is too long;
    ///   RESOURCE_EXHAUSTED when the queue is full; UNAVAILABLE at shutdown; what `reserve` throws.
    package func generate(
        _ selector: ModelSelector, _ request: GenerationRequest, reserve: TokenReservation = { _ in }
    ) async throws(ServingError) -> GenerationStream {
        try await holding(selector, for: request.tenant) { (model) throws(ServingError) in
            try await generate(model, request, reserve: reserve)
        }
    }

    /// As above, by a model that need not be in the table.
    func generate(
        _ loaded: LoadedModel, _ request: GenerationRequest, reserve: TokenReservation = { _ in }
    ) async throws(ServingError) -> GenerationStream {
        let (pipeline, limits) = try loaded.text()
        try request.check(vocabularySize: pipeline.model.properties.vocabularySize)
        let tickets = (0..<request.answerCount).map { _ in newTicket() }
        let arrival = clock.now()
        // A seed that nobody gave: another one for each request and each run.
        let sampling = try request.sampling.checked(otherSeed: arrival.nanoseconds ^ tickets[0].number << 32)
        let stopStrings = try request.checkedStopStrings()
        let namespace = try request.namespace(for: tickets[0])
        var constraint: Constraint?
        if let wanted = request.constraint { constraint = try await pipeline.constraints.constraint(for: wanted) }
        let prompt = try await pipeline.tokens(of: request.prompt, field: "prompt")
        let lengthMax = limits.sequenceLengthMax
        // The last place is for the one token at least that is generated.
        try requireLength(of: prompt, atMost: lengthMax - 1, field: "prompt", model: loaded)
        let answerLengthMax = min(request.tokenCountMax, lengthMax - prompt.count)
        try reserve(prompt.count + request.answerCount * answerLengthMax)
        let places = tickets.map { ($0, QueuePlace(request.share.tenant)) }
        let pipe = makePipe(for: places, of: loaded)
        let sequences = places.enumerated().map { answer, place in
            PendingSequence(
                ticket: place.0, promptTokens: prompt,
                tokenCountMax: prompt.count + answerLengthMax,
                deadline: request.deadline, share: request.share,
                arrival: arrival, namespace: namespace, leader: answer > 0 ? tickets[0] : nil, place: place.1,
                work: .generate(
                    .init(
                        pipe: pipe, answer: answer,
                        // Each answer is what a call of its own with the next seed would get.
                        sampling: sampling.with(seed: sampling.seed &+ UInt64(answer)), stopStrings: stopStrings,
                        stopTokens: Set(request.stopTokens), logprobCount: request.logprobCount,
                        constraint: constraint,
                        ignoresEndOfSequence: request.ignoresEndOfSequence)))
        }
        try loaded.enterQueue(request.share, requests: sequences.count)
        try submit(.run(loaded, sequences), for: loaded)
        return GenerationStream(
            pipe: pipe, name: loaded.description.name, version: loaded.description.version,
            promptTokenCount: prompt.count, answerCount: request.answerCount,
            arrival: arrival, clock: clock)
    }

    /// The pipe of a text whose reader's wishes reach the engine thread as notices.
    private func makePipe(for places: [(Ticket, QueuePlace)], of loaded: LoadedModel) -> GenerationPipe {
        GenerationPipe(
            answerCount: places.count, bufferedTokenCountMax: configuration.bufferedTokenCountMax
        ) { [mailbox] request in
            switch request {
            case .resume(let answer):
                mailbox.send(notice: .resume(loaded, places[answer].0))
            case .cancel:
                loaded.count { $0.cancellationCount += 1 }
                mailbox.abandon(loaded, places)
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
