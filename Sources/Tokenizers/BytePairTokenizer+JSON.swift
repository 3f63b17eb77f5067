import ModelFiles
package import Vocabulary

extension BytePairTokenizer {
    /// Most ids a vocabulary may have.
    package static let vocabularySizeMax = 1 << 22

    /// Loads a Hugging Face `tokenizer.json`.
    ///
    /// - Throws: `ModelFileError` when the file is not such JSON; `TokenizerError` naming the construct that is not
    ///   supported or contradicts another. Nothing is guessed: a tokenizer that loads gives the reference's ids.
    package init(path: String) throws {
        try self.init(json: MappedFile.open(path: path, byteCountMax: 1 << 28), file: path)
    }

    /// Reads `json`; `file` is only named in errors.
    package init(json: Bytes, file: String) throws {
        try self.init(JSONFile.decode(TokenizerJSON.self, from: json, file: file), file: file)
    }

    private init(_ json: TokenizerJSON, file: String) throws(TokenizerError) {
        let reader = BytePairReader(json: json, file: file)
        let vocabulary = try reader.vocabulary()
        let isByteLevel: Bool
        (preTokenizer, isByteLevel) = try reader.preTokenizer()
        normalizers = try reader.normalizers()
        alphabet = try reader.alphabet(vocabulary, isByteLevel: isByteLevel)
        merges = try reader.merges(vocabulary)
        addedTokens = try reader.addedTokens()
        (prefix, suffix) = try reader.template()
        let decoding = try reader.decoding()
        guard decoding.isByteLevel == isByteLevel else {
            throw .unsupported(file: file, construct: "a decoder that does not match the pre_tokenizer")
        }
        leadingSpaceCount = decoding.leadingSpaceCount
        tokenBytes = try reader.tokenBytes(vocabulary, decoding)
    }
}

/// Turns the parsed file into the parts of a tokenizer, one check at a time.
private struct BytePairReader {
    let json: TokenizerJSON
    let file: String

    /// How the text of a token is read off its vocabulary entry.
    struct Decoding {
        var isByteLevel = false
        var replacements: [Normalizer] = []
        var fallsBackToBytes = false
        var leadingSpaceCount = 0
    }

    private func unsupported(_ construct: String) -> TokenizerError { .unsupported(file: file, construct: construct) }

    private func malformed(_ problem: String) -> TokenizerError { .malformed(file: file, problem: problem) }

    func vocabulary() throws(TokenizerError) -> [String: Int32] {
        let model = json.model
        // Files written before the type was stored are told by their fields.
        guard model.type ?? "BPE" == "BPE" else { throw unsupported("model type \"\(model.type ?? "")\"") }
        if let prefix = model.continuing_subword_prefix, !prefix.isEmpty {
            throw unsupported("continuing_subword_prefix \"\(prefix)\"")
        }
        if let suffix = model.end_of_word_suffix, !suffix.isEmpty {
            throw unsupported("end_of_word_suffix \"\(suffix)\"")
        }
        if model.ignore_merges == true { throw unsupported("ignore_merges") }
        guard let vocabulary = model.vocab, !vocabulary.isEmpty else {
            throw malformed("model.vocab is missing or empty")
        }
        for (entry, id) in vocabulary where id < 0 || Int(id) >= BytePairTokenizer.vocabularySizeMax {
            throw malformed("model.vocab: \"\(entry)\" has the id \(id)")
        }
        guard Set(vocabulary.values).count == vocabulary.count else {
            throw malformed("model.vocab: an id stands twice")
        }
        return vocabulary
    }

    func preTokenizer() throws(TokenizerError) -> (PreTokenizer, isByteLevel: Bool) {
        guard let step = json.pre_tokenizer else { return (.none, false) }
        guard step.type == "ByteLevel", step.use_regex ?? true else {
            throw unsupported("pre_tokenizer \"\(step.type)\"")
        }
        return (.byteLevel(addsPrefixSpace: step.add_prefix_space ?? true), true)
    }

    func normalizers() throws(TokenizerError) -> [Normalizer] {
        guard let step = json.normalizer else { return [] }
        var normalizers: [Normalizer] = []
        for step in step.type == "Sequence" ? step.normalizers ?? [] : [step] {
            switch (step.type, step.prepend, step.pattern?.String, step.content) {
            case ("Prepend", let prefix?, _, _): normalizers.append(.prepend(prefix))
            case ("Replace", _, let pattern?, let content?): normalizers.append(.replace(pattern, by: content))
            default: throw unsupported("normalizer \"\(step.type)\"")
            }
        }
        return normalizers
    }

    func alphabet(
        _ vocabulary: [String: Int32], isByteLevel: Bool
    ) throws(TokenizerError) -> BytePairTokenizer.Alphabet {
        if isByteLevel {
            return .bytes(try table(vocabulary) { String(ByteLevelAlphabet.characters[Int($0)]) })
        }
        var scalars: [Unicode.Scalar: Int32] = [:]
        for (entry, id) in vocabulary where entry.unicodeScalars.count == 1 {
            scalars[entry.unicodeScalars.first!] = id
        }
        let bytes = json.model.byte_fallback == true ? try table(vocabulary, entry: Self.byteEntry) : nil
        var unknown: Int32?
        if let entry = json.model.unk_token {
            guard let id = vocabulary[entry] else {
                throw malformed("model.unk_token \"\(entry)\" is not in the vocabulary")
            }
            unknown = id
        }
        return .scalars(scalars, bytes: bytes, unknown: unknown, fusesUnknown: json.model.fuse_unk ?? false)
    }

    /// `[256]` the token of each byte, by the name `entry` gives it.
    private func table(
        _ vocabulary: [String: Int32], entry: (UInt8) -> String
    ) throws(TokenizerError) -> [Int32] {
        var table: [Int32] = []
        for byte in 0...UInt8.max {
            guard let id = vocabulary[entry(byte)] else {
                throw malformed("model.vocab has no entry \"\(entry(byte))\" for the byte \(byte)")
            }
            table.append(id)
        }
        return table
    }

    private static func byteEntry(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }

    func merges(_ vocabulary: [String: Int32]) throws(TokenizerError) -> BytePairMerges {
        var merges = BytePairMerges()
        for (rank, pair) in (json.model.merges ?? []).enumerated() {
            guard let left = vocabulary[pair.left], let right = vocabulary[pair.right],
                let result = vocabulary[pair.left + pair.right]
            else {
                throw malformed(
                    "model.merges[\(rank)]: \"\(pair.left)\" and \"\(pair.right)\" or both together are no tokens")
            }
            merges.add(left: left, right: right, result: result, rank: Int32(rank))
        }
        return merges
    }

    func addedTokens() throws(TokenizerError) -> AddedTokens {
        var entries: [AddedTokens.Entry] = []
        for token in json.added_tokens ?? [] {
            if token.single_word == true { throw unsupported("added token \"\(token.content)\" with single_word") }
            entries.append(
                .init(
                    content: token.content, token: token.id, stripsLeft: token.lstrip ?? false,
                    stripsRight: token.rstrip ?? false))
        }
        return AddedTokens(entries)
    }

    func template() throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let step = json.post_processor else { return ([], []) }
        var result: (prefix: [Int32], suffix: [Int32]) = ([], [])
        for step in step.type == "Sequence" ? step.processors ?? [] : [step] {
            switch step.type {
            case "ByteLevel": break  // Only moves offsets, which Apus does not report.
            case "TemplateProcessing": result = try template(step)
            case "RobertaProcessing", "BertProcessing":
                guard let cls = step.cls, let sep = step.sep else {
                    throw malformed("post_processor needs cls and sep")
                }
                result = ([cls.id], [sep.id])
            default: throw unsupported("post_processor \"\(step.type)\"")
            }
        }
        return result
    }

    private func template(_ step: TokenizerJSON.Step) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        var isBehind = false
        for piece in step.single ?? [] {
            if let special = piece.SpecialToken {
                guard let ids = step.special_tokens?[special.id]?.ids else {
                    throw malformed("post_processor names the token \"\(special.id)\" without its ids")
                }
                if isBehind { suffix += ids } else { prefix += ids }
            } else {
                guard !isBehind else { throw unsupported("post_processor with a text in two places") }
                isBehind = true
            }
        }
        return (prefix, suffix)
    }

    func decoding() throws(TokenizerError) -> Decoding {
        var decoding = Decoding()
        guard let step = json.decoder else { return decoding }
        for step in step.type == "Sequence" ? step.decoders ?? [] : [step] {
            switch step.type {
            case "ByteLevel": decoding.isByteLevel = true
            case "ByteFallback": decoding.fallsBackToBytes = true
            case "Fuse": break  // Pieces are always joined.
            case "Replace":
                guard let pattern = step.pattern?.String, let content = step.content else {
                    throw unsupported("decoder \"Replace\" by a regular expression")
                }
                decoding.replacements.append(.replace(pattern, by: content))
            case "Strip":
                guard step.content == " ", step.stop ?? 0 == 0, let start = step.start, start >= 0 else {
                    throw unsupported("decoder \"Strip\" of anything but leading spaces")
                }
                decoding.leadingSpaceCount = start
            default: throw unsupported("decoder \"\(step.type)\"")
            }
        }
        return decoding
    }

    func tokenBytes(_ vocabulary: [String: Int32], _ decoding: Decoding) throws(TokenizerError) -> [[UInt8]] {
        let added = json.added_tokens ?? []
        guard added.allSatisfy({ $0.id >= 0 && Int($0.id) < BytePairTokenizer.vocabularySizeMax }) else {
            throw malformed("added_tokens: an id is out of range")
        }
        let highest = max(vocabulary.values.max() ?? 0, added.map(\.id).max() ?? 0)
        var table = [[UInt8]](repeating: [], count: Int(highest) + 1)
        let byteEntries = Dictionary(uniqueKeysWithValues: (0...UInt8.max).map { (Self.byteEntry($0), $0) })
        for (entry, id) in vocabulary {
            if decoding.isByteLevel {
                table[Int(id)] = ByteLevelAlphabet.bytes(of: entry) ?? Array(entry.utf8)
            } else if decoding.fallsBackToBytes, let byte = byteEntries[entry] {
                table[Int(id)] = [byte]
            } else {
                table[Int(id)] = Array(decoding.replacements.reduce(entry) { $1($0) }.utf8)
            }
        }
        for token in added { table[Int(token.id)] = token.special == true ? [] : Array(token.content.utf8) }
        return table
    }
}
