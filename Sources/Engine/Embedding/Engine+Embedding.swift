import Models
package import Routing
import Scheduling
package import Vocabulary

extension Engine {
    /// Embeds texts: one vector each.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - texts: at least one.
    ///   - isNormalized: whether the vectors are scaled to length 1.
    ///   - truncates: whether of a text that is too long the beginning is taken; otherwise it is an error.
    ///   - deadline: once it has passed, no more of them is computed.
    ///   - share: whose texts they are.
    ///   - field: what errors call the texts: the name that the caller gave them under.
    ///   - tally: says what they cost, also before the answer and of a call that fails.
    ///   - reserve: is asked for the tokens of the texts before they wait; for many texts, more than once.
    /// - Returns: the vectors in the order of the texts.
    /// - Throws: as `generate`; a text that is too long is named by its index.
    package func embed(
        _ selector: ModelSelector, texts: [String], isNormalized: Bool = true, truncates: Bool = false,
        deadline: Deadline = .never, share: TenantShare = TenantShare(), field: String = "texts",
        tally: UsageTally? = nil, reserve: @escaping TokenReservation = { _ in }
    ) async throws(ServingError) -> EmbeddingAnswer {
        try await holding(selector, for: share.tenant) { (model) throws(ServingError) in
            try await embed(
                model, texts: texts, isNormalized: isNormalized, truncates: truncates, deadline: deadline,
                share: share, field: field, tally: tally, reserve: reserve)
        }
    }

    /// As above, by a model that need not be in the table.
    func embed(
        _ loaded: LoadedModel, texts: [String], isNormalized: Bool = true, truncates: Bool = false,
        deadline: Deadline = .never, share: TenantShare = TenantShare(), field: String = "texts",
        tally: UsageTally? = nil, reserve: @escaping TokenReservation = { _ in }
    ) async throws(ServingError) -> EmbeddingAnswer {
        if case .encoder(let pipeline, let limits) = loaded.kind {
            let embedding = EncoderEmbedding(
                engine: self, loaded: loaded, pipeline: pipeline, truncates: truncates, deadline: deadline,
                share: share, field: field, tally: tally, reserve: reserve)
            return try await embedding.run(texts, countMax: limits.queueCapacity, isNormalized: isNormalized)
        }
        let sequences = try await prepare(
            texts, for: loaded, truncates: truncates, deadline: deadline, share: share, field: field)
        try reserve(sequences.reduce(0) { $0 + $1.promptTokens.count })
        let usage: @Sendable () -> Usage = { [clock] in
            sequences.reduce(into: Usage()) { $0.add(text: $1.usage(at: clock.now())) }
        }
        tally?.begin(by: loaded.description.version, usage)
        var vectors: [[Float]] = []
        // No more at a time than a call may hold places.
        let openCountMax = QueuePlaces.ofOneCall(capacity: loaded.terms.queueCapacity)
        for start in stride(from: 0, to: sequences.count, by: openCountMax) {
            let part = Array(sequences[start..<min(start + openCountMax, sequences.count)])
            for mean in try await answer(to: part, from: loaded, share) {
                vectors.append(isNormalized ? normalized(mean) : mean)
            }
        }
        let description = loaded.description
        return EmbeddingAnswer(vectors: vectors, usage: usage(), name: description.name, version: description.version)
    }

    /// Sends sequences together; when one of them fails, the others are given up.
    private func answer(
        to sequences: [PendingSequence], from loaded: LoadedModel, _ share: TenantShare
    ) async throws(ServingError) -> [[Float]] {
        guard !Task.isCancelled else { throw .cancelledByCaller }
        try loaded.enterQueue(share, requests: sequences.count)
        try submit(.run(loaded, sequences), for: loaded)
        let cancelAll = { @Sendable [mailbox] in
            let open = sequences.filter { !$0.isAnswered }
            mailbox.abandon(loaded, open.map { ($0.ticket, $0.place) })
            let cancelledCount = open.filter { $0.fail(.cancelledByCaller) }.count
            loaded.count { $0.cancellationCount += UInt64(cancelledCount) }
        }
        let answer: Result<[[Float]], ServingError> = await withTaskCancellationHandler {
            var means: [[Float]] = []
            for sequence in sequences {
                guard case .embed(let embedding) = sequence.work else { continue }
                switch await embedding.completion.value() {
                case .failure(let error): return .failure(error)
                case .success(let mean): means.append(mean)
                }
            }
            return .success(means)
        } onCancel: {
            cancelAll()
        }
        // When one text has failed, the others are of no use.
        if case .failure = answer { cancelAll() }
        return try answer.get()
    }

    /// Cuts the texts into tokens and checks them, before any of them waits.
    private func prepare(
        _ texts: [String], for loaded: LoadedModel, truncates: Bool, deadline: Deadline, share: TenantShare,
        field: String
    ) async throws(ServingError) -> [PendingSequence] {
        let (pipeline, limits) = try loaded.text()
        guard (1...limits.queueCapacity).contains(texts.count) else {
            throw ServingError(
                .invalidArgument, "\(field): expected 1 to \(limits.queueCapacity) texts, got \(texts.count)")
        }
        let arrival = clock.now()
        var sequences: [PendingSequence] = []
        for (index, text) in texts.enumerated() {
            let field = "\(field)[\(index)]"
            var tokens = try await pipeline.tokens(of: .text(text), field: field)
            if truncates { tokens = Array(tokens.prefix(limits.sequenceLengthMax)) }
            try requireLength(of: tokens, atMost: limits.sequenceLengthMax, field: field, model: loaded)
            sequences.append(
                PendingSequence(
                    ticket: newTicket(), promptTokens: tokens, tokenCountMax: tokens.count, deadline: deadline,
                    share: share, arrival: arrival, work: .embed(.init())))
        }
        return sequences
    }
}

/// The vector of length 1 in the same direction; a vector of zeros stays.
package func normalized(_ vector: [Float]) -> [Float] {
    // In Double: the squares of a long vector of large numbers overflow Float.
    let length = vector.reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
    guard length > 0 else { return vector }
    return vector.map { Float(Double($0) / length) }
}
