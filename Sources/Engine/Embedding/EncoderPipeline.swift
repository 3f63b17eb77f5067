import ModelFiles
import Models
import TextModels
import Tokenizers
import Vocabulary

/// An encoder and what turns text into its tokens.
struct EncoderPipeline {
    let model: EncoderModel
    let tokenizer: any Tokenizer
    /// Puts text into lower case before it is cut, where the model's files ask for that.
    private let lowercases: Bool
    /// What the tokenizer puts behind a text.
    private let suffix: [Int32]

    init(model: EncoderModel, tokenizer: any Tokenizer) {
        self.model = model
        self.tokenizer = tokenizer
        lowercases = model.encoder.lowercases
        // Around nothing stand the begin and the end; a single token is one that begins.
        let around = (try? tokenizer.encode("", addsSpecialTokens: true)) ?? []
        suffix = around.count >= 2 ? [around[around.count - 1]] : []
    }

    /// The tokens of a text, each of them one the model knows.
    ///
    /// - Parameters:
    ///   - text: any.
    ///   - field: what the text is called in errors.
    ///   - truncates: whether of a text that is too long the beginning is taken, with what ends a text behind it.
    /// - Returns: at least one.
    /// - Throws: INVALID_ARGUMENT naming `field` and what is wrong with it.
    /// - Complexity: O(length of the text).
    func tokens(of text: String, field: String, truncates: Bool) throws(ServingError) -> [Int32] {
        var tokens: [Int32]
        do {
            tokens = try tokenizer.encode(lowercases ? text.lowercased() : text, addsSpecialTokens: true)
        } catch {
            throw ServingError(.invalidArgument, "\(field): \(error)")
        }
        let lengthMax = model.encoder.lengthMax
        if tokens.count > lengthMax {
            guard truncates else {
                throw ServingError(
                    .invalidArgument,
                    "\(field): expected at most \(lengthMax) tokens for model '\(model.description.name)', got "
                        + "\(tokens.count)", label: "too_long")
            }
            let kept = max(0, lengthMax - suffix.count)
            tokens = Array((tokens.prefix(kept) + suffix).prefix(lengthMax))
        }
        guard !tokens.isEmpty else {
            throw ServingError(.invalidArgument, "\(field): expected at least 1 token, got 0")
        }
        let vocabularySize = model.encoder.vocabularySize
        if let token = tokens.first(where: { $0 < 0 || Int($0) >= vocabularySize }) {
            throw ServingError(
                .invalidArgument, "\(field): token \(token) is not in the vocabulary of \(vocabularySize)")
        }
        return tokens
    }
}
