/// How the words of a text become tokens.
enum WordModel: Sendable {
    case bytePairs(BytePairModel)
    case wordPiece(WordPieceModel)
    case unigram(UnigramModel)

    /// Appends the tokens of the word at `range`.
    func encode(
        _ bytes: borrowing [UInt8], _ range: Range<Int>, into tokens: inout [Int32]
    ) throws(TokenizerError) {
        switch self {
        case .bytePairs(let model): try model.encode(bytes, range, into: &tokens)
        case .wordPiece(let model): model.encode(bytes, range, into: &tokens)
        case .unigram(let model): try model.encode(bytes, range, into: &tokens)
        }
    }
}

/// Byte pairs: a word is written as the smallest tokens, and neighbours are merged.
struct BytePairModel: Sendable {
    /// How a word is written before anything is merged.
    enum Alphabet: Sendable {
        /// One token a byte, `[256]`; a byte without one is left out.
        case bytes([Int32?])
        /// One token a Unicode scalar; a scalar without one is written as bytes (`[256]`, if given) or as unknown.
        case scalars([Unicode.Scalar: Int32], bytes: [Int32]?, unknown: Int32?, fusesUnknown: Bool)
    }

    let alphabet: Alphabet
    let merges: BytePairMerges
    /// Whole words that are tokens whatever the merges say; nil where merges decide.
    let wholeWords: PieceTable?

    func encode(
        _ bytes: borrowing [UInt8], _ range: Range<Int>, into tokens: inout [Int32]
    ) throws(TokenizerError) {
        if let wholeWords, let token = wholeWords[copy(bytes, range)] {
            tokens.append(token)
            return
        }
        var symbols: [Int32] = []
        try write(bytes, range, into: &symbols) { _ in }
        merges.apply(to: &symbols)
        tokens += symbols
    }

    /// Appends the smallest tokens of a word, and says of each where it begins.
    @inline(__always)
    func write(
        _ bytes: borrowing [UInt8], _ range: Range<Int>, into symbols: inout [Int32], _ didBegin: (Int) -> Void
    ) throws(TokenizerError) {
        switch alphabet {
        case .bytes(let table):
            symbols.reserveCapacity(range.count)
            for index in range {
                guard let token = table[Int(bytes[index])] else { continue }
                symbols.append(token)
                didBegin(index)
            }
        case .scalars(let table, let byteTable, let unknown, let fusesUnknown):
            var index = range.lowerBound
            while index < range.upperBound {
                let (scalar, count) = decodeScalar(bytes, at: index)
                if let token = table[scalar] {
                    symbols.append(token)
                    didBegin(index)
                } else if let byteTable {
                    for position in index..<index + count {
                        symbols.append(byteTable[Int(bytes[position])])
                        didBegin(position)
                    }
                } else if let unknown {
                    if !(fusesUnknown && symbols.last == unknown) {
                        symbols.append(unknown)
                        didBegin(index)
                    }
                } else {
                    throw .unknownCharacter(String(scalar))
                }
                index += count
            }
        }
    }

    func copy(_ bytes: borrowing [UInt8], _ range: Range<Int>) -> [UInt8] {
        var word: [UInt8] = []
        word.reserveCapacity(range.count)
        for index in range { word.append(bytes[index]) }
        return word
    }
}

/// WordPiece: the longest entry that begins a word, then the longest that goes on with it, and so on.
///
/// - Source: Wu et al. 2016, section 4.1; Devlin et al. 2019 (BERT).
struct WordPieceModel: Sendable {
    /// Entries that begin a word, and entries that go on, without their prefix.
    let beginnings: ByteTrie
    let continuations: ByteTrie
    let unknown: Int32
    /// A word of more scalars is unknown as a whole.
    let scalarCountMax: Int

    func encode(_ bytes: borrowing [UInt8], _ range: Range<Int>, into tokens: inout [Int32]) {
        encode(bytes, range, into: &tokens) { _ in }
    }

    /// As the other `encode`; says of each entry that was found where it ends, of those too that come to nothing.
    @inline(__always)
    func encode(
        _ bytes: borrowing [UInt8], _ range: Range<Int>, into tokens: inout [Int32], _ didFind: (Int) -> Void
    ) {
        let first = tokens.count
        var scalarCount = 0
        for index in range where bytes[index] & 0xC0 != 0x80 { scalarCount += 1 }
        var index = range.lowerBound
        while scalarCount <= scalarCountMax, index < range.upperBound {
            let trie = index == range.lowerBound ? beginnings : continuations
            guard let match = trie.longest(in: bytes, from: index, to: range.upperBound) else { break }
            tokens.append(match.value)
            index = match.end
            didFind(index)
        }
        guard index < range.upperBound else { return }
        tokens.removeLast(tokens.count - first)
        tokens.append(unknown)
    }
}

/// Unigram: the way to write a word whose entries have the highest sum of scores.
///
/// - Source: Kudo 2018, "Subword regularization", section 3.2.
struct UnigramModel: Sendable {
    /// What an unknown scalar costs below the worst entry.
    static let unknownPenalty = 10.0

    let trie: ByteTrie
    /// `[ids]` log probabilities.
    let scores: [Double]
    let unknown: Int32?
    /// `[256]` the tokens of bytes for unknown characters, if there are such.
    let bytes: [Int32]?
    let unknownScore: Double

    /// The best way to write a text.
    struct Path {
        /// `[bytes + 1]` where the entry begins that ends here, from the beginning of the text; negative for none.
        fileprivate(set) var starts: [Int32]
        /// `[bytes + 1]` that entry; negative for an unknown scalar.
        fileprivate(set) var ids: [Int32]
    }

    func encode(
        _ text: borrowing [UInt8], _ range: Range<Int>, into tokens: inout [Int32]
    ) throws(TokenizerError) {
        let path = bestPath(text, range)
        try appendPath(text, range, path.starts, path.ids, into: &tokens)
    }

    /// - Complexity: O(n · longest entry).
    func bestPath(_ text: borrowing [UInt8], _ range: Range<Int>) -> Path {
        let count = range.count
        var best = [Double](repeating: -.infinity, count: count + 1)
        var starts = [Int32](repeating: -1, count: count + 1)
        var ids = [Int32](repeating: -1, count: count + 1)
        best[0] = 0
        var start = 0
        while start < count {
            let scalarLength = decodeScalar(text, at: range.lowerBound + start).count
            var hasSingle = false
            var node = ByteTrie.root
            var index = start
            while index < count, let next = trie.child(of: node, text[range.lowerBound + index]) {
                node = next
                index += 1
                let id = trie.value(at: node)
                guard id >= 0 else { continue }
                let score = best[start] + scores[Int(id)]
                if starts[index] < 0 || score > best[index] {
                    (best[index], starts[index], ids[index]) = (score, Int32(start), id)
                }
                if index - start == scalarLength { hasSingle = true }
            }
            if !hasSingle {
                let end = start + scalarLength
                let score = best[start] + unknownScore
                if starts[end] < 0 || score > best[end] {
                    (best[end], starts[end], ids[end]) = (score, Int32(start), -1)
                }
            }
            start += scalarLength
        }
        return Path(starts: starts, ids: ids)
    }

    private func appendPath(
        _ text: borrowing [UInt8], _ range: Range<Int>, _ starts: [Int32], _ ids: [Int32], into tokens: inout [Int32]
    ) throws(TokenizerError) {
        let first = tokens.count
        var end = range.count
        var isInUnknown = false
        while end > 0 {
            let start = Int(starts[end])
            if ids[end] >= 0 {
                tokens.append(ids[end])
            } else if let bytes {
                for index in (start..<end).reversed() { tokens.append(bytes[Int(text[range.lowerBound + index])]) }
            } else if let unknown {
                // Unknown neighbours are one token.
                if !isInUnknown { tokens.append(unknown) }
            } else {
                throw .unknownCharacter(String(decodeScalar(text, at: range.lowerBound + start).scalar))
            }
            isInUnknown = ids[end] < 0
            end = start
        }
        tokens[first...].reverse()
    }
}
