/// A token and what it is written as.
package struct TokenPiece: Equatable, Sendable {
    package let token: Int32
    /// The text that it stands for without the space in front, or its name if it stands for none.
    package let text: String
    package let isSpecial: Bool

    package init(token: Int32, text: String, isSpecial: Bool) {
        self.token = token
        self.text = text
        self.isSpecial = isSpecial
    }
}

extension Tokenizer {
    /// What each of the tokens is written as; part of a character becomes U+FFFD.
    package func pieces(of tokens: [Int32]) -> [TokenPiece] {
        tokens.map { token in
            let isSpecial = isSpecial(token)
            if isSpecial, let name = name(of: token) { return TokenPiece(token: token, text: name, isSpecial: true) }
            let bytes = bytes(of: token)
            let hasSpace = bytes.count > 1 && bytes[0] == UInt8(ascii: " ")
            return TokenPiece(
                token: token, text: String(decoding: bytes.dropFirst(hasSpace ? 1 : 0), as: UTF8.self),
                isSpecial: isSpecial)
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
