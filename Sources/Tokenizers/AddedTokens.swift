/// Tokens that are looked for in the text itself, before a model sees it.
struct AddedTokens: Sendable {
    struct Entry: Sendable {
        let content: [UInt8]
        let token: Int32
        /// Whether white space next to the token belongs to it.
        var stripsLeft = false
        var stripsRight = false
        /// Whether letters and digits next to it make it no token.
        var isSingleWord = false
    }

    /// A piece of a text: a token found in it and its place, with the white space that belongs to it, or the place of
    /// what stands between two of them.
    enum Piece: Equatable {
        case token(Int32, Range<Int>)
        case text(Range<Int>)
    }

    private let entries: [Entry]
    private var trie = ByteTrie()

    init(_ entries: [Entry]) {
        self.entries = entries
        for (index, entry) in entries.enumerated() { trie.add(entry.content, value: Int32(index)) }
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Where in `text` an added token begins, ascending; also inside of another.
    func offsets(in text: [UInt8]) -> [Int] {
        text.indices.filter {
            trie.startsEntry[Int(text[$0])] && trie.longest(in: text, from: $0, to: text.count) != nil
        }
    }

    /// Cuts `text` at every added token, the longest that begins at a place; at those of `literals` none of
    /// `specialTokens` begins.
    func split(_ text: [UInt8], literals: Set<Int> = [], specialTokens: Set<Int32> = []) -> [Piece] {
        guard !isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
        var pieces: [Piece] = []
        var textStart = 0
        var index = 0
        while index < text.count {
            guard trie.startsEntry[Int(text[index])], let match = trie.longest(in: text, from: index, to: text.count)
            else {
                index += 1
                continue
            }
            let entry = entries[Int(match.value)]
            if !literals.isEmpty, literals.contains(index), specialTokens.contains(entry.token) {
                index += 1
                continue
            }
            if entry.isSingleWord, hasWord(before: index, text) || hasWord(after: match.end, text) {
                index = match.end
                continue
            }
            var end = index
            while entry.stripsLeft, end > textStart {
                let last = startOfScalar(text, before: end)
                guard Self.isSpace(decodeScalar(text, at: last).scalar) else { break }
                end = last
            }
            if end > textStart { pieces.append(.text(textStart..<end)) }
            index = match.end
            while entry.stripsRight, index < text.count {
                let (scalar, count) = decodeScalar(text, at: index)
                guard Self.isSpace(scalar) else { break }
                index += count
            }
            pieces.append(.token(entry.token, end..<index))
            textStart = index
        }
        if textStart < text.count { pieces.append(.text(textStart..<text.count)) }
        return pieces
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        ScalarClasses.bits(scalar) & ScalarClasses.spaceBit != 0
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        ScalarClasses.bits(scalar) & (ScalarClasses.letters | ScalarClasses.marks | ScalarClasses.numbers | 1 << 11)
            != 0
    }

    private func hasWord(before index: Int, _ text: [UInt8]) -> Bool {
        index > 0 && Self.isWord(decodeScalar(text, at: startOfScalar(text, before: index)).scalar)
    }

    private func hasWord(after index: Int, _ text: [UInt8]) -> Bool {
        index < text.count && Self.isWord(decodeScalar(text, at: index).scalar)
    }
}
