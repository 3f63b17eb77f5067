import ModelFiles

/// A vocabulary as a file lists it, checked, and the parts that models are made from.
struct VocabularyParts {
    static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

    let table: PieceTable
    let entries: [(bytes: [UInt8], id: Int32)]
    let file: String

    /// Checks the entries; errors call the list `field`.
    init(_ entries: [(bytes: [UInt8], id: Int)], file: String, field: String) throws(TokenizerError) {
        guard !entries.isEmpty else { throw .malformed(file: file, problem: "\(field) is missing or empty") }
        var highest = 0
        for entry in entries {
            guard entry.id >= 0, entry.id < PipelineTokenizer.vocabularySizeMax else {
                throw .malformed(
                    file: file,
                    problem: "\(field): \"\(String(decoding: entry.bytes, as: UTF8.self))\" has the id \(entry.id)")
            }
            highest = max(highest, entry.id)
        }
        var table = PieceTable(capacity: entries.count, idCount: highest + 1)
        for entry in entries {
            LoadPause.takeIfDue()
            guard !table.add(entry.bytes, id: Int32(entry.id)) else { continue }
            throw .malformed(
                file: file,
                problem: "\(field): \"\(String(decoding: entry.bytes, as: UTF8.self))\" or its id stands twice")
        }
        self.table = table
        self.entries = entries.map { ($0.bytes, Int32($0.id)) }
        self.file = file
    }

    /// Whether text may be cut in front of every mark of space: no entry has one behind anything else.
    var canCutAtSpaceMarks: Bool {
        table[Self.spaceMark] != nil
            && !entries.contains { entry in
                var isBehindMark = true
                var index = 0
                while index < entry.bytes.count {
                    let isMark = entry.bytes[index...].starts(with: Self.spaceMark)
                    if isMark, !isBehindMark { return true }
                    isBehindMark = isMark
                    index += isMark ? 3 : 1
                }
                return false
            }
    }

    /// `[256]` the token of each byte, by the name `entry` gives it.
    func byteTable(_ entry: (UInt8) -> String) throws(TokenizerError) -> [Int32] {
        var result: [Int32] = []
        for byte in 0...UInt8.max {
            guard let id = table[entry(byte).utf8] ?? (Self.isNeverInText(byte) ? 0 : nil) else {
                throw missingByte(byte, entry(byte))
            }
            result.append(id)
        }
        return result
    }

    /// Bytes that UTF-8 never has; some vocabularies leave them out.
    private static func isNeverInText(_ byte: UInt8) -> Bool { byte == 0xC0 || byte == 0xC1 || byte >= 0xF5 }

    /// The tokens of the bytes by the characters of byte-level vocabularies.
    ///
    /// Falcon's has no control characters, and StarCoder's not all bytes of planes that nobody writes in: the reference
    /// leaves such bytes out of a text. What is printed in ASCII, every vocabulary has that means well.
    func byteLevelAlphabet() throws(TokenizerError) -> BytePairModel.Alphabet {
        .bytes(
            try (0...UInt8.max).map { byte throws(TokenizerError) in
                let entry = String(ByteLevelAlphabet.characters[Int(byte)])
                if let id = table[entry.utf8] { return id }
                guard !(0x20...0x7E).contains(byte) else { throw missingByte(byte, entry) }
                return nil
            })
    }

    private func missingByte(_ byte: UInt8, _ entry: String) -> TokenizerError {
        .malformed(file: file, problem: "the vocabulary has no entry \"\(entry)\" for the byte \(byte)")
    }

    func scalarAlphabet(
        fallsBackToBytes: Bool, unknown: Int32?, fusesUnknown: Bool
    ) throws(TokenizerError) -> BytePairModel.Alphabet {
        var scalars: [Unicode.Scalar: Int32] = [:]
        for (bytes, id) in entries {
            let (scalar, count) = bytes.isEmpty ? ("\0", 0) : decodeScalar(bytes, at: 0)
            if count > 0, count == bytes.count { scalars[scalar] = id }
        }
        return .scalars(
            scalars, bytes: fallsBackToBytes ? try byteTable(Self.byteEntry) : nil, unknown: unknown,
            fusesUnknown: fusesUnknown)
    }

    /// The merges that scores mean: two neighbours become one when what they give together is an entry, the one with
    /// the best score first.
    func merges(byScores scores: [Float], _ isMergeable: (Int32) -> Bool) -> BytePairMerges {
        var merges = BytePairMerges()
        let order = entries.filter { isMergeable($0.id) }.sorted { scores[Int($0.id)] > scores[Int($1.id)] }
        var rank: Int32 = -1
        var last = Float.nan
        for (bytes, id) in order {
            LoadPause.takeIfDue()
            // Entries of the same score are of the same rank: then the leftmost goes first.
            if scores[Int(id)] != last { rank += 1 }
            last = scores[Int(id)]
            // Entries are short; a longer one cannot be reached by a file that means well.
            guard bytes.count <= 512 else { continue }
            for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
                guard let left = table[bytes[..<cut]], let right = table[bytes[cut...]] else { continue }
                if isMergeable(left), isMergeable(right) {
                    merges.add(left: left, right: right, result: id, rank: rank)
                }
            }
        }
        return merges
    }

    /// Merges by their order in a list.
    func merges(
        _ pairs: some Sequence<(left: [UInt8], right: [UInt8])>, field: String
    ) throws(TokenizerError) -> BytePairMerges {
        var merges = BytePairMerges()
        var rank: Int32 = 0
        for pair in pairs {
            LoadPause.takeIfDue()
            guard let left = table[pair.left], let right = table[pair.right],
                let result = table[pair.left + pair.right]
            else {
                let (left, right) = (
                    String(decoding: pair.left, as: UTF8.self), String(decoding: pair.right, as: UTF8.self)
                )
                throw .malformed(
                    file: file,
                    problem: "\(field)[\(rank)]: \"\(left)\" and \"\(right)\" or both together are no tokens")
            }
            merges.add(left: left, right: right, result: result, rank: rank)
            rank += 1
        }
        return merges
    }

    func wordPiece(
        prefix: String, unknown: Int32, scalarCountMax: Int, except special: (Int32) -> Bool = { _ in false }
    ) -> WordPieceModel {
        var beginnings = ByteTrie()
        var continuations = ByteTrie()
        let prefix = Array(prefix.utf8)
        for (bytes, id) in entries where !special(id) {
            LoadPause.takeIfDue()
            beginnings.add(bytes, value: id)
            if bytes.starts(with: prefix), !prefix.isEmpty { continuations.add(bytes[prefix.count...], value: id) }
        }
        return WordPieceModel(
            beginnings: beginnings, continuations: prefix.isEmpty ? beginnings : continuations, unknown: unknown,
            scalarCountMax: scalarCountMax)
    }

    /// A Unigram model over the entries that `isWritten` allows in texts.
    func unigram(
        scores: [Double], unknown: Int32?, fallsBackToBytes: Bool, isWritten: (Int32) -> Bool
    ) throws(TokenizerError) -> UnigramModel {
        var trie = ByteTrie()
        var lowest = Double.infinity
        for (bytes, id) in entries where isWritten(id) {
            LoadPause.takeIfDue()
            guard scores[Int(id)].isFinite else {
                throw .malformed(file: file, problem: "the score of token \(id) is no number")
            }
            trie.add(bytes, value: id)
            lowest = min(lowest, scores[Int(id)])
        }
        return UnigramModel(
            trie: trie, scores: scores, unknown: unknown,
            bytes: fallsBackToBytes ? try byteTable(Self.byteEntry) : nil,
            unknownScore: (lowest.isFinite ? lowest : 0) - UnigramModel.unknownPenalty)
    }

    /// `<0x0A>`, the entry of a byte.
    static func byteEntry(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }

    /// The byte of an entry `<0x0A>`.
    static func byte(ofEntry entry: some Collection<UInt8>) -> UInt8? {
        guard entry.count == 6, entry.starts(with: "<0x".utf8) else { return nil }
        let text = String(decoding: entry.dropFirst(3).prefix(2), as: UTF8.self)
        guard let byte = UInt8(text, radix: 16), byteEntry(byte).utf8.elementsEqual(entry) else { return nil }
        return byte
    }
}

/// How the text of a token is read off its vocabulary entry.
struct TokenTextRule {
    enum Kind { case plain, byteLevel, wordPiece(prefix: [UInt8], cleansUp: Bool) }

    var kind = Kind.plain
    var replacements: [Normalizer] = []
    var fallsBackToBytes = false
    var leadingSpaceCount = 0

    func bytes(of entry: [UInt8]) -> [UInt8] {
        switch kind {
        case .byteLevel:
            return ByteLevelAlphabet.bytes(of: String(decoding: entry, as: UTF8.self)) ?? entry
        case .wordPiece(let prefix, let cleansUp):
            if entry.starts(with: prefix) { return Array(entry[prefix.count...]) }
            let text = " " + String(decoding: entry, as: UTF8.self)
            // A sign that stands close to the word before it.
            let close = [" .", " ?", " !", " ,", " n't", " 'm", " 's", " 've", " 're"]
            return Array((cleansUp && close.contains(text) ? String(text.dropFirst()) : text).utf8)
        case .plain:
            if fallsBackToBytes, let byte = VocabularyParts.byte(ofEntry: entry) { return [byte] }
            return replacements.reduce(entry) { $1($0) }
        }
    }

    /// `[highest id + 1]` the bytes of all tokens.
    func table(_ vocabulary: VocabularyParts, idCount: Int) -> [[UInt8]] {
        var table = [[UInt8]](repeating: [], count: max(idCount, vocabulary.table.idCount))
        for (bytes, id) in vocabulary.entries {
            LoadPause.takeIfDue()
            table[Int(id)] = self.bytes(of: bytes)
        }
        return table
    }
}
