/// A byte-pair tokenizer: the byte-level kind of GPT-2, and the SentencePiece kind of Llama 2 with byte fallback.
///
/// Added tokens are cut out, the rest is normalised, cut into words, written as the smallest tokens, and merged.
package struct BytePairTokenizer: Tokenizer {
    /// How a word is written before anything is merged.
    enum Alphabet: Sendable {
        /// One token a byte: `[256]`.
        case bytes([Int32])
        /// One token a Unicode scalar; a scalar without one is written as bytes (`[256]`, if given) or as unknown.
        case scalars([Unicode.Scalar: Int32], bytes: [Int32]?, unknown: Int32?, fusesUnknown: Bool)
    }

    let addedTokens: AddedTokens
    let normalizers: [Normalizer]
    let preTokenizer: PreTokenizer
    let alphabet: Alphabet
    let merges: BytePairMerges
    /// What stands before and behind every text that is encoded with special tokens.
    let prefix: [Int32]
    let suffix: [Int32]
    /// `[vocabularySize]` the bytes of each token.
    let tokenBytes: [[UInt8]]

    package let leadingSpaceCount: Int

    package var vocabularySize: Int { tokenBytes.count }

    package func bytes(of token: Int32) -> [UInt8] {
        token >= 0 && Int(token) < tokenBytes.count ? tokenBytes[Int(token)] : []
    }

    package func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        var tokens = addsSpecialTokens ? prefix : []
        for piece in addedTokens.split(text) {
            switch piece {
            case .token(let token): tokens.append(token)
            case .text(let text): try encode(plain: text, into: &tokens)
            }
        }
        if addsSpecialTokens { tokens += suffix }
        return tokens
    }

    private func encode(plain text: String, into tokens: inout [Int32]) throws(TokenizerError) {
        let normalized = normalizers.reduce(text) { $1($0) }
        for word in preTokenizer.words(of: normalized) {
            var symbols = try self.symbols(of: word)
            merges.apply(to: &symbols)
            tokens += symbols
        }
    }

    private func symbols(of word: Substring.UnicodeScalarView) throws(TokenizerError) -> [Int32] {
        switch alphabet {
        case .bytes(let table):
            return String(word).utf8.map { table[Int($0)] }
        case .scalars(let table, let bytes, let unknown, let fusesUnknown):
            var symbols: [Int32] = []
            for scalar in word {
                if let token = table[scalar] {
                    symbols.append(token)
                } else if let bytes {
                    symbols += UTF8.encode(scalar)!.map { bytes[Int($0)] }
                } else if let unknown {
                    if !(fusesUnknown && symbols.last == unknown) { symbols.append(unknown) }
                } else {
                    throw .unknownCharacter(String(scalar))
                }
            }
            return symbols
        }
    }
}
