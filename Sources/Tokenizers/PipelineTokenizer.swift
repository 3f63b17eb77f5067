/// A tokenizer made of steps: added tokens are cut out, the rest is normalised, cut into words, and written by a model.
///
/// It covers byte-level BPE (GPT-2, Llama 3, Qwen2), SentencePiece BPE and Unigram (Llama 2, T5) and WordPiece (BERT),
/// from any of the files that `TokenizerLoader` knows.
package struct PipelineTokenizer: Tokenizer {
    /// Most ids a vocabulary may have.
    package static let vocabularySizeMax = 1 << 22

    /// Added tokens that are looked for in the text as it comes, and those looked for after normalisation.
    var addedTokens = AddedTokens([])
    var normalizedTokens = AddedTokens([])
    /// The special ones among both, as they are written.
    var specialTexts = AddedTokens([])
    var normalizers: [Normalizer] = []
    var preTokenizers: [PreTokenizer] = []
    var model: WordModel
    /// What stands before and behind every text that is encoded with special tokens.
    var prefix: [Int32] = []
    var suffix: [Int32] = []
    /// `[vocabularySize]` the bytes of each token.
    var tokenBytes: [[UInt8]]
    var specialTokens: Set<Int32> = []
    /// The ids of special and other added tokens by what they are written as.
    var namedTokens: [String: Int32] = [:]
    /// Whether spaces at the ends of tokens are no part of their places; nil where they are.
    var spaceTrimming: SpaceTrimming?
    /// Whether no entry goes on past a mark of space, so that text may be cut in front of each for speed.
    var cutsAtSpaceMark = false

    package var leadingSpaceCount = 0

    package var vocabularySize: Int { tokenBytes.count }

    package func bytes(of token: Int32) -> [UInt8] {
        token >= 0 && Int(token) < tokenBytes.count ? tokenBytes[Int(token)] : []
    }

    package func token(named content: String) -> Int32? { namedTokens[content] }

    package func isSpecial(_ token: Int32) -> Bool { specialTokens.contains(token) }

    package var writesWordsApart: Bool { if case .wordPiece = model { true } else { false } }

    package func name(of token: Int32) -> String? { namedTokens.first { $0.value == token }?.key }

    package func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        try encode(Array(text.utf8), literals: [], addsSpecialTokens: addsSpecialTokens)
    }

    package func specialTokenOffsets(in text: [UInt8]) -> [Int] { specialTexts.offsets(in: text) }

    package func encode(_ text: [UInt8], literals: Set<Int>) throws(TokenizerError) -> [Int32] {
        try encode(text, literals: literals, addsSpecialTokens: false)
    }

    private func encode(
        _ bytes: [UInt8], literals: Set<Int>, addsSpecialTokens: Bool
    ) throws(TokenizerError) -> [Int32] {
        var tokens = addsSpecialTokens ? prefix : []
        var cache = WordCache()
        for piece in addedTokens.split(bytes, literals: literals, specialTokens: specialTokens) {
            switch piece {
            case .token(let token, _): tokens.append(token)
            case .text(let range):
                try encode(
                    range.count == bytes.count ? bytes : Array(bytes[range]),
                    literals: literals.isEmpty || normalizedTokens.isEmpty
                        ? [] : Set(literals.filter(range.contains).map { $0 - range.lowerBound }),
                    isFirst: range.lowerBound == 0, &cache, into: &tokens)
            }
        }
        if addsSpecialTokens { tokens += suffix }
        return tokens
    }

    private func encode(
        _ text: [UInt8], literals: Set<Int>, isFirst: Bool, _ cache: inout WordCache, into tokens: inout [Int32]
    ) throws(TokenizerError) {
        let normalized = normalizers.reduce(text) { $1($0) }
        let literals = literals.isEmpty ? [] : normalizedLiterals(literals, text, normalized)
        for piece in normalizedTokens.split(normalized, literals: literals, specialTokens: specialTokens) {
            switch piece {
            case .token(let token, _): tokens.append(token)
            case .text(let range):
                let isWhole = range.count == normalized.count
                var cuts = WordCuts(
                    isWhole ? normalized : Array(normalized[range]), isFirst: isFirst && range.lowerBound == 0)
                cut(&cuts)
                let bytes = cuts.bytes
                for word in cuts.words {
                    try cache.encode(bytes, word, model, into: &tokens)
                }
            }
        }
    }

    /// Where the places `literals` of `text` are once it is normalised: the special tokens of both are numbered alike.
    ///
    /// When normalisation has made more or fewer of them, all are.
    private func normalizedLiterals(_ literals: Set<Int>, _ text: [UInt8], _ normalized: [UInt8]) -> Set<Int> {
        let before = specialTexts.offsets(in: text)
        let after = normalizedTokens.offsets(in: normalized)
        guard before.count == after.count else { return Set(after) }
        return Set(zip(before, after).lazy.filter { literals.contains($0.0) }.map(\.1))
    }

    func cut(_ cuts: inout WordCuts<some StepText>) {
        for (index, step) in preTokenizers.enumerated() {
            cuts.apply(step)
            if case .byteLevel = step, index < preTokenizers.count - 1 { cuts.makeVisible() }
        }
        if cuts.isVisible { cuts.makeBytes() }
        if cutsAtSpaceMark { cuts.cutAtSpaceMarks() }
    }
}

/// The tokens of words that one text has several times.
struct WordCache {
    private struct Entry {
        let hash: UInt32
        let start: Int32
        let count: Int32
        let tokenStart: Int32
        let tokenCount: Int32
    }

    /// Words longer than this are not kept, nor more than this many bytes or words.
    private static let wordByteCountMax = 48
    private static let byteCountMax = 1 << 20
    private static let entryCountMax = 1 << 16

    private var bytes: [UInt8] = []
    private var tokens: [Int32] = []
    private var entries: [Entry] = []
    private var slots = [Int32](repeating: 0, count: 256)

    mutating func encode(
        _ text: [UInt8], _ word: Range<Int>, _ model: WordModel, into result: inout [Int32]
    ) throws(TokenizerError) {
        guard word.count <= Self.wordByteCountMax else { return try model.encode(text, word, into: &result) }
        var hash: UInt32 = 0x811C_9DC5
        for index in word { hash = (hash ^ UInt32(text[index])) &* 0x0100_0193 }
        hash ^= hash >> 15
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash, Int(entry.count) == word.count, isSame(entry, text, word.lowerBound) {
                for index in Int(entry.tokenStart)..<Int(entry.tokenStart + entry.tokenCount) {
                    result.append(tokens[index])
                }
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        let first = result.count
        try model.encode(text, word, into: &result)
        guard entries.count < Self.entryCountMax, bytes.count < Self.byteCountMax else { return }
        entries.append(
            Entry(
                hash: hash, start: Int32(bytes.count), count: Int32(word.count), tokenStart: Int32(tokens.count),
                tokenCount: Int32(result.count - first)))
        bytes += text[word]
        tokens += result[first...]
        slots[slot] = Int32(entries.count)
        if entries.count * 2 > slots.count { grow() }
    }

    private func isSame(_ entry: Entry, _ text: [UInt8], _ start: Int) -> Bool {
        for index in 0..<Int(entry.count) where bytes[Int(entry.start) + index] != text[start + index] { return false }
        return true
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: slots.count * 4)
        for (index, entry) in entries.enumerated() {
            var slot = Int(entry.hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index + 1)
        }
    }
}

extension WordCuts {
    /// Cuts in front of every mark of space that does not follow another.
    mutating func cutAtSpaceMarks() {
        let bytes = bytes
        var result: [Range<Int>] = []
        for word in words {
            var start = word.lowerBound
            var index = start
            var isBehindMark = true
            while index < word.upperBound {
                let isMark =
                    bytes[index] == 0xE2 && word.upperBound - index >= 3 && bytes[index + 1] == 0x96
                    && bytes[index + 2] == 0x81
                if isMark, !isBehindMark {
                    result.append(start..<index)
                    start = index
                }
                isBehindMark = isMark
                index += isMark ? 3 : 1
            }
            result.append(start..<word.upperBound)
        }
        words = result
    }
}
