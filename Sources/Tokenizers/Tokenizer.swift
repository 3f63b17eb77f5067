/// Text to token ids and back.
///
/// - Isolation: any thread; a tokenizer never changes once loaded.
package protocol Tokenizer: Sendable {
    /// One more than the highest token id.
    var vocabularySize: Int { get }

    /// How many leading spaces of a whole decoded text are the tokenizer's own and are dropped.
    var leadingSpaceCount: Int { get }

    /// The ids of `text`, with `addsSpecialTokens` inside what the tokenizer puts around a text, such as a begin token.
    ///
    /// - Throws: `TokenizerError.unknownCharacter` when the vocabulary cannot write `text`.
    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32]

    /// The tokens of `text`, as `encode` gives them, and where in it each came from.
    ///
    /// - Throws: as `encode`.
    func spans(of text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [PlacedToken]

    /// Where in `text`, UTF-8, a special token is written: offsets of first bytes, ascending.
    func specialTokenOffsets(in text: [UInt8]) -> [Int]

    /// The ids of `text`, UTF-8, with nothing put around it; a special token written at one of the offsets `literals`
    /// is read as any other text.
    ///
    /// - Throws: as the other `encode`.
    func encode(_ text: [UInt8], literals: Set<Int>) throws(TokenizerError) -> [Int32]

    /// The UTF-8 bytes that `token` stands for, possibly part of a character; none for a special or unknown token.
    func bytes(of token: Int32) -> [UInt8]

    /// The id of an added token, special or not, by what it is written as, such as `<|im_end|>`.
    func token(named content: String) -> Int32?

    /// Whether the token stands for no text, such as one that begins or ends a turn.
    func isSpecial(_ token: Int32) -> Bool

    /// What an added token is written as; nil for any other.
    func name(of token: Int32) -> String?

    /// Whether a space stands before every token that begins a word, special ones included, when they are written out.
    var writesWordsApart: Bool { get }
}

extension Tokenizer {
    /// None, for tokenizers without added tokens.
    package func token(named content: String) -> Int32? { nil }

    /// None, for tokenizers without special tokens.
    package func specialTokenOffsets(in text: [UInt8]) -> [Int] { [] }

    /// The ids of the text, for tokenizers without special tokens.
    package func encode(_ text: [UInt8], literals: Set<Int>) throws(TokenizerError) -> [Int32] {
        try encode(String(decoding: text, as: UTF8.self), addsSpecialTokens: false)
    }

    /// None, for tokenizers without special tokens.
    package func isSpecial(_ token: Int32) -> Bool { false }

    /// As most tokenizers, whose tokens have their spaces in them.
    package var writesWordsApart: Bool { false }

    /// None, for tokenizers without added tokens.
    package func name(of token: Int32) -> String? { nil }

    /// The text of `tokens`, special ones left out; bytes that are not UTF-8 become U+FFFD.
    package func decode(_ tokens: some Sequence<Int32>) -> String {
        var decoder = IncrementalDecoder(self)
        var text = ""
        for token in tokens { text += decoder.append(token) }
        return text + decoder.finish()
    }
}

/// Why a tokenizer could not be loaded or a text not be encoded.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// A construct of the file that Apus does not know; `construct` names it, e.g. `pre_tokenizer "Split"`.
    case unsupported(file: String, construct: String)
    /// The file contradicts itself.
    case malformed(file: String, problem: String)
    /// A character that no token writes, in a vocabulary without bytes and without an unknown token.
    case unknownCharacter(String)

    package var description: String {
        switch self {
        case .unsupported(let file, let construct): "\(file): \(construct) is not supported"
        case .malformed(let file, let problem): "\(file): \(problem)"
        case .unknownCharacter(let character): "no token writes \"\(character)\""
        }
    }
}
