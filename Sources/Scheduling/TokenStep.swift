package import Vocabulary

/// A sequence as the token scheduler sees it: how many tokens, not which.
package struct SequenceRequest: Equatable, Sendable {
    package let ticket: Ticket
    /// At least 1.
    package let promptTokenCount: Int
    /// Prompt and answer together, in `promptTokenCount ... TokenLimits.sequenceLengthMax`.
    package let tokenCountMax: Int
    package let deadline: Deadline

    package init(ticket: Ticket, promptTokenCount: Int, tokenCountMax: Int, deadline: Deadline = .never) {
        self.ticket = ticket
        self.promptTokenCount = promptTokenCount
        self.tokenCountMax = tokenCountMax
        self.deadline = deadline
    }
}

/// What to compute for one sequence in a step.
package struct ScheduledSpan: Equatable, Sendable {
    package let ticket: Ticket
    /// The positions of the tokens to run; those before are in the cache already.
    package let positions: Range<Int>
    /// The sequence's pages, covering all positions up to the end of the span.
    package let pages: [Int32]
    /// Whether these are the last tokens known of the sequence, so that the next one can be chosen.
    package let reachesEnd: Bool
}

/// What to do now for one text model.
package struct TokenStep: Equatable, Sendable {
    /// Sequences whose deadline passed; they are gone, and their pages are free.
    package var expired: [Ticket] = []
    /// Sequences whose pages were taken away; they wait, and will be computed again from their first token.
    package var preempted: [Ticket] = []
    /// Sequences that got pages and run from now on, some of them not for the first time.
    package var admitted: [Ticket] = []
    /// One for each sequence in the step, together at most `stepTokenBudget` tokens; may be empty.
    package var spans: [ScheduledSpan] = []
}
