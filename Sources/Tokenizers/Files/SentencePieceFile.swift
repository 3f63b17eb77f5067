import ModelFiles
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

    init(_ bytes: Bytes, file: String) throws(TokenizerError) {
        do {
            try read(Reader(bytes, budget: Reader.Budget(SentencePieceFormat.Limits())))
        } catch {
            switch error {
            case .malformed(let problem): throw .malformed(file: file, problem: problem)
            case .unsupported(let construct): throw .unsupported(file: file, construct: construct)
            }
        }
    }

    private typealias Reader = ProtobufReader<SentencePieceFormat>

    private mutating func read(_ model: Reader) throws(SentencePieceFormat.Failure) {
        var model = model
        while let field = try model.next() {
            switch field.number {
            case 1: pieces.append(try piece(model.message(field)))
            case 2: try readTrainer(model.message(field))
            case 3: try readNormalizer(model.message(field))
            default: break
            }
        }
        guard !pieces.isEmpty else { throw .malformed("pieces is empty") }
    }

    private func piece(_ message: Reader) throws(SentencePieceFormat.Failure) -> Piece {
        guard pieces.count < PipelineTokenizer.vocabularySizeMax else {
            throw .malformed("pieces: more than \(PipelineTokenizer.vocabularySizeMax)")
        }
        var piece = Piece()
        var message = message
        while let field = try message.next() {
            switch (field.number, field.payload) {
            case (1, .bytes(let text)): piece.text = text.array
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let type)): piece.type = type
            default: break
            }
        }
        guard String(validating: piece.text, as: UTF8.self) != nil else {
            throw .malformed("pieces[\(pieces.count)].piece is not UTF-8")
        }
        return piece
    }

    private mutating func readTrainer(_ message: Reader) throws(SentencePieceFormat.Failure) {
        var message = message
        while let field = try message.next() {
            guard case .varint(let value) = field.payload else { continue }
            // Negative numbers are written as 64 bits.
            let number = Int(truncatingIfNeeded: Int32(truncatingIfNeeded: value))
            switch field.number {
            case 3:
                guard let known = Kind(rawValue: value) else {
                    throw .unsupported("trainer_spec.model_type \(value)")
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

    private mutating func readNormalizer(_ message: Reader) throws(SentencePieceFormat.Failure) {
        var message = message
        while let field = try message.next() {
            switch (field.number, field.payload) {
            case (2, .bytes(let map)): charsMap = map.array
            case (3, .varint(let value)): addsPrefix = value != 0
            case (4, .varint(let value)): removesExtraSpaces = value != 0
            case (5, .varint(let value)): escapesSpaces = value != 0
            default: break
            }
        }
    }
}

/// How the messages of SentencePiece models are read.
private enum SentencePieceFormat: ProtobufFormat {
    struct Limits: ProtobufLimits {
        /// The model, and one message in it.
        let depthMax = 2
        /// A piece is a field of the model and has three; what else there is is little.
        let fieldCountMax = 8 * PipelineTokenizer.vocabularySizeMax
    }

    /// What is wrong in a file that is not named yet.
    enum Failure: Error {
        case malformed(String)
        case unsupported(String)
    }

    static func failure(_ problem: ProtobufProblem) -> Failure { .malformed(problem.description) }
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
