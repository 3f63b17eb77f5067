package import KVCache
package import Vocabulary

/// A sequence as the token scheduler sees it.
package struct SequenceRequest: Equatable, Sendable {
    package let ticket: Ticket
    /// At least one token.
    package let prompt: [Int32]
    /// Prompt and answer together, in `prompt.count ... TokenLimits.sequenceLengthMax`.
    package let tokenCountMax: Int
    package let deadline: Deadline
    /// Whose pages it may begin with, and who may begin with its own.
    ///
    /// Nil when every token of it has to be computed by itself, because the caller wants something of each: hidden
    /// states, or probabilities of the prompt.
    package let namespace: PrefixNamespace?
    /// A sequence with the same prompt and namespace, enqueued before, that computes the prompt for this one.
    ///
    /// This one waits until that is done, and begins with its pages, so that `n` answers to a prompt cost one prompt.
    /// It means nothing once that sequence has left.
    package let leader: Ticket?
    package let share: TenantShare

    package init(
        ticket: Ticket, prompt: [Int32], tokenCountMax: Int, deadline: Deadline = .never,
        namespace: PrefixNamespace? = nil, leader: Ticket? = nil, share: TenantShare = TenantShare()
    ) {
        self.ticket = ticket
        self.prompt = prompt
        self.tokenCountMax = tokenCountMax
        self.deadline = deadline
        self.namespace = namespace
        self.leader = leader
        self.share = share
    }
}

/// A sequence that got pages.
package struct AdmittedSequence: Equatable, Sendable {
    package let ticket: Ticket
    /// How many of its first tokens lie in pages that were computed before, and are not computed again.
    package let cachedTokenCount: Int

    package init(ticket: Ticket, cachedTokenCount: Int) {
        self.ticket = ticket
        self.cachedTokenCount = cachedTokenCount
    }
}

/// What to compute for one sequence in a step.
package struct ScheduledSpan: Equatable, Sendable {
    package let ticket: Ticket
    /// The positions of the tokens to run; those before are in the cache already.
    package let positions: Range<Int>
    /// The sequence's pages, covering all positions up to the end of the span, guesses included.
    ///
    /// Those that positions of the span lie in are the sequence's own; the ones before may be other sequences' too.
    package private(set) var pages: [Int32]
    /// Whether these are the last tokens known of the sequence, so that the next one can be chosen.
    package let reachesEnd: Bool
    /// Tokens to run behind the known ones, in case they are the ones that will be chosen; none unless it reaches the
    /// end.
    package private(set) var guesses: [Int32] = []

    init(ticket: Ticket, positions: Range<Int>, pages: [Int32], reachesEnd: Bool) {
        self.ticket = ticket
        self.positions = positions
        self.pages = pages
        self.reachesEnd = reachesEnd
    }

    /// Tokens that go through the model.
    package var tokenCount: Int { positions.count + guesses.count }

    /// - Parameters:
    ///   - guesses: of the tokens behind it.
    ///   - pages: that have room for them.
    mutating func add(_ guesses: [Int32], pages: [Int32]) {
        self.guesses = guesses
        self.pages = pages
    }
}

/// What to do now for one text model.
package struct TokenStep: Equatable, Sendable {
    /// Sequences whose deadline passed; they are gone, and their pages are free.
    package var expired: [Ticket] = []
    /// Sequences that waited and whose deadline is sooner than their prompt can be read; they are gone.
    package var hopeless: [Ticket] = []
    /// Sequences whose pages were taken away; they wait, and what nobody has kept of them will be computed again.
    package var preempted: [Ticket] = []
    /// Sequences that got pages and run from now on, some of them not for the first time.
    package var admitted: [AdmittedSequence] = []
    /// One for each sequence in the step, together at most `stepTokenBudget` tokens, guesses included; may be empty.
    package var spans: [ScheduledSpan] = []
}
