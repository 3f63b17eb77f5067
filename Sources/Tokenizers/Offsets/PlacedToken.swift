/// A token of a text, and where in the text it came from.
package struct PlacedToken: Equatable, Sendable {
    package let token: Int32
    /// In bytes of UTF-8; nil for what the tokenizer puts around a text.
    ///
    /// A token that is a part of a character has the place of all of it.
    package let range: Range<Int>?

    package init(token: Int32, range: Range<Int>?) {
        self.token = token
        self.range = range
    }
}

extension Tokenizer {
    /// For tokenizers whose tokens are the text cut into pieces: one behind the other, special ones nowhere.
    package func spans(of text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [PlacedToken] {
        let byteCount = text.utf8.count
        var start = 0
        return try encode(text, addsSpecialTokens: addsSpecialTokens).map { token in
            guard !isSpecial(token) else { return PlacedToken(token: token, range: nil) }
            let end = min(byteCount, start + max(1, bytes(of: token).count))
            defer { start = end }
            return PlacedToken(token: token, range: start..<end)
        }
    }
}
