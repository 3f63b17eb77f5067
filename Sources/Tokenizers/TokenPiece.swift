/// A token of a text and what it stands for.
package struct TokenPiece: Equatable, Sendable {
    package let token: Int32
    /// The part of the text that it came from, or its name where the tokenizer has put it around the text.
    package let text: String
    /// Where that part is in the text, in bytes of UTF-8; nil where it is none.
    package let range: Range<Int>?

    package init(token: Int32, text: String, range: Range<Int>?) {
        self.token = token
        self.text = text
        self.range = range
    }
}

extension Tokenizer {
    /// What each of the tokens of a text stands for.
    ///
    /// - Parameters:
    ///   - text: of any length.
    ///   - addsSpecialTokens: whether with what the tokenizer puts around a text.
    ///   - lowercases: whether the text is written in lower case before the tokenizer sees it.
    /// - Returns: the tokens in their order.
    /// - Throws: as `encode`.
    package func pieces(
        of text: String, addsSpecialTokens: Bool, lowercases: Bool = false
    ) throws(TokenizerError) -> [TokenPiece] {
        let bytes = Array(text.utf8)
        let lower = lowercases ? Normalizer.lowercase(AlignedText(bytes)) : nil
        let read = lower.map { String(decoding: $0.bytes, as: UTF8.self) } ?? text
        return try spans(of: read, addsSpecialTokens: addsSpecialTokens).map { span in
            guard let place = span.range else {
                return TokenPiece(token: span.token, text: name(of: span.token) ?? "", range: nil)
            }
            let range = lower.flatMap { $0.origin(of: place) } ?? place
            return TokenPiece(token: span.token, text: String(decoding: bytes[range], as: UTF8.self), range: range)
        }
    }

    /// The text of `tokens`, special ones by their names or left out.
    package func decode(_ tokens: [Int32], keepsSpecialTokens: Bool) -> String {
        guard keepsSpecialTokens else { return decode(tokens) }
        var decoder = IncrementalDecoder(self)
        var text = ""
        for token in tokens {
            guard isSpecial(token), let name = name(of: token) else {
                text += decoder.append(token)
                continue
            }
            text += decoder.finish()
            if writesWordsApart, !text.isEmpty { text += " " }
            text += name
            decoder = IncrementalDecoder(continuing: self)
        }
        return text + decoder.finish()
    }
}
