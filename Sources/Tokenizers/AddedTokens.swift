/// Tokens that are looked for in the text itself, before anything else is done to it.
struct AddedTokens: Sendable {
    struct Entry: Sendable {
        let content: String
        let token: Int32
        /// Whether white space next to the token belongs to it.
        let stripsLeft: Bool
        let stripsRight: Bool
    }

    /// A piece of a text: a token found in it, or what stands between two of them.
    enum Piece: Equatable {
        case token(Int32)
        case text(String)
    }

    private let entries: [Entry]
    private let firstScalars: Set<Unicode.Scalar>

    init(_ entries: [Entry]) {
        // Longest first, so that "<|end|>" is never read as "<|" and the rest.
        self.entries = entries.filter { !$0.content.isEmpty }.sorted { $0.content.utf8.count > $1.content.utf8.count }
        firstScalars = Set(self.entries.compactMap(\.content.unicodeScalars.first))
    }

    /// Cuts `text` at every added token.
    func split(_ text: String) -> [Piece] {
        let scalars = text.unicodeScalars
        var pieces: [Piece] = []
        var textStart = scalars.startIndex
        var index = scalars.startIndex
        while index < scalars.endIndex {
            guard firstScalars.contains(scalars[index]), let entry = entry(at: index, in: scalars) else {
                index = scalars.index(after: index)
                continue
            }
            var before = scalars[textStart..<index]
            while entry.stripsLeft, before.last?.properties.isWhitespace == true { before.removeLast() }
            if !before.isEmpty { pieces.append(.text(String(before))) }
            pieces.append(.token(entry.token))
            index = scalars.index(index, offsetBy: entry.content.unicodeScalars.count)
            while entry.stripsRight, index < scalars.endIndex, scalars[index].properties.isWhitespace {
                index = scalars.index(after: index)
            }
            textStart = index
        }
        if textStart < scalars.endIndex { pieces.append(.text(String(scalars[textStart...]))) }
        return pieces
    }

    private func entry(at index: String.UnicodeScalarView.Index, in scalars: String.UnicodeScalarView) -> Entry? {
        entries.first { scalars[index...].starts(with: $0.content.unicodeScalars) }
    }
}
