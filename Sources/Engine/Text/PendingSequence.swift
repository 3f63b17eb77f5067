import Constraints
import KVCache
import Scheduling
import Synchronization
import TextModels
import Vocabulary

/// A text request on its way to the engine thread.
final class PendingSequence: Sendable {
    /// What is wanted of the sequence.
    enum Work: Sendable {
        /// More tokens, chosen and handed out one by one.
        case generate(Generation)
        /// The mean of the final hidden states, `[hiddenSize]`.
        case embed(Embedding)
    }

    final class Embedding: Sendable {
        let completion = Completion<Result<[Float], ServingError>>()
        private let noted = Mutex<Usage?>(nil)

        /// What it has cost so far; nil before it has begun.
        var usage: Usage? { noted.withLock { $0 } }

        func note(_ usage: Usage) { noted.withLock { $0 = usage } }
    }

    struct Generation: Sendable {
        let pipe: GenerationPipe
        /// Which of the pipe's answers.
        let answer: Int
        let sampling: SamplingParameters
        let stopStrings: StopStrings
        let stopTokens: Set<Int32>
        /// How many of the likeliest tokens go along with each; nil for no probabilities at all.
        let logprobCount: Int?
        let constraint: Constraint?
        let ignoresEndOfSequence: Bool
    }

    let ticket: Ticket
    let promptTokens: [Int32]
    /// Prompt and answer together.
    let tokenCountMax: Int
    let deadline: Deadline
    let share: TenantShare
    let arrival: MonotonicTime
    /// Whose pages of the cache it may begin with; nil when each token of the prompt is to be computed by itself.
    let namespace: PrefixNamespace?
    /// A sequence with the same prompt, sent before, whose pages it begins with as soon as they are computed.
    let leader: Ticket?
    let work: Work
    let place: QueuePlace

    init(
        ticket: Ticket, promptTokens: [Int32], tokenCountMax: Int, deadline: Deadline, share: TenantShare,
        arrival: MonotonicTime, namespace: PrefixNamespace? = nil, leader: Ticket? = nil,
        place: QueuePlace? = nil, work: Work
    ) {
        self.ticket = ticket
        self.promptTokens = promptTokens
        self.tokenCountMax = tokenCountMax
        self.deadline = deadline
        self.share = share
        self.arrival = arrival
        self.namespace = namespace
        self.leader = leader
        self.place = place ?? QueuePlace(share.tenant)
        self.work = work
    }

    /// Whether an embedding, or an error in its place, is there; a text says so to its pipe's reader only.
    var isAnswered: Bool {
        switch work {
        case .generate: false
        case .embed(let embedding): embedding.completion.isComplete
        }
    }

    /// Answers with an error.
    ///
    /// - Parameters:
    ///   - error: the answer.
    ///   - usage: what it has cost until then; nil when it has not begun.
    /// - Returns: false when it was answered already.
    func fail(_ error: ServingError, usage: Usage? = nil) -> Bool {
        switch work {
        case .generate(let generation):
            generation.pipe.finish(answer: generation.answer, .failure(error), usage: usage)
        case .embed(let embedding): embedding.completion.complete(.failure(error))
        }
    }

    /// What an embedding has cost until `now`.
    func usage(at now: MonotonicTime) -> Usage {
        if case .embed(let embedding) = work, let usage = embedding.usage { return usage }
        var usage = Usage()
        usage.queueNanoseconds = now.nanoseconds(since: arrival)
        return usage
    }
}
