import KVCache
import Models
import Scheduling

/// Where guesses of the next tokens come from; they change how fast a text is written, never which.
package enum Speculation: String, Sendable, CaseIterable {
    /// Nowhere: a step writes one token of each text.
    case off
    /// From the text itself: what followed its last tokens where they were before, as long as that is worth the time.
    case ngram

    /// Most guesses of one text in a step: with the token before them they fill a tile of the products.
    static let guessCountMax = 15
}

/// The limits a text model is served under, in the units of its settings.
package struct TextLimits: Sendable, Equatable {
    /// Requests that may wait; at least 1.
    package var queueCapacity = 256
    /// Texts that are written at the same time; at least 1.
    package var runningSequenceCountMax = 32
    /// Tokens in one step; at least 1.
    package var stepTokenBudget = 256
    /// How long a step may take in which a text is written, so far as that can be predicted; what is left of it when
    /// each text has its token goes to prompts.
    package var stepNanosecondsMax: UInt64 = 50_000_000
    /// Memory of the cache in bytes; less is used when all texts at their longest need less.
    package var cacheByteCount = 256 << 20
    /// Tokens in a page of the cache; at least 1.
    package var tokensPerPage = 16
    /// Whether a prompt that begins like an earlier one of its tenant finds the pages of that.
    package var reusesPrefixes = true
    /// Beginnings of prompts that are known to everybody, so that the pages of one tenant serve them all.
    package var sharedPrefixes: [String] = []
    /// Where guesses come from, so that more than one token can be written in a step.
    package var speculation = Speculation.ngram
    /// The most of them: each prompt is compared with all.
    static let sharedPrefixCountMax = 256

    package init() {}

    /// Turned into counts for a model: at least one page, at most as many as `runningSequenceCountMax` texts of the
    /// model's context length fill, and no more texts than the budget has tokens.
    func tokenLimits(for properties: TokenModelProperties) -> TokenLimits {
        let (pageByteCount, overflow) = properties.cacheBytesPerToken.multipliedReportingOverflow(by: tokensPerPage)
        let affordable = overflow ? 0 : cacheByteCount / max(1, pageByteCount)
        let pagesPerText = (properties.contextLengthMax - 1) / tokensPerPage + 1
        let (useful, isHuge) = pagesPerText.multipliedReportingOverflow(by: runningSequenceCountMax)
        let pageCount = max(1, min(affordable, isHuge ? .max : useful, PagePool.pageCountMax))
        return TokenLimits(
            runningSequenceCountMax: min(runningSequenceCountMax, stepTokenBudget), queueCapacity: queueCapacity,
            stepTokenBudget: stepTokenBudget, stepNanosecondsMax: stepNanosecondsMax,
            contextLengthMax: properties.contextLengthMax, pageCount: pageCount, tokensPerPage: tokensPerPage,
            reusesPrefixes: reusesPrefixes, guessCountMax: speculation == .off ? 0 : Speculation.guessCountMax)
    }
}
