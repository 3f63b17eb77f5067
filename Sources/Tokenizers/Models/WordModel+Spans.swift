/// A token, and the bytes of a word that it stands for.
struct WordSpan: Equatable {
    let token: Int32
    let range: Range<Int>
}

extension WordModel {
    /// The tokens of the word at `range`, as `encode` gives them, with their places in `bytes`.
    ///
    /// Bytes of a scalar without a token are each their own place.
    func spans(_ bytes: borrowing [UInt8], _ range: Range<Int>) throws(TokenizerError) -> [WordSpan] {
        switch self {
        case .bytePairs(let model): try model.spans(bytes, range)
        case .wordPiece(let model): model.spans(bytes, range)
        case .unigram(let model): try model.spans(bytes, range)
        }
    }
}

extension BytePairModel {
    fileprivate func spans(_ bytes: borrowing [UInt8], _ range: Range<Int>) throws(TokenizerError) -> [WordSpan] {
        if let wholeWords, let token = wholeWords[copy(bytes, range)] { return [WordSpan(token: token, range: range)] }
        var symbols: [Int32] = []
        var starts: [Int] = []
        try write(bytes, range, into: &symbols) { starts.append($0) }
        let merged = merges.spans(symbols)
        return merged.indices.map { index in
            let end = index + 1 < merged.count ? starts[merged[index + 1].first] : range.upperBound
            return WordSpan(token: merged[index].token, range: starts[merged[index].first]..<end)
        }
    }
}

extension WordPieceModel {
    fileprivate func spans(_ bytes: borrowing [UInt8], _ range: Range<Int>) -> [WordSpan] {
        var tokens: [Int32] = []
        var ends: [Int] = []
        encode(bytes, range, into: &tokens) { ends.append($0) }
        guard ends.last == range.upperBound else { return tokens.map { WordSpan(token: $0, range: range) } }
        return tokens.indices.map { index in
            WordSpan(token: tokens[index], range: (index > 0 ? ends[index - 1] : range.lowerBound)..<ends[index])
        }
    }
}

extension UnigramModel {
    fileprivate func spans(_ text: borrowing [UInt8], _ range: Range<Int>) throws(TokenizerError) -> [WordSpan] {
        let path = bestPath(text, range)
        var spans: [WordSpan] = []
        var end = range.count
        var isInUnknown = false
        while end > 0 {
            let start = Int(path.starts[end])
            let place = range.lowerBound + start..<range.lowerBound + end
            if path.ids[end] >= 0 {
                spans.append(WordSpan(token: path.ids[end], range: place))
            } else if let bytes {
                for index in place.reversed() {
                    spans.append(WordSpan(token: bytes[Int(text[index])], range: index..<index + 1))
                }
            } else if let unknown {
                // Unknown neighbours are one token.
                let upper = isInUnknown ? spans.removeLast().range.upperBound : place.upperBound
                spans.append(WordSpan(token: unknown, range: place.lowerBound..<upper))
            } else {
                throw .unknownCharacter(String(decodeScalar(text, at: place.lowerBound).scalar))
            }
            isInUnknown = path.ids[end] < 0
            end = start
        }
        return spans.reversed()
    }
}
