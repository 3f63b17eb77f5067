import ModelFiles
package import Vocabulary

extension PipelineTokenizer {
    /// Loads a Hugging Face `tokenizer.json`.
    ///
    /// - Throws: `ModelFileError` when the file is not JSON; `TokenizerError` naming the construct that is not
    ///   supported or contradicts another. Nothing is guessed: a tokenizer that loads gives the reference's ids.
    package init(path: String) throws {
        try self.init(json: MappedFile.open(path: path, byteCountMax: 1 << 28), file: path)
    }

    /// Reads `json`; `file` is only named in errors.
    package init(json: Bytes, file: String) throws {
        try self.init(JSONValue(parsing: json, file: file), file: file)
    }

    private init(_ json: JSONValue, file: String) throws(TokenizerError) {
        let reader = TokenizerJSONReader(json: json, file: file)
        let vocabulary = try reader.vocabulary()
        let preTokenizers = try reader.preTokenizers()
        let isByteLevel = preTokenizers.contains { if case .byteLevel = $0 { true } else { false } }
        let rule = try reader.decoding()
        if case .byteLevel = rule.kind {
        } else if isByteLevel {
            throw .unsupported(file: file, construct: "a decoder that does not match the pre_tokenizer")
        }
        let added = try reader.addedTokens()
        let highest = added.map { Int($0.token) + 1 }.max() ?? 0
        let model = try reader.model(vocabulary, isByteLevel: isByteLevel)
        self.init(model: model, tokenBytes: rule.table(vocabulary, idCount: highest))
        self.preTokenizers = preTokenizers
        normalizers = try reader.normalizers()
        leadingSpaceCount = rule.leadingSpaceCount
        (prefix, suffix) = try reader.template()
        spaceTrimming = try reader.spaceTrimming()
        for token in prefix + suffix where Int(token) >= vocabularySize || token < 0 {
            throw .malformed(file: file, problem: "post_processor: the id \(token) is no token")
        }
        add(added)
        if case .bytePairs(let pairs) = model, pairs.wholeWords == nil, !isByteLevel {
            cutsAtSpaceMark = vocabulary.canCutAtSpaceMarks
        }
    }

    /// Makes the added tokens known: in texts, by name, and what they stand for.
    mutating func add(_ tokens: [TokenizerJSONReader.Added]) {
        func entry(_ token: TokenizerJSONReader.Added, _ content: [UInt8]) -> AddedTokens.Entry {
            .init(
                content: content, token: token.token, stripsLeft: token.stripsLeft, stripsRight: token.stripsRight,
                isSingleWord: token.isSingleWord)
        }
        addedTokens = AddedTokens(tokens.filter { !$0.isNormalized }.map { entry($0, Array($0.content.utf8)) })
        normalizedTokens = AddedTokens(
            tokens.filter(\.isNormalized).map { token in
                entry(token, normalizers.reduce(Array(token.content.utf8)) { $1($0) })
            })
        specialTexts = AddedTokens(tokens.filter(\.isSpecial).map { entry($0, Array($0.content.utf8)) })
        for token in tokens {
            namedTokens[token.content] = token.token
            if token.isSpecial { specialTokens.insert(token.token) }
            tokenBytes[Int(token.token)] = token.isSpecial ? [] : Array(token.content.utf8)
        }
    }
}

/// Turns the parsed file into the parts of a tokenizer, one check at a time.
struct TokenizerJSONReader {
    /// A token of `added_tokens`.
    struct Added {
        let content: String
        let token: Int32
        var isSpecial = true
        var isNormalized = false
        var isSingleWord = false
        var stripsLeft = false
        var stripsRight = false
    }

    let json: JSONValue
    let file: String

    func unsupported(_ construct: String) -> TokenizerError { .unsupported(file: file, construct: construct) }

    func malformed(_ problem: String) -> TokenizerError { .malformed(file: file, problem: problem) }

    /// Files written before the type was stored are told by their fields.
    private var modelType: String {
        json["model"]?["type"]?.string ?? (json["model"]?["vocab"]?.array != nil ? "Unigram" : "BPE")
    }

    func vocabulary() throws(TokenizerError) -> VocabularyParts {
        var entries: [(bytes: [UInt8], id: Int)] = []
        if let list = json["model"]?["vocab"]?.array {
            for (id, entry) in list.enumerated() {
                guard let text = entry.array?.first?.string else {
                    throw malformed("model.vocab[\(id)] is not a text and a score")
                }
                entries.append((Array(text.utf8), id))
            }
        } else {
            for member in json["model"]?["vocab"]?.members ?? [] {
                guard let id = member.value.int else { throw malformed("model.vocab: \"\(member.key)\" has no id") }
                entries.append((Array(member.key.utf8), id))
            }
        }
        return try VocabularyParts(entries, file: file, field: "model.vocab")
    }

    func model(_ vocabulary: VocabularyParts, isByteLevel: Bool) throws(TokenizerError) -> WordModel {
        guard let model = json["model"] else { throw malformed("model is missing") }
        switch modelType {
        case "BPE": return .bytePairs(try bytePairs(model, vocabulary, isByteLevel: isByteLevel))
        case "WordPiece":
            let name = model["unk_token"]?.string ?? "[UNK]"
            guard let unknown = vocabulary.table[name.utf8] else {
                throw malformed("model.unk_token \"\(name)\" is not in the vocabulary")
            }
            return .wordPiece(
                vocabulary.wordPiece(
                    prefix: model["continuing_subword_prefix"]?.string ?? "##", unknown: unknown,
                    scalarCountMax: model["max_input_chars_per_word"]?.int ?? 100))
        case "Unigram": return .unigram(try unigram(model, vocabulary))
        default: throw unsupported("model type \"\(modelType)\"")
        }
    }

    private func bytePairs(
        _ model: JSONValue, _ vocabulary: VocabularyParts, isByteLevel: Bool
    ) throws(TokenizerError) -> BytePairModel {
        for field in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = model[field]?.string, !text.isEmpty { throw unsupported("\(field) \"\(text)\"") }
        }
        var unknown: Int32?
        if let name = model["unk_token"]?.string {
            unknown = vocabulary.table[name.utf8]
            if unknown == nil { throw malformed("model.unk_token \"\(name)\" is not in the vocabulary") }
        }
        let alphabet =
            isByteLevel
            ? try vocabulary.byteLevelAlphabet()
            : try vocabulary.scalarAlphabet(
                fallsBackToBytes: model["byte_fallback"]?.bool ?? false, unknown: unknown,
                fusesUnknown: model["fuse_unk"]?.bool ?? false)
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        for (rank, merge) in (model["merges"]?.array ?? []).enumerated() {
            LoadPause.takeIfDue()
            let parts =
                merge.string.map { $0.split(separator: " ", omittingEmptySubsequences: false).map { Array($0.utf8) } }
                ?? (merge.array ?? []).map { Array(($0.string ?? "").utf8) }
            guard parts.count == 2 else { throw malformed("model.merges[\(rank)]: a merge needs two parts") }
            pairs.append((parts[0], parts[1]))
        }
        var wholeWords: PieceTable?
        if model["ignore_merges"]?.bool == true {
            wholeWords = isByteLevel ? try wholeWordTable(vocabulary) : vocabulary.table
        }
        return BytePairModel(
            alphabet: alphabet, merges: try vocabulary.merges(pairs, field: "model.merges"), wholeWords: wholeWords)
    }

    /// The entries by the bytes that they stand for.
    private func wholeWordTable(_ vocabulary: VocabularyParts) throws(TokenizerError) -> PieceTable {
        var table = PieceTable(capacity: vocabulary.entries.count, idCount: vocabulary.table.idCount)
        for (bytes, id) in vocabulary.entries {
            LoadPause.takeIfDue()
            guard let text = ByteLevelAlphabet.bytes(of: String(decoding: bytes, as: UTF8.self)) else { continue }
            _ = table.add(text, id: id)
        }
        return table
    }

    private func unigram(_ model: JSONValue, _ vocabulary: VocabularyParts) throws(TokenizerError) -> UnigramModel {
        var scores: [Double] = []
        for (id, entry) in (model["vocab"]?.array ?? []).enumerated() {
            guard let pair = entry.array, pair.count == 2, let score = pair[1].double else {
                throw malformed("model.vocab[\(id)] is not a text and a score")
            }
            scores.append(score)
        }
        guard scores.count == vocabulary.table.idCount else { throw malformed("model.vocab is not a list") }
        let unknown = model["unk_id"]?.int
        if let unknown, unknown < 0 || unknown >= scores.count { throw malformed("model.unk_id is no token") }
        return try vocabulary.unigram(
            scores: scores, unknown: unknown.map(Int32.init),
            fallsBackToBytes: model["byte_fallback"]?.bool ?? false, isWritten: { _ in true })
    }

    func addedTokens() throws(TokenizerError) -> [Added] {
        var tokens: [Added] = []
        for (index, token) in (json["added_tokens"]?.array ?? []).enumerated() {
            guard let content = token["content"]?.string, let id = token["id"]?.int, id >= 0,
                id < PipelineTokenizer.vocabularySizeMax
            else { throw malformed("added_tokens[\(index)]: an id is out of range or missing, or the content is") }
            guard !content.isEmpty else { continue }
            let isSpecial = token["special"]?.bool ?? false
            tokens.append(
                Added(
                    content: content, token: Int32(id), isSpecial: isSpecial,
                    isNormalized: token["normalized"]?.bool ?? !isSpecial,
                    isSingleWord: token["single_word"]?.bool ?? false, stripsLeft: token["lstrip"]?.bool ?? false,
                    stripsRight: token["rstrip"]?.bool ?? false))
        }
        return tokens
    }

    func template() throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        var result: (prefix: [Int32], suffix: [Int32]) = ([], [])
        for step in try steps(of: json["post_processor"], list: "processors", "post_processor") {
            switch step["type"]?.string ?? "" {
            case "ByteLevel": break  // Only moves offsets, see `spaceTrimming`.
            case "TemplateProcessing":
                let part = try template(step)
                result = (part.prefix + result.prefix, result.suffix + part.suffix)
            case "RobertaProcessing", "BertProcessing":
                guard let cls = step["cls"]?.array?.last?.int, let sep = step["sep"]?.array?.last?.int else {
                    throw malformed("post_processor needs cls and sep")
                }
                result = ([Int32(truncatingIfNeeded: cls)], [Int32(truncatingIfNeeded: sep)])
            case let type: throw unsupported("post_processor \"\(type)\"")
            }
        }
        return result
    }

    /// What is taken off the places of tokens.
    func spaceTrimming() throws(TokenizerError) -> SpaceTrimming? {
        for step in try steps(of: json["post_processor"], list: "processors", "post_processor") {
            guard ["ByteLevel", "RobertaProcessing"].contains(step["type"]?.string), step["trim_offsets"]?.bool ?? true
            else { continue }
            return SpaceTrimming(addsPrefixSpace: step["add_prefix_space"]?.bool ?? true)
        }
        return nil
    }

    private func template(_ step: JSONValue) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        var isBehind = false
        for piece in step["single"]?.array ?? [] {
            if let name = piece["SpecialToken"]?["id"]?.string {
                guard let ids = step["special_tokens"]?[name]?["ids"]?.array else {
                    throw malformed("post_processor names the token \"\(name)\" without its ids")
                }
                for id in ids {
                    let token = Int32(truncatingIfNeeded: id.int ?? -1)
                    if isBehind { suffix.append(token) } else { prefix.append(token) }
                }
            } else {
                guard !isBehind else { throw unsupported("post_processor with a text in two places") }
                isBehind = true
            }
        }
        return (prefix, suffix)
    }

    /// The step itself, or those of a sequence, at most a few levels deep.
    func steps(
        of step: JSONValue?, list: String, _ field: String, depth: Int = 0
    ) throws(TokenizerError) -> [JSONValue] {
        guard let step else { return [] }
        guard step["type"]?.string == "Sequence" else { return [step] }
        guard depth < 8, let inner = step[list]?.array else { throw malformed("\(field): Sequence without \(list)") }
        var result: [JSONValue] = []
        for step in inner { result += try steps(of: step, list: list, field, depth: depth + 1) }
        return result
    }
}
