/// What is taken off the places of tokens, as a tokenizer's file says.
struct SpaceTrimming: Sendable, Equatable {
    /// Whether the first space of the first token is the tokenizer's own.
    var addsPrefixSpace: Bool
}

extension PipelineTokenizer {
    /// The tokens of a text, as `encode` gives them, with their places.
    ///
    /// The same steps as those of `encode`, over a text that knows where it came from. Of what a step puts into a text,
    /// the place is that of the character it stands with: a mark of space in front of a word is at its first one.
    ///
    /// - Throws: as `encode`.
    /// - Source: what the offsets of Hugging Face's `tokenizers` are, which clients know.
    package func spans(of text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [PlacedToken] {
        let text = AlignedText(Array(text.utf8))
        var spans: [PlacedToken] = []
        for piece in addedTokens.split(text.bytes) {
            switch piece {
            case .token(let token, let place): spans.append(PlacedToken(token: token, range: text.origin(of: place)))
            case .text(let range): try appendSpans(AlignedText(range, of: text), isFirst: range.lowerBound == 0, &spans)
            }
        }
        if let spaceTrimming { trimSpaces(&spans, text.bytes, spaceTrimming) }
        guard addsSpecialTokens else { return spans }
        func around(_ tokens: [Int32]) -> [PlacedToken] { tokens.map { PlacedToken(token: $0, range: nil) } }
        return around(prefix) + spans + around(suffix)
    }

    private func appendSpans(
        _ text: AlignedText, isFirst: Bool, _ spans: inout [PlacedToken]
    ) throws(TokenizerError) {
        let normalized = normalizers.reduce(text) { $1($0) }
        for piece in normalizedTokens.split(normalized.bytes) {
            switch piece {
            case .token(let token, let place):
                spans.append(PlacedToken(token: token, range: normalized.origin(of: place)))
            case .text(let range):
                var cuts = WordCuts(
                    AlignedText(range, of: normalized), isFirst: isFirst && range.lowerBound == 0)
                cut(&cuts)
                let bytes = cuts.bytes
                for word in cuts.words {
                    for span in try model.spans(bytes, word) {
                        spans.append(PlacedToken(token: span.token, range: cuts.text.origin(of: span.range)))
                    }
                }
            }
        }
    }

    /// Takes the spaces at the ends of tokens off their places, each of which may be a longer character in the text.
    private func trimSpaces(_ spans: inout [PlacedToken], _ text: [UInt8], _ trimming: SpaceTrimming) {
        for index in spans.indices {
            guard let range = spans[index].range else { continue }
            let bytes = bytes(of: spans[index].token)
            var leading = bytes.prefix { $0 == 0x20 }.count
            let trailing = bytes.reversed().prefix { $0 == 0x20 }.count
            if leading > 0, trimming.addsPrefixSpace, index == 0 || range.lowerBound == 0 { leading -= 1 }
            var (start, end) = (range.lowerBound, range.upperBound)
            for _ in 0..<leading where start < end { start += decodeScalar(text, at: start).count }
            for _ in 0..<trailing where end > start { end = startOfScalar(text, before: end) }
            spans[index] = PlacedToken(token: spans[index].token, range: start..<end)
        }
    }
}
