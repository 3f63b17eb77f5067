import Compute
import Models
import Synchronization
import TextModels
import Tokenizers
import Vocabulary

/// One call for the vectors of many texts by an encoder.
///
/// The texts are cut into tokens by the chunk, beside the engine thread, which computes the chunks before; each text
/// goes to the queue by itself, so that texts of all calls share executions.
struct EncoderEmbedding: Sendable {
    let engine: Engine
    let loaded: LoadedModel
    // Of the model, only what does not change is read here.
    nonisolated(unsafe) let pipeline: EncoderPipeline
    let truncates: Bool
    let deadline: Deadline
    let share: TenantShare
    /// What errors call the texts.
    let field: String
    /// Is asked for the tokens of each chunk.
    let reserve: TokenReservation
    let tally: UsageTally?
    private let requests = OpenRequests()

    /// Texts that are cut into tokens at a time: about as many as share an execution.
    private static let chunkTextCount = 64
    /// Chunks with fewer bytes are cut on the caller's thread, which may be an event loop.
    private static let inlineByteCountMax = 2048

    init(
        engine: Engine, loaded: LoadedModel, pipeline: EncoderPipeline, truncates: Bool, deadline: Deadline,
        share: TenantShare, field: String, tally: UsageTally?, reserve: @escaping TokenReservation
    ) {
        self.engine = engine
        self.loaded = loaded
        self.pipeline = pipeline
        self.truncates = truncates
        self.deadline = deadline
        self.share = share
        self.field = field
        self.reserve = reserve
        self.tally = tally
    }

    /// Embeds all texts; when one of them fails, the others are given up.
    ///
    /// - Throws: INVALID_ARGUMENT naming the text by its index; RESOURCE_EXHAUSTED when the queue is full;
    ///   DEADLINE_EXCEEDED; CANCELLED; UNAVAILABLE at shutdown.
    func run(_ texts: [String], countMax: Int, isNormalized: Bool) async throws(ServingError) -> EmbeddingAnswer {
        guard (1...countMax).contains(texts.count) else {
            throw ServingError(.invalidArgument, "\(field): expected 1 to \(countMax) texts, got \(texts.count)")
        }
        let usage: @Sendable () -> Usage = { [requests, clock = engine.clock] in requests.usage(at: clock.now()) }
        tally?.begin(by: loaded.description.version, usage)
        let answer: Result<EmbeddingAnswer, ServingError> = await withTaskCancellationHandler {
            do throws(ServingError) {
                var collected = Collected()
                try await submit(texts, isNormalized: isNormalized, &collected)
                while let request = requests.next() {
                    try await collected.add(request, isNormalized: isNormalized)
                }
                return .success(made(of: collected.vectors, usage()))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            giveUp()
        }
        if case .failure = answer { giveUp() }
        return try answer.get()
    }

    /// Sends the texts, no more at a time than a call may hold places: the answers that come first are taken meanwhile.
    private func submit(
        _ texts: [String], isNormalized: Bool, _ collected: inout Collected
    ) async throws(ServingError) {
        let openCountMax = QueuePlaces.ofOneCall(capacity: loaded.terms.queueCapacity)
        let chunkTextCount = min(Self.chunkTextCount, openCountMax)
        for start in stride(from: 0, to: texts.count, by: chunkTextCount) {
            let chunk = texts[start..<min(start + chunkTextCount, texts.count)]
            while start + chunk.count - collected.vectors.count > openCountMax, let request = requests.next() {
                try await collected.add(request, isNormalized: isNormalized)
            }
            let byteCount = chunk.reduce(0) { $0 + $1.utf8.count }
            // The other chunks of a large call are cut elsewhere too, however small they are.
            let isSmall = texts.count <= chunkTextCount && byteCount <= Self.inlineByteCountMax
            let tokens = isSmall ? tokenized(chunk) : await Task.detached { tokenized(chunk) }.value
            try submit(tokens.get())
        }
    }

    private func tokenized(_ chunk: ArraySlice<String>) -> Result<[[Int32]], ServingError> {
        Result { () throws(ServingError) in
            var tokens: [[Int32]] = []
            for (index, text) in zip(chunk.indices, chunk) {
                tokens.append(
                    try pipeline.tokens(of: text, field: "\(field)[\(index)]", truncation: truncates ? .end : nil))
            }
            return tokens
        }
    }

    private func submit(_ texts: [[Int32]]) throws(ServingError) {
        try reserve(texts.reduce(0) { $0 + $1.count })
        let arrival = engine.clock.now()
        let pending = texts.map { tokens in
            PendingInference(
                ticket: engine.newTicket(), input: EncoderModel.input(tokens), sampleCount: tokens.count, key: .any,
                deadline: deadline, share: share, arrival: arrival)
        }
        try loaded.enterQueue(share, requests: pending.count)
        guard requests.append(pending) else {
            loaded.leaveQueue(pending.map(\.place))
            loaded.count { $0.cancellationCount += UInt64(pending.count) }
            throw .cancelledByCaller
        }
        for request in pending {
            // What cannot be sent gives back its own place; `giveUp` finds the others by theirs.
            guard !request.completion.isComplete else { continue }
            switch engine.mailbox.send(work: .infer(loaded, request)) {
            case .sent: continue
            case .full: throw loaded.queueFull
            case .closed: throw .engineStopped
            }
        }
    }

    /// What has come so far, in the order of the texts.
    private struct Collected {
        var vectors: [[Float]] = []

        mutating func add(_ request: PendingInference, isNormalized: Bool) async throws(ServingError) {
            let answer = try await request.completion.value().get()
            let vector = answer.output.tensors[0].tensor.array(of: Float.self)
            vectors.append(isNormalized ? normalized(vector) : vector)
        }
    }

    private func made(of vectors: [[Float]], _ usage: Usage) -> EmbeddingAnswer {
        loaded.count { $0.promptTokenCount += UInt64(usage.promptTokenCount) }
        return EmbeddingAnswer(
            vectors: vectors, usage: usage, name: loaded.description.name, version: loaded.description.version)
    }

    /// Takes what is not answered yet out of the engine.
    private func giveUp() {
        var cancelledCount: UInt64 = 0
        for request in requests.close() where !request.completion.isComplete {
            // First the place, then the answer: whoever has it finds the place free.
            request.dropInput()
            engine.mailbox.abandon(loaded, [(request.ticket, request.place)])
            if request.completion.complete(.failure(.cancelledByCaller)) { cancelledCount += 1 }
        }
        guard cancelledCount > 0 else { return }
        loaded.count { $0.cancellationCount += cancelledCount }
    }
}

/// The requests of one call so far; closed once the call is given up.
private final class OpenRequests: Sendable {
    private struct State {
        var requests: [PendingInference] = []
        var nextIndex = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// One after the other in the order of the texts; nil when all were given out.
    func next() -> PendingInference? {
        state.withLock { state in
            guard state.nextIndex < state.requests.count else { return nil }
            state.nextIndex += 1
            return state.requests[state.nextIndex - 1]
        }
    }

    /// Adds requests; false when the call was given up.
    func append(_ requests: [PendingInference]) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.requests += requests
            return true
        }
    }

    /// What they have cost until `now`, all together.
    func usage(at now: MonotonicTime) -> Usage {
        state.withLock { $0.requests }.reduce(into: Usage()) { sum, request in
            sum.add(textOf: request.sampleCount, in: request.usage(at: now))
        }
    }

    /// Takes no more of them.
    func close() -> [PendingInference] {
        state.withLock { state in
            state.isClosed = true
            return state.requests
        }
    }
}
