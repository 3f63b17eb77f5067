import Models
import Scheduling

/// The limits a text model is served under, in the units of its settings.
package struct TextLimits: Sendable, Equatable {
    /// Requests that may wait; at least 1.
    package var queueCapacity = 256
    /// Texts that are written at the same time; at least 1.
    package var runningSequenceCountMax = 32
    /// Tokens in one step; at least 1.
    package var stepTokenBudget = 256
    /// Memory of the cache in bytes; less is used when all texts at their longest need less.
    package var cacheByteCount = 256 << 20
    /// Tokens in a page of the cache; at least 1.
    package var tokensPerPage = 16

    package init() {}

    /// Turned into counts for a model: at least one page, at most as many as `runningSequenceCountMax` texts of the
    /// model's context length fill, and no more texts than the budget has tokens.
    func tokenLimits(for properties: TokenModelProperties) -> TokenLimits {
        let (pageByteCount, overflow) = properties.cacheBytesPerToken.multipliedReportingOverflow(by: tokensPerPage)
        let affordable = overflow ? 0 : cacheByteCount / max(1, pageByteCount)
        let pagesPerText = (properties.contextLengthMax - 1) / tokensPerPage + 1
        let (useful, isHuge) = pagesPerText.multipliedReportingOverflow(by: runningSequenceCountMax)
        let pageCount = max(1, min(affordable, isHuge ? .max : useful, Int(Int32.max)))
        return TokenLimits(
            runningSequenceCountMax: min(runningSequenceCountMax, stepTokenBudget), queueCapacity: queueCapacity,
            stepTokenBudget: stepTokenBudget, contextLengthMax: properties.contextLengthMax, pageCount: pageCount,
            tokensPerPage: tokensPerPage)
    }
}
