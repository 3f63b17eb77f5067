/// How a text is cut into words before a model writes them; no token crosses a cut.
indirect enum PreTokenizer: Sendable {
    /// What becomes of the matches of a pattern.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// When a word gets a mark of space in front that the text does not have.
    enum PrependScheme: String, Sendable {
        case always, first, never
    }

    case split(WordPattern, Behavior, inverts: Bool)
    /// A space in front of each word, where asked for, GPT-2's pattern, where asked for, and bytes from here on.
    case byteLevel(addsPrefixSpace: Bool, pattern: WordPattern?)
    /// Spaces become `replacement`, and words begin with it where `splits`.
    case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
    case bert

    /// GPT-2's words: contractions, runs of letters, of digits, of others, each with one leading space, white space.
    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    static let llama3Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
        + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
        + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
}

/// A text and the words it was cut into so far.
struct WordCuts {
    var bytes: [UInt8]
    var words: [Range<Int>]
    /// Whether `bytes` are the visible characters of a byte-level vocabulary.
    var isVisible = false
    /// Whether the first word begins the whole text.
    let isFirst: Bool

    init(_ bytes: [UInt8], isFirst: Bool) {
        self.bytes = bytes
        self.isFirst = isFirst
        words = bytes.isEmpty ? [] : [0..<bytes.count]
    }

    mutating func apply(_ step: PreTokenizer) {
        switch step {
        case .split(let pattern, let behavior, let inverts): split(pattern, behavior, inverts: inverts)
        case .byteLevel(let addsPrefixSpace, let pattern):
            if addsPrefixSpace {
                rebuild { word, _, result in
                    if word.first.map({ $0 != 0x20 }) == true { result.append(0x20) }
                    result += word
                }
            }
            if let pattern { split(pattern, .isolated, inverts: false) }
        case .metaspace(let replacement, let scheme, let splits): metaspace(replacement, scheme, splits: splits)
        case .bert:
            split(Self.spaces, .removed, inverts: false)
            split(Self.bertPunctuation, .isolated, inverts: false)
        }
    }

    /// The words as visible characters: what a step behind the byte level sees.
    mutating func makeVisible() {
        isVisible = true
        rebuild { word, _, result in
            for byte in word { result += String(ByteLevelAlphabet.characters[Int(byte)]).utf8 }
        }
    }

    private static let spaces = known(#"\s"#)
    /// Punctuation as BERT has it: the category, and every ASCII sign.
    private static let bertPunctuation = known(#"[\p{P}!-/:-@\[-`{-~]"#)

    static func known(_ pattern: String) -> WordPattern {
        do { return try WordPattern(pattern) } catch { preconditionFailure("\(pattern): \(error.construct)") }
    }

    private mutating func split(_ pattern: WordPattern, _ behavior: PreTokenizer.Behavior, inverts: Bool) {
        var result: [Range<Int>] = []
        result.reserveCapacity(max(words.count, bytes.count / 5))
        for word in words {
            let first = result.count
            var wasMatch: Bool?
            pattern.forEachPiece(in: bytes, word) { piece, matches in
                let isMatch = matches != inverts
                defer { wasMatch = isMatch }
                switch behavior {
                case .removed: if !isMatch { result.append(piece) }
                case .isolated: result.append(piece)
                case .contiguous:
                    if wasMatch == isMatch { extend(&result, first, by: piece) } else { result.append(piece) }
                case .mergedWithPrevious:
                    if isMatch, wasMatch == false {
                        extend(&result, first, by: piece)
                    } else {
                        result.append(piece)
                    }
                case .mergedWithNext:
                    if !isMatch, wasMatch == true {
                        extend(&result, first, by: piece)
                    } else {
                        result.append(piece)
                    }
                }
            }
        }
        words = result
    }

    private func extend(_ words: inout [Range<Int>], _ first: Int, by piece: Range<Int>) {
        if words.count > first {
            words[words.count - 1] = words[words.count - 1].lowerBound..<piece.upperBound
        } else {
            words.append(piece)
        }
    }

    private mutating func metaspace(_ replacement: [UInt8], _ scheme: PreTokenizer.PrependScheme, splits: Bool) {
        let isFirst = self.isFirst
        rebuild { word, index, result in
            let start = result.count
            for byte in word { if byte == 0x20 { result += replacement } else { result.append(byte) } }
            let prepends = scheme == .always || scheme == .first && isFirst && index == 0
            if prepends, !result[start...].starts(with: replacement) {
                result.insert(contentsOf: replacement, at: start)
            }
        }
        guard splits, let mark = replacement.first else { return }
        var result: [Range<Int>] = []
        for word in words {
            var start = word.lowerBound
            for index in word where index > start && bytes[index] == mark {
                guard bytes[index..<word.upperBound].starts(with: replacement) else { continue }
                result.append(start..<index)
                start = index
            }
            result.append(start..<word.upperBound)
        }
        words = result
    }

    /// Writes every word anew; `body` appends what the word becomes.
    private mutating func rebuild(_ body: (ArraySlice<UInt8>, Int, inout [UInt8]) -> Void) {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 16)
        for index in words.indices {
            let start = result.count
            body(bytes[words[index]], index, &result)
            words[index] = start..<result.count
        }
        bytes = result
    }
}
