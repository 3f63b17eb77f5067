/// The limits of one text model's steps, queue and cache.
package struct TokenLimits: Equatable, Sendable {
    /// Most sequences that hold cache pages at the same time, and so the most in one step; at least 1.
    package var runningSequenceCountMax: Int
    /// Most sequences that wait, those that lost their pages included; one more is refused.
    package var queueCapacity: Int
    /// Most tokens in one step; bounds how long a running text waits for a long prompt.
    package var stepTokenBudget: Int
    /// Most tokens of one sequence, prompt and answer together.
    package var contextLengthMax: Int
    /// Pages of the cache.
    package var pageCount: Int
    /// Tokens in a page.
    package var tokensPerPage: Int

    /// - Precondition: all are at least 1, and the budget has room for a token of every running sequence.
    package init(
        runningSequenceCountMax: Int, queueCapacity: Int, stepTokenBudget: Int, contextLengthMax: Int, pageCount: Int,
        tokensPerPage: Int
    ) {
        precondition(
            runningSequenceCountMax >= 1 && queueCapacity >= 1 && contextLengthMax >= 1 && pageCount >= 1
                && tokensPerPage >= 1, "a limit below 1")
        precondition(
            stepTokenBudget >= runningSequenceCountMax,
            "\(stepTokenBudget) tokens for \(runningSequenceCountMax) sequences")
        self.runningSequenceCountMax = runningSequenceCountMax
        self.queueCapacity = queueCapacity
        self.stepTokenBudget = stepTokenBudget
        self.contextLengthMax = contextLengthMax
        self.pageCount = pageCount
        self.tokensPerPage = tokensPerPage
    }

    /// The longest sequence that context and cache have room for.
    package var sequenceLengthMax: Int {
        let (cached, overflow) = pageCount.multipliedReportingOverflow(by: tokensPerPage)
        return overflow ? contextLengthMax : min(contextLengthMax, cached)
    }
}
