package import Compute

/// The sizes of a text model that its scheduler and tokenizer need.
package struct TokenModelProperties: Sendable {
    /// Logits per token.
    package let vocabularySize: Int
    /// Most tokens of one sequence, prompt and answer together.
    package let contextLengthMax: Int
    /// Extent of a hidden state, the length of an embedding.
    package let hiddenSize: Int
    /// Bytes of keys and values that one token occupies in the cache.
    package let cacheBytesPerToken: Int

    package init(vocabularySize: Int, contextLengthMax: Int, hiddenSize: Int, cacheBytesPerToken: Int) {
        self.vocabularySize = vocabularySize
        self.contextLengthMax = contextLengthMax
        self.hiddenSize = hiddenSize
        self.cacheBytesPerToken = cacheBytesPerToken
    }
}

/// What a sequence wants back for the tokens it puts into a step.
package enum TokenStepResult: Sendable, Equatable {
    /// Nothing yet: more of the prompt follows in a later step.
    case none
    /// The logits after each of its last `last` tokens, at least one of which there is.
    case logits(last: Int)
    /// The final hidden state (after the last norm) of each of its tokens, for embeddings.
    case hiddenStates

    /// The logits after its last token.
    package static var lastLogits: TokenStepResult { .logits(last: 1) }
}

/// The consecutive tokens that one sequence puts into a step.
package struct TokenSpan: Sendable {
    /// `[tokenCount]` ids in `0 ..< vocabularySize`, at least one.
    package let tokens: [Int32]
    /// How many tokens of the sequence are in the cache already: the position of `tokens[0]`.
    package let startPosition: Int
    /// The sequence's pages in order; page `i` holds positions `i · tokensPerPage ..< (i + 1) · tokensPerPage`, and
    /// together they cover `startPosition + tokens.count`.
    package let pages: [Int32]
    package let result: TokenStepResult

    package init(tokens: [Int32], startPosition: Int, pages: [Int32], result: TokenStepResult) {
        self.tokens = tokens
        self.startPosition = startPosition
        self.pages = pages
        self.result = result
    }
}

/// A model that extends token sequences whose keys and values lie in a paged cache.
///
/// The page pool and the page tables are the scheduler's; the memory behind the pages is the model's.
package protocol TokenModel: Model {
    var properties: TokenModelProperties { get }

    /// Allocates the memory of the cache; called once before the first step.
    ///
    /// - Throws: when the memory cannot be had.
    func allocateCache(pageCount: Int, tokensPerPage: Int) throws

    /// Runs all spans through the model once, appends their keys and values to their pages, and hands each result out.
    ///
    /// What an earlier step left in the cache from `startPosition` on is overwritten.
    ///
    /// A span's result has the same bits whatever else is in the step, however its prompt was cut into spans, and on
    /// any number of threads.
    ///
    /// - Parameters:
    ///   - spans: one for each sequence in the step; a page that a span's tokens go to is in no other span, while the
    ///     full pages before it may be in several.
    ///   - gang: the threads that share the work.
    ///   - receive: called once for each span whose result is not `.none`, in order, with the span's index and
    ///     `[last, vocabularySize]` logits or `[tokenCount, hiddenSize]` states, Float32, valid during the call only.
    /// - Isolation: engine thread only.
    /// - Source: Kwon et al. 2023, section 4 (PagedAttention); Yu et al. 2022 (Orca), selective batching.
    func step(_ spans: [TokenSpan], on gang: ComputeGang, receive: (Int, UnsafeBufferPointer<Float>) -> Void)
}
