/// What the metadata of a GGUF file says about its vocabulary: the `tokenizer.ggml.…` keys, as they stand there.
///
/// - Source: the GGUF specification, section "Tokenizer".
package struct GGUFVocabulary: Sendable {
    /// What `tokenizer.ggml.token_type` says of a token.
    package enum Kind {
        package static let normal: Int32 = 1
        package static let unknown: Int32 = 2
        package static let control: Int32 = 3
        package static let userDefined: Int32 = 4
        package static let unused: Int32 = 5
        package static let byte: Int32 = 6
    }

    /// `tokenizer.ggml.model`: `gpt2`, `llama`, `bert` or `t5`.
    package var model: String
    /// `tokenizer.ggml.pre`, the name of the way words are cut.
    package var preTokenizer: String?
    package var tokens: [String]
    /// `[tokens]` or empty.
    package var scores: [Float] = []
    /// `[tokens]` or empty, see `Kind`.
    package var types: [Int32] = []
    /// `"left right"`, in order of rank.
    package var merges: [String] = []
    package var beginToken: Int32?
    package var endToken: Int32?
    package var unknownToken: Int32?
    package var classToken: Int32?
    package var separatorToken: Int32?
    package var paddingToken: Int32?
    package var maskToken: Int32?
    package var addsBegin: Bool?
    package var addsEnd: Bool?
    package var addsSpacePrefix: Bool?
    package var removesExtraSpaces: Bool?
    /// `tokenizer.ggml.normalizer.lowercase` and `.strip_accents`: of WordPiece; few files have them.
    package var lowercases: Bool?
    package var stripsAccents: Bool?
    /// Whether spaces are written as U+2581; only a SentencePiece file can say no.
    package var escapesSpaces = true
    /// `tokenizer.ggml.precompiled_charsmap`.
    package var charsMap: [UInt8] = []
    /// Whether the file has a BERT, a RoBERTa or an XLM-R, whose texts stand between tokens: those of all three are
    /// `bert` files, and their vocabularies `bert`, `gpt2` and `t5`.
    package var isOfEncoder = false

    package init(model: String, tokens: [String]) {
        self.model = model
        self.tokens = tokens
    }

    /// The tokens that stand under keys of their own.
    fileprivate var namedTokens: [(key: String, token: Int32)] {
        [
            ("bos_token_id", beginToken), ("eos_token_id", endToken), ("unknown_token_id", unknownToken),
            ("cls_token_id", classToken), ("seperator_token_id", separatorToken), ("padding_token_id", paddingToken),
            ("mask_token_id", maskToken),
        ].compactMap { key, token in token.map { (key, $0) } }
    }
}

extension PipelineTokenizer {
    /// The tokenizer that a GGUF file describes; `file` is only named in errors.
    ///
    /// - Throws: `TokenizerError` naming the model or pre-tokenizer that is not known, or the key that is malformed.
    package init(_ vocabulary: GGUFVocabulary, file: String) throws(TokenizerError) {
        let count = vocabulary.tokens.count
        for (key, length) in [("scores", vocabulary.scores.count), ("token_type", vocabulary.types.count)] {
            guard length == 0 || length == count else {
                throw .malformed(file: file, problem: "tokenizer.ggml.\(key) has \(length) entries for \(count) tokens")
            }
        }
        for (key, token) in vocabulary.namedTokens {
            guard token >= 0, Int(token) < count else {
                throw .malformed(
                    file: file, problem: "tokenizer.ggml.\(key): there is no token \(token) among \(count)")
            }
        }
        let reader = GGUFReader(vocabulary: vocabulary, file: file)
        switch vocabulary.model {
        case "gpt2": self = try reader.byteLevel()
        case "llama": self = try reader.sentencePiece()
        case "bert": self = try reader.wordPiece()
        case "t5": self = try reader.unigram()
        default: throw .unsupported(file: file, construct: "tokenizer.ggml.model \"\(vocabulary.model)\"")
        }
        try reader.addSpecialTokens(to: &self)
    }
}

/// Makes the tokenizer of each model.
private struct GGUFReader {
    let vocabulary: GGUFVocabulary
    let file: String

    private func type(of token: Int32) -> Int32 {
        vocabulary.types.isEmpty ? GGUFVocabulary.Kind.normal : vocabulary.types[Int(token)]
    }

    private func isText(_ token: Int32) -> Bool {
        type(of: token) == GGUFVocabulary.Kind.normal || type(of: token) == GGUFVocabulary.Kind.userDefined
    }

    private func parts(_ entry: (Int, String) -> [UInt8] = { Array($1.utf8) }) throws(TokenizerError) -> VocabularyParts
    {
        try VocabularyParts(
            vocabulary.tokens.enumerated().map { (entry($0, $1), $0) }, file: file, field: "tokenizer.ggml.tokens")
    }

    /// Control tokens stand for no text and are found in it; so are those of the user, which stand for themselves.
    func addSpecialTokens(to tokenizer: inout PipelineTokenizer) throws(TokenizerError) {
        let isBERT = vocabulary.model == "bert"
        let isEncoder = isBERT || vocabulary.isOfEncoder
        // Of WordPiece, those with a key of their own are special whatever the types say.
        let named = isBERT ? Set(vocabulary.namedTokens.map(\.token)) : []
        var added: [TokenizerJSONReader.Added] = []
        for (index, content) in vocabulary.tokens.enumerated() where !content.isEmpty {
            let token = Int32(index)
            let content = isBERT ? String(decoding: wordPieceEntry(index, content), as: UTF8.self) : content
            switch type(of: token) {
            case GGUFVocabulary.Kind.control, GGUFVocabulary.Kind.unknown:
                // RoBERTa and XLM-R have white space in front of a mask belong to it; no key says so.
                let isMask = isEncoder && token == vocabulary.maskToken
                added.append(.init(content: content, token: token, stripsLeft: isMask))
            case _ where named.contains(token): added.append(.init(content: content, token: token))
            case GGUFVocabulary.Kind.userDefined:
                added.append(.init(content: content, token: token, isSpecial: false))
            default: break
            }
        }
        tokenizer.add(added)
        func wordPieceToken(_ name: String) -> Int32? { isBERT ? tokenizer.namedTokens[name] : nil }
        let begin = isEncoder ? vocabulary.classToken ?? vocabulary.beginToken : vocabulary.beginToken
        let end = isEncoder ? vocabulary.separatorToken ?? vocabulary.endToken : vocabulary.endToken
        let rules = vocabulary.preTokenizer.flatMap(GGUFPreTokenizer.named)
        let usuallyBegins = vocabulary.model == "llama" || isEncoder || rules?.addsBegin == true
        if vocabulary.addsBegin ?? usuallyBegins, let begin = begin ?? wordPieceToken("[CLS]") {
            tokenizer.prefix = [begin]
        }
        let addsEnd = vocabulary.addsEnd ?? (vocabulary.model == "t5" || isEncoder)
        if addsEnd, let end = end ?? wordPieceToken("[SEP]") { tokenizer.suffix = [end] }
    }

    func byteLevel() throws(TokenizerError) -> PipelineTokenizer {
        let parts = try parts()
        let name = vocabulary.preTokenizer ?? "default"
        guard let rules = GGUFPreTokenizer.named(name) else {
            throw .unsupported(file: file, construct: "tokenizer.ggml.pre \"\(name)\"")
        }
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        for (rank, merge) in vocabulary.merges.enumerated() {
            let sides = merge.split(separator: " ", omittingEmptySubsequences: false)
            guard sides.count == 2 else {
                throw .malformed(file: file, problem: "tokenizer.ggml.merges[\(rank)]: a merge needs two parts")
            }
            pairs.append((Array(sides[0].utf8), Array(sides[1].utf8)))
        }
        var words: PieceTable?
        if rules.keepsWholeWords {
            var table = PieceTable(capacity: parts.entries.count, idCount: parts.table.idCount)
            for (bytes, id) in parts.entries where isText(id) {
                guard let text = ByteLevelAlphabet.bytes(of: String(decoding: bytes, as: UTF8.self)) else { continue }
                _ = table.add(text, id: id)
            }
            words = table
        }
        let model = BytePairModel(
            alphabet: try parts.byteLevelAlphabet(), merges: try parts.merges(pairs, field: "tokenizer.ggml.merges"),
            wholeWords: words)
        let rule = TokenTextRule(kind: .byteLevel)
        var tokenizer = PipelineTokenizer(model: .bytePairs(model), tokenBytes: rule.table(parts, idCount: 0))
        tokenizer.normalizers = rules.composes ? [.form(.nfc)] : []
        tokenizer.preTokenizers =
            rules.patterns.map { .split(KnownCuts.pattern($0), .isolated, inverts: false) }
            + [.byteLevel(addsPrefixSpace: vocabulary.addsSpacePrefix ?? false, pattern: nil)]
        return tokenizer
    }

    /// What SentencePiece vocabularies have in common; spaces are marks, bytes are their tokens.
    private func spaced(
        _ model: WordModel, _ parts: VocabularyParts, prefixes: Bool, removesExtra: Bool
    ) throws(TokenizerError) -> PipelineTokenizer {
        let mark = WordPattern(literal: "\u{2581}")
        let rule = TokenTextRule(replacements: [.replace(mark, by: [0x20])], fallsBackToBytes: true)
        var tokenizer = PipelineTokenizer(model: model, tokenBytes: rule.table(parts, idCount: 0))
        if !vocabulary.charsMap.isEmpty {
            guard let map = CharsMap(vocabulary.charsMap) else {
                throw .malformed(file: file, problem: "precompiled_charsmap is malformed")
            }
            tokenizer.normalizers = [.charsMap(map, .longest)]
        }
        if removesExtra { tokenizer.normalizers.append(.sentencePieceSpaces(removesExtra: true)) }
        if prefixes { tokenizer.normalizers.append(.prepend([0x20])) }
        if vocabulary.escapesSpaces {
            tokenizer.normalizers.append(.replace(WordPattern(literal: " "), by: VocabularyParts.spaceMark))
        }
        tokenizer.leadingSpaceCount = prefixes ? 1 : 0
        tokenizer.cutsAtSpaceMark = parts.canCutAtSpaceMarks
        return tokenizer
    }

    func sentencePiece() throws(TokenizerError) -> PipelineTokenizer {
        let parts = try parts()
        guard !vocabulary.scores.isEmpty else {
            throw .malformed(file: file, problem: "tokenizer.ggml.scores is missing")
        }
        let hasBytes = parts.table["<0x00>".utf8] != nil
        let model = BytePairModel(
            alphabet: try parts.scalarAlphabet(
                fallsBackToBytes: hasBytes, unknown: vocabulary.unknownToken ?? 0, fusesUnknown: true),
            merges: parts.merges(byScores: vocabulary.scores, isText), wholeWords: nil)
        return try spaced(
            .bytePairs(model), parts, prefixes: vocabulary.addsSpacePrefix ?? true,
            removesExtra: vocabulary.removesExtraSpaces ?? false)
    }

    func unigram() throws(TokenizerError) -> PipelineTokenizer {
        let parts = try parts()
        guard !vocabulary.scores.isEmpty else {
            throw .malformed(file: file, problem: "tokenizer.ggml.scores is missing")
        }
        let model = try parts.unigram(
            scores: vocabulary.scores.map(Double.init), unknown: vocabulary.unknownToken ?? 2,
            fallsBackToBytes: parts.table["<0x00>".utf8] != nil, isWritten: isText)
        var tokenizer = try spaced(
            .unigram(model), parts, prefixes: vocabulary.addsSpacePrefix ?? true,
            removesExtra: vocabulary.removesExtraSpaces ?? true)
        if vocabulary.isOfEncoder { cutLikeXLMR(&tokenizer) }
        return tokenizer
    }

    /// XLM-R was published with a `tokenizer.json`, whose words are not those of SentencePiece where a text has other
    /// white space than U+0020, or characters of several scalars; its vectors belong to those.
    private func cutLikeXLMR(_ tokenizer: inout PipelineTokenizer) {
        tokenizer.normalizers = CharsMap(vocabulary.charsMap).map { [.charsMap($0, .graphemes)] } ?? []
        tokenizer.preTokenizers = [
            .split(KnownCuts.spaces, .removed, inverts: false),
            .metaspace(
                replacement: VocabularyParts.spaceMark, vocabulary.addsSpacePrefix ?? true ? .always : .never,
                splits: true),
        ]
        tokenizer.cutsAtSpaceMark = false
    }

    /// What an entry is in `vocab.txt`: in these files the beginnings of words have a mark of space in front, and what
    /// goes on with a word has no `##`.
    ///
    /// Special tokens are as they are; older writers told them by their brackets, which other names have too, and newer
    /// ones by their types.
    private func wordPieceEntry(_ index: Int, _ token: String) -> [UInt8] {
        let bytes = Array(token.utf8)
        // The mark alone is one that a word goes on with: no word begins with nothing.
        if bytes.starts(with: VocabularyParts.spaceMark), bytes.count > 3 { return Array(bytes[3...]) }
        let isName = bytes.first == UInt8(ascii: "[") && bytes.last == UInt8(ascii: "]") && bytes.count > 2
        return isName || !isText(Int32(index)) ? bytes : Array("##".utf8) + bytes
    }

    /// Whether the vocabulary tells capitals: an uncased one has none but in the names of special tokens.
    private var isCased: Bool {
        vocabulary.tokens.enumerated().contains { index, token in
            guard type(of: Int32(index)) == GGUFVocabulary.Kind.normal, !token.utf8.contains(UInt8(ascii: "[")) else {
                return false
            }
            return token.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        }
    }

    func wordPiece() throws(TokenizerError) -> PipelineTokenizer {
        let parts = try parts(wordPieceEntry)
        guard let unknown = vocabulary.unknownToken ?? parts.table["[UNK]".utf8] else {
            throw .malformed(file: file, problem: "tokenizer.ggml.unknown_token_id is missing")
        }
        let rule = TokenTextRule(kind: .wordPiece(prefix: Array("##".utf8), cleansUp: true))
        var tokenizer = PipelineTokenizer(
            model: .wordPiece(parts.wordPiece(prefix: "##", unknown: unknown, scalarCountMax: 100)),
            tokenBytes: rule.table(parts, idCount: 0))
        // Accents go with the cases where nothing is said about them, as at Hugging Face.
        let lowercases = vocabulary.lowercases ?? !isCased
        tokenizer.normalizers = [
            .bert(
                cleansText: true, separatesChinese: true, stripsAccents: vocabulary.stripsAccents ?? lowercases,
                lowercases: lowercases)
        ]
        tokenizer.preTokenizers = [.bert]
        tokenizer.leadingSpaceCount = 1
        return tokenizer
    }
}

/// How words are cut, by the names that GGUF files give the pre-tokenizers.
struct GGUFPreTokenizer {
    var patterns: [String]
    var keepsWholeWords = false
    /// Whether a begin token stands before a text of such a vocabulary where the file does not say.
    var addsBegin = false
    var composes = false

    static func named(_ name: String) -> GGUFPreTokenizer? {
        switch name {
        case "gpt-2", "roberta-bpe", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais", "exaone", "default":
            GGUFPreTokenizer(patterns: [PreTokenizer.gpt2Pattern])
        case "llama3", "llama-v3", "llama-bpe", "falcon3":
            GGUFPreTokenizer(patterns: [PreTokenizer.llama3Pattern], keepsWholeWords: true, addsBegin: true)
        case "dbrx", "smaug-bpe", "gpt-4": GGUFPreTokenizer(patterns: [PreTokenizer.llama3Pattern])
        case "qwen2", "deepseek-r1-qwen", "megrez":
            GGUFPreTokenizer(patterns: [PreTokenizer.qwen2Pattern], composes: true)
        case "stablelm2": GGUFPreTokenizer(patterns: [PreTokenizer.qwen2Pattern])
        case "starcoder", "refact", "command-r", "smollm", "codeshell":
            GGUFPreTokenizer(patterns: [#"\p{N}"#, PreTokenizer.gpt2Pattern])
        case "falcon":
            GGUFPreTokenizer(
                patterns: [#"[\p{P}\$\+<=>\^~\|`]+"#, PreTokenizer.gpt2Pattern, "[0-9][0-9][0-9]"])
        case "tekken": GGUFPreTokenizer(patterns: [tekken(#"\p{N}"#, contractions: "")], keepsWholeWords: true)
        case "gpt-4o":
            GGUFPreTokenizer(patterns: [tekken(#"\p{N}{1,3}"#, contractions: "(?i:'s|'t|'re|'ve|'m|'ll|'d)?")])
        default: nil
        }
    }

    /// Words told by their case, as Mistral's and OpenAI's newer vocabularies cut them.
    private static func tekken(_ numbers: String, contractions: String) -> String {
        let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
        return #"[^\r\n\p{L}\p{N}]?\#(upper)*\#(lower)+\#(contractions)|"#
            + #"[^\r\n\p{L}\p{N}]?\#(upper)+\#(lower)*\#(contractions)|\#(numbers)|"#
            + #" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
}
