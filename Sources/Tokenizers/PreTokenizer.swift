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
struct WordCuts<Text: StepText> {
    private(set) var text: Text
    var words: [Range<Int>]
    /// Whether `bytes` are the visible characters of a byte-level vocabulary.
    var isVisible = false
    /// Whether the first word begins the whole text.
    let isFirst: Bool

    init(_ text: Text, isFirst: Bool) {
        self.text = text
        self.isFirst = isFirst
        words = text.bytes.isEmpty ? [] : [0..<text.bytes.count]
    }

    var bytes: [UInt8] { text.bytes }

    mutating func apply(_ step: PreTokenizer) {
        switch step {
        case .split(let pattern, let behavior, let inverts): split(pattern, behavior, inverts: inverts)
        case .byteLevel(let addsPrefixSpace, let pattern):
            if addsPrefixSpace {
                rebuild { text, word, _, result in
                    let bytes = text.bytes
                    if !word.isEmpty, bytes[word.lowerBound] != 0x20 {
                        result.append(CollectionOfOne(0x20), for: Self.firstScalar(of: word, bytes), of: text)
                    }
                    result.append(word, of: text)
                }
            }
            if let pattern { split(pattern, .isolated, inverts: false) }
        case .metaspace(let replacement, let scheme, let splits): metaspace(replacement, scheme, splits: splits)
        case .bert:
            split(KnownCuts.spaces, .removed, inverts: false)
            split(KnownCuts.bertPunctuation, .isolated, inverts: false)
        }
    }

    /// The words as visible characters: what a step behind the byte level sees.
    mutating func makeVisible() {
        isVisible = true
        rebuild { text, word, _, result in
            for index in word {
                let character = ByteLevelAlphabet.characters[Int(text.bytes[index])]
                result.append(String(character).utf8, for: index..<index + 1, of: text)
            }
        }
    }

    /// Back from visible characters to the bytes that they stand for.
    mutating func makeBytes() {
        rebuild { text, word, _, result in
            let bytes = text.bytes
            var index = word.lowerBound
            // A word with anything else in it is none of ours, and stays as it is.
            guard ByteLevelAlphabet.bytes(of: String(decoding: bytes[word], as: UTF8.self)) != nil else {
                return result.append(word, of: text)
            }
            while index < word.upperBound {
                let (scalar, count) = decodeScalar(bytes, at: index)
                result.append(
                    ByteLevelAlphabet.bytes(of: String(scalar)) ?? [], for: index..<index + count, of: text)
                index += count
            }
        }
        isVisible = false
    }

    private static func firstScalar(of word: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
        word.lowerBound..<word.lowerBound + decodeScalar(bytes, at: word.lowerBound).count
    }

    private mutating func split(_ pattern: WordPattern, _ behavior: PreTokenizer.Behavior, inverts: Bool) {
        let bytes = bytes
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
        rebuild { text, word, index, result in
            let bytes = text.bytes
            let begins =
                bytes[word].starts(with: replacement) || !word.isEmpty && bytes[word.lowerBound] == 0x20
            if scheme == .always || scheme == .first && isFirst && index == 0, !begins, !word.isEmpty {
                result.append(replacement, for: Self.firstScalar(of: word, bytes), of: text)
            }
            for place in word {
                if bytes[place] == 0x20 {
                    result.append(replacement, for: place..<place + 1, of: text)
                } else {
                    result.append(place..<place + 1, of: text)
                }
            }
        }
        let bytes = bytes
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
    private mutating func rebuild(_ body: (Text, Range<Int>, Int, inout Text) -> Void) {
        var result = Text()
        result.reserveCapacity(bytes.count + 16)
        for index in words.indices {
            let start = result.bytes.count
            body(text, words[index], index, &result)
            words[index] = start..<result.bytes.count
        }
        text = result
    }
}

/// Patterns that are the same for all texts.
enum KnownCuts {
    static let spaces = pattern(#"\s"#)
    /// Punctuation as BERT has it: the category, and every ASCII sign.
    static let bertPunctuation = pattern(#"[\p{P}!-/:-@\[-`{-~]"#)

    static func pattern(_ pattern: String) -> WordPattern {
        do { return try WordPattern(pattern) } catch { preconditionFailure("\(pattern): \(error.construct)") }
    }
}
