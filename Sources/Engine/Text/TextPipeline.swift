import ChatTemplates
import KVCache
import Models
import Tokenizers
import Vocabulary

/// A text model and what turns text into its tokens and back.
struct TextPipeline {
    let model: any TokenModel
    let tokenizer: any Tokenizer
    /// How the model wants a conversation written; nil for a model without such a way.
    let chatTemplate: ChatTemplate?
    /// Tokens by which the model says that a text ends.
    let endOfSequence: Set<Int32>
    /// Beginnings of prompts that are known to everybody.
    let sharedPrefixes: [String]
    let constraints: ConstraintCache

    init(
        model: any TokenModel, tokenizer: any Tokenizer, endOfSequence: Set<Int32>, sharedPrefixes: [String] = [],
        chatTemplate: ChatTemplate? = nil
    ) {
        self.model = model
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        self.endOfSequence = endOfSequence
        self.sharedPrefixes = sharedPrefixes
        constraints = ConstraintCache(tokenizer: tokenizer, endOfSequence: endOfSequence)
    }

    /// Longer texts are not cut into tokens on the caller's thread, which may be an event loop.
    static let inlineByteCountMax = 4096

    /// The tokens of a prompt, each of them one the model knows.
    ///
    /// - Throws: INVALID_ARGUMENT naming `field` and what is wrong with it.
    func tokens(
        of prompt: GenerationRequest.Prompt, field: String
    ) async throws(ServingError) -> [Int32] {
        let tokens =
            switch prompt {
            case .tokens(let tokens): tokens
            case .text(let text): try await encode(text, field: field)
            case .chat(let chat): try await self.tokens(of: chat)
            }
        let vocabularySize = model.properties.vocabularySize
        if let index = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) {
            throw ServingError(
                .invalidArgument,
                "\(field): expected token ids in 0..<\(vocabularySize), got \(tokens[index]) at index \(index)")
        }
        guard !tokens.isEmpty else {
            throw ServingError(.invalidArgument, "\(field): expected at least 1 token, got 0")
        }
        return tokens
    }

    /// The tokens of the beginnings that are known to everybody.
    ///
    /// Each is cut up twice, because a prompt may come with what the tokenizer puts in front of a text or, rendered by
    /// a template, without. Its last tokens may be others than those of a prompt that goes on in the middle of a word;
    /// then the page they are in is shared with nobody.
    ///
    /// - Throws: INVALID_ARGUMENT naming the prefix that cannot be cut into tokens.
    func sharedPrefixTokens() throws(ServingError) -> SharedPrefixes {
        var prefixes: [[Int32]] = []
        for (index, text) in sharedPrefixes.enumerated() {
            do {
                prefixes.append(try tokenizer.encode(text, addsSpecialTokens: true))
                prefixes.append(try tokenizer.encode(text, addsSpecialTokens: false))
            } catch {
                throw ServingError(.invalidArgument, "shared_prefixes[\(index)]: \(error)")
            }
        }
        return SharedPrefixes(prefixes)
    }

    private func encode(_ text: String, field: String) async throws(ServingError) -> [Int32] {
        let tokenizer = tokenizer
        let encoded: Result<[Int32], TokenizerError>
        if text.utf8.count <= Self.inlineByteCountMax {
            encoded = Result { () throws(TokenizerError) in try tokenizer.encode(text, addsSpecialTokens: true) }
        } else {
            encoded = await Task.detached {
                Result { () throws(TokenizerError) in try tokenizer.encode(text, addsSpecialTokens: true) }
            }.value
        }
        do {
            return try encoded.get()
        } catch {
            throw ServingError(.invalidArgument, "\(field): \(error)")
        }
    }
}
