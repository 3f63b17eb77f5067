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
    /// What the tokenizer puts around a text.
    private let prefixCount: Int
    private let suffix: [Int32]

    init(model: EncoderModel, tokenizer: any Tokenizer) {
        self.model = model
        self.tokenizer = tokenizer
        lowercases = model.encoder.lowercases
        // Around nothing stand the begin and the end; a single token is one that begins.
        let around = (try? tokenizer.encode("", addsSpecialTokens: true)) ?? []
        suffix = around.count >= 2 ? [around[around.count - 1]] : []
        prefixCount = around.count - suffix.count
    }

    /// The tokens of a text, each of them one the model knows.
    ///
    /// - Parameters:
    ///   - text: any.
    ///   - field: what the text is called in errors.
    ///   - truncation: what a text that is too long loses; what stands around it stays. Nil: it is refused.
    /// - Returns: at least one.
    /// - Throws: INVALID_ARGUMENT naming `field` and what is wrong with it.
    /// - Complexity: O(length of the text).
    func tokens(of text: String, field: String, truncation: Truncation?) throws(ServingError) -> [Int32] {
        var tokens = try encode(text, field: field, addsSpecialTokens: true)
        let lengthMax = model.encoder.lengthMax
        if tokens.count > lengthMax {
            guard let truncation else {
                throw ServingError(
                    .invalidArgument,
                    "\(field): expected at most \(lengthMax) tokens for model '\(model.description.name)', got "
                        + "\(tokens.count)", label: "too_long")
            }
            tokens = truncated(tokens, truncation)
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

    /// The tokens of a text as the model is to read it.
    ///
    /// - Throws: INVALID_ARGUMENT naming `field`, for a character that no token writes.
    func encode(_ text: String, field: String, addsSpecialTokens: Bool) throws(ServingError) -> [Int32] {
        do {
            return try tokenizer.encode(
                lowercases ? text.lowercased() : text, addsSpecialTokens: addsSpecialTokens)
        } catch {
            throw ServingError(.invalidArgument, "\(field): \(error)")
        }
    }

    /// The tokens of a text, and where in it each came from.
    ///
    /// - Throws: as `encode`.
    func pieces(of text: String, field: String, addsSpecialTokens: Bool) throws(ServingError) -> [TokenPiece] {
        do {
            return try tokenizer.pieces(of: text, addsSpecialTokens: addsSpecialTokens, lowercases: lowercases)
        } catch {
            throw ServingError(.invalidArgument, "\(field): \(error)")
        }
    }

    /// A text behind one of the model's prompts.
    ///
    /// - Throws: INVALID_ARGUMENT naming the prompts that there are.
    func prompted(_ text: String, by name: String?) throws(ServingError) -> String {
        guard let name else { return text }
        if let prompt = model.encoder.prompts[name] { return prompt + text }
        let names = model.encoder.prompts.keys.sorted()
        throw ServingError(
            .invalidArgument,
            "prompt_name: model '\(model.description.name)' has no prompt '\(name.shown())', it has "
                + (names.isEmpty ? "none" : names.joined(separator: ", ")), label: "unknown_prompt")
    }

    private func truncated(_ tokens: [Int32], _ truncation: Truncation) -> [Int32] {
        let lengthMax = model.encoder.lengthMax
        let kept = max(0, lengthMax - suffix.count)
        switch truncation {
        case .end: return Array((tokens.prefix(kept) + suffix).prefix(lengthMax))
        case .beginning:
            let last = tokens.suffix(max(0, lengthMax - prefixCount))
            return Array((tokens.prefix(prefixCount) + last).prefix(lengthMax))
        }
    }
}

/// What a text loses that is longer than a model reads.
package enum Truncation: Sendable {
    case beginning, end
}
