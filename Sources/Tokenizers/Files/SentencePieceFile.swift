package import Vocabulary

/// A SentencePiece model, `tokenizer.model`: the fields of its protobuf message that matter for encoding.
///
/// - Source: `sentencepiece_model.proto` for the numbers of the fields; Protocol Buffers encoding guide.
struct SentencePieceFile {
    enum Kind: UInt64 { case unigram = 1, bytePairs = 2 }

    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        /// 1 normal, 2 unknown, 3 control, 4 of the user, 5 unused, 6 byte.
        var type: UInt64 = 1
    }

    private(set) var pieces: [Piece] = []
    private(set) var kind = Kind.unigram
    private(set) var fallsBackToBytes = false
    private(set) var putsSpacesBehind = false
    /// The ids of the unknown, begin and end tokens; negative for none.
    private(set) var unknown = 0
    private(set) var begin = 1
    private(set) var end = 2
    private(set) var charsMap: [UInt8] = []
    private(set) var addsPrefix = true
    private(set) var removesExtraSpaces = true
    private(set) var escapesSpaces = true

    private let file: String

    init(_ bytes: Bytes, file: String) throws(TokenizerError) {
        self.file = file
        var message = MessageReader(bytes.array[...], file: file)
        while let field = try message.next() {
            switch field.number {
            case 1: pieces.append(try piece(field.bytes(file)))
            case 2: try readTrainer(field.bytes(file))
            case 3: try readNormalizer(field.bytes(file))
            default: break
            }
        }
        guard !pieces.isEmpty else { throw .malformed(file: file, problem: "pieces is empty") }
    }

    private func piece(_ bytes: ArraySlice<UInt8>) throws(TokenizerError) -> Piece {
        guard pieces.count < PipelineTokenizer.vocabularySizeMax else {
            throw .malformed(file: file, problem: "pieces: more than \(PipelineTokenizer.vocabularySizeMax)")
        }
        var piece = Piece()
        var message = MessageReader(bytes, file: file)
        while let field = try message.next() {
            switch (field.number, field.payload) {
            case (1, .bytes(let text)): piece.text = Array(text)
            case (2, .fixed(let bits)): piece.score = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            case (3, .varint(let type)): piece.type = type
            default: break
            }
        }
        guard String(validating: piece.text, as: UTF8.self) != nil else {
            throw .malformed(file: file, problem: "pieces[\(pieces.count)].piece is not UTF-8")
        }
        return piece
    }

    private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws(TokenizerError) {
        var message = MessageReader(bytes, file: file)
        while let field = try message.next() {
            guard case .varint(let value) = field.payload else { continue }
            // Negative numbers are written as 64 bits.
            let number = Int(truncatingIfNeeded: Int32(truncatingIfNeeded: value))
            switch field.number {
            case 3:
                guard let known = Kind(rawValue: value) else {
                    throw .unsupported(file: file, construct: "trainer_spec.model_type \(value)")
                }
                kind = known
            case 24: putsSpacesBehind = value != 0
            case 35: fallsBackToBytes = value != 0
            case 40: unknown = number
            case 41: begin = number
            case 42: end = number
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>) throws(TokenizerError) {
        var message = MessageReader(bytes, file: file)
        while let field = try message.next() {
            switch (field.number, field.payload) {
            case (2, .bytes(let map)): charsMap = Array(map)
            case (3, .varint(let value)): addsPrefix = value != 0
            case (4, .varint(let value)): removesExtraSpaces = value != 0
            case (5, .varint(let value)): escapesSpaces = value != 0
            default: break
            }
        }
    }
}

/// Reads the fields of one protobuf message; nothing is trusted.
private struct MessageReader {
    enum Payload {
        case varint(UInt64)
        case fixed(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    struct Field {
        let number: UInt64
        let payload: Payload

        func bytes(_ file: String) throws(TokenizerError) -> ArraySlice<UInt8> {
            guard case .bytes(let bytes) = payload else {
                throw .malformed(file: file, problem: "field \(number) is no message")
            }
            return bytes
        }
    }

    private var rest: ArraySlice<UInt8>
    private let file: String

    init(_ bytes: ArraySlice<UInt8>, file: String) {
        rest = bytes
        self.file = file
    }

    private func malformed(_ problem: String) -> TokenizerError {
        .malformed(file: file, problem: "\(problem) at byte \(rest.startIndex)")
    }

    mutating func next() throws(TokenizerError) -> Field? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        guard tag >> 3 > 0 else { throw malformed("a field without number") }
        switch tag & 7 {
        case 0: return Field(number: tag >> 3, payload: .varint(try varint()))
        case 1: return Field(number: tag >> 3, payload: .fixed(littleEndian(try take(8))))
        case 2: return Field(number: tag >> 3, payload: .bytes(try take(try varint())))
        case 5: return Field(number: tag >> 3, payload: .fixed(littleEndian(try take(4))))
        default: throw malformed("an unknown kind of field")
        }
    }

    private mutating func varint() throws(TokenizerError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let byte = rest.popFirst() else { throw malformed("the end inside a field") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw malformed("a number of more than ten bytes")
    }

    private mutating func take(_ count: UInt64) throws(TokenizerError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw malformed("a length of \(count) with \(rest.count) bytes left") }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension PipelineTokenizer {
    /// Reads a SentencePiece model; `file` is only named in errors.
    ///
    /// Where `addsBegin` and `addsEnd` are nil, a begin token stands before a text with byte pairs, and an end token
    /// behind it with Unigram, as the models of these kinds expect.
    package init(
        sentencePiece bytes: Bytes, file: String, addsBegin: Bool? = nil, addsEnd: Bool? = nil
    ) throws(TokenizerError) {
        let model = try SentencePieceFile(bytes, file: file)
        if model.putsSpacesBehind {
            throw .unsupported(file: file, construct: "trainer_spec.treat_whitespace_as_suffix")
        }
        let isBytePairs = model.kind == .bytePairs
        var vocabulary = GGUFVocabulary(
            model: isBytePairs ? "llama" : "t5", tokens: model.pieces.map { String(decoding: $0.text, as: UTF8.self) })
        vocabulary.scores = model.pieces.map(\.score)
        vocabulary.types = model.pieces.map { Int32(truncatingIfNeeded: $0.type) }
        vocabulary.unknownToken = Int32(model.unknown)
        vocabulary.beginToken = model.begin >= 0 ? Int32(model.begin) : nil
        vocabulary.endToken = model.end >= 0 ? Int32(model.end) : nil
        vocabulary.addsBegin = addsBegin ?? isBytePairs
        vocabulary.addsEnd = addsEnd ?? !isBytePairs
        vocabulary.addsSpacePrefix = model.addsPrefix
        vocabulary.removesExtraSpaces = model.removesExtraSpaces
        vocabulary.escapesSpaces = model.escapesSpaces
        vocabulary.charsMap = model.charsMap
        try self.init(vocabulary, file: file)
    }
}
