import ModelFiles
package import Vocabulary

extension PipelineTokenizer {
    /// BERT's `vocab.txt`: one entry a line, its id the number of the line from zero.
    ///
    /// An uncased vocabulary is one that `lowercases`; accents go with the cases.
    package init(wordPieceList bytes: Bytes, file: String, lowercases: Bool) throws(TokenizerError) {
        guard let text = bytes.utf8String else { throw .malformed(file: file, problem: "is not UTF-8") }
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        let entries = lines.enumerated().map { index, line in
            (Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), index)
        }
        let vocabulary = try VocabularyParts(entries, file: file, field: "the list")
        guard let unknown = vocabulary.table["[UNK]".utf8] else {
            throw .malformed(file: file, problem: "has no entry \"[UNK]\"")
        }
        let rule = TokenTextRule(kind: .wordPiece(prefix: Array("##".utf8), cleansUp: true))
        self.init(
            model: .wordPiece(vocabulary.wordPiece(prefix: "##", unknown: unknown, scalarCountMax: 100)),
            tokenBytes: rule.table(vocabulary, idCount: 0))
        normalizers = [
            .bert(cleansText: true, separatesChinese: true, stripsAccents: lowercases, lowercases: lowercases)
        ]
        preTokenizers = [.bert]
        leadingSpaceCount = 1
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        add(
            special.compactMap { name in
                vocabulary.table[name.utf8].map { TokenizerJSONReader.Added(content: name, token: $0) }
            })
        prefix = namedTokens["[CLS]"].map { [$0] } ?? []
        suffix = namedTokens["[SEP]"].map { [$0] } ?? []
    }

    /// GPT-2's pair of files: a JSON object of entries and ids, and a list of merges, one a line.
    package init(bytePairVocabulary: Bytes, merges: Bytes, file: String) throws {
        let json = try JSONValue(parsing: bytePairVocabulary, file: file)
        var entries: [(bytes: [UInt8], id: Int)] = []
        for member in json.members ?? [] {
            guard let id = member.value.int else {
                throw TokenizerError.malformed(file: file, problem: "\"\(member.key)\" has no id")
            }
            entries.append((Array(member.key.utf8), id))
        }
        let vocabulary = try VocabularyParts(entries, file: file, field: "the vocabulary")
        guard let text = merges.utf8String else {
            throw TokenizerError.malformed(file: file, problem: "the merges are not UTF-8")
        }
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() where !line.hasPrefix("#version") {
            let sides = line.split(separator: " ", omittingEmptySubsequences: false)
            guard sides.count == 2 else {
                throw TokenizerError.malformed(file: file, problem: "line \(number) of the merges needs two parts")
            }
            pairs.append((Array(sides[0].utf8), Array(sides[1].utf8)))
        }
        let model = BytePairModel(
            alphabet: try vocabulary.byteLevelAlphabet(), merges: try vocabulary.merges(pairs, field: "merges"),
            wholeWords: nil)
        self.init(
            model: .bytePairs(model), tokenBytes: TokenTextRule(kind: .byteLevel).table(vocabulary, idCount: 0))
        preTokenizers = [.byteLevel(addsPrefixSpace: false, pattern: KnownCuts.pattern(PreTokenizer.gpt2Pattern))]
        if let end = vocabulary.table["<|endoftext|>".utf8] {
            add([.init(content: "<|endoftext|>", token: end)])
        }
    }
}
