/// The limits of one text model's steps, queue and cache.
package struct TokenLimits: Equatable, Sendable {
    /// Most sequences that hold cache pages at the same time, and so the most in one step; at least 1.
    package var runningSequenceCountMax: Int
    /// Most sequences that wait, those that lost their pages included; one more is refused.
    package var queueCapacity: Int
    /// Most tokens in one step.
    package var stepTokenBudget: Int
    /// How long a step may take in which a text is written, as far as that can be predicted: what is left when every
    /// text has its token goes to prompts.
    package var stepNanosecondsMax: UInt64
    /// Most tokens of one sequence, prompt and answer together.
    package var contextLengthMax: Int
    /// Pages of the cache.
    package var pageCount: Int
    /// Tokens in a page.
    package var tokensPerPage: Int
    /// Whether requests find the pages of earlier requests; if not, only those of their own siblings.
    package var reusesPrefixes: Bool
    /// Most tokens of one sequence that are guessed in a step, see `PromptLookup`; 0 for none.
    package var guessCountMax: Int
    /// How long a tenant's prompts wait before one of them goes ahead of others, whatever the tenant has had.
    package var ageNanosecondsMax: UInt64

    /// - Precondition: all are at least 1, and the budget has room for a token of every running sequence.
    package init(
        runningSequenceCountMax: Int, queueCapacity: Int, stepTokenBudget: Int, stepNanosecondsMax: UInt64 = .max,
        contextLengthMax: Int, pageCount: Int, tokensPerPage: Int, reusesPrefixes: Bool = true,
        guessCountMax: Int = 0, ageNanosecondsMax: UInt64 = TenantShares.ageNanosecondsMax
    ) {
        precondition(
            runningSequenceCountMax >= 1 && queueCapacity >= 1 && contextLengthMax >= 1 && pageCount >= 1
                && tokensPerPage >= 1 && guessCountMax >= 0, "a limit too low")
        precondition(
            stepTokenBudget >= runningSequenceCountMax,
            "\(stepTokenBudget) tokens for \(runningSequenceCountMax) sequences")
        self.runningSequenceCountMax = runningSequenceCountMax
        self.queueCapacity = queueCapacity
        self.stepTokenBudget = stepTokenBudget
        self.stepNanosecondsMax = stepNanosecondsMax
        self.contextLengthMax = contextLengthMax
        self.pageCount = pageCount
        self.tokensPerPage = tokensPerPage
        self.reusesPrefixes = reusesPrefixes
        self.guessCountMax = guessCountMax
        self.ageNanosecondsMax = ageNanosecondsMax
    }

    /// The longest sequence that context and cache have room for.
    package var sequenceLengthMax: Int {
        let (cached, overflow) = pageCount.multipliedReportingOverflow(by: tokensPerPage)
        return overflow ? contextLengthMax : min(contextLengthMax, cached)
    }
}
