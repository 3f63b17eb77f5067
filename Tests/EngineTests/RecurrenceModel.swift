import Compute
import Models
import Synchronization
import TestSupport
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

/// A text model small enough to follow by hand, that finds out when its cache is not what it should be.
///
/// The state after position `p` is a function of the state after `p - 1`, which it reads from the page that the span
/// says holds it; a page that was given to somebody else, or a position that was never computed, changes the text or is
/// counted as an error. The next token is a letter that the state decides, or the end.
final class RecurrenceModel: TokenModel {
    let description: ModelDescription
    let properties: TokenModelProperties
    private let gate: Gate?
    private let pace: Pace?
    /// How many states there are: few make a text that repeats itself.
    private let stateCount: UInt64
    /// Reads of cache entries that were not those of the position before.
    let cacheErrorCount = Atomic<Int>(0)
    private var slots: [Slot] = []
    private var tokensPerPage = 1

    /// What lies in the cache for one token.
    private struct Slot {
        var position = -1
        var state: UInt64 = 0
    }

    /// How long steps take, on a clock of the test's.
    struct Pace: Sendable {
        let clock: ManualClock
        var stepNanoseconds: UInt64 = 5_000_000
        var tokenNanoseconds: UInt64 = 1_000_000
    }

    /// Of each step, how many sequences were in it and how many tokens.
    let steps = Mutex<[(sequenceCount: Int, tokenCount: Int)]>([])

    /// Bytes, and one token that ends the text.
    static let endToken: Int32 = 256
    static let firstState: UInt64 = 0x9E37_79B9

    init(contextLengthMax: Int = 200, gate: Gate? = nil, pace: Pace? = nil, stateCount: UInt64 = .max) {
        description = ModelDescription(
            name: ModelName("story")!, version: ModelVersion(1)!, modality: .text, platform: "test_recurrence",
            inputs: [], outputs: [], batchSizeMax: 0)
        properties = TokenModelProperties(
            vocabularySize: 257, contextLengthMax: contextLengthMax, hiddenSize: 2, cacheBytesPerToken: 16)
        self.gate = gate
        self.pace = pace
        self.stateCount = stateCount
    }

    func warmUp(on gang: ComputeGang) {}

    func allocateCache(pageCount: Int, tokensPerPage: Int) {
        slots = Array(repeating: Slot(), count: pageCount * tokensPerPage)
        self.tokensPerPage = tokensPerPage
    }

    func step(_ spans: [TokenSpan], on gang: ComputeGang, receive: (Int, UnsafeBufferPointer<Float>) -> Void) {
        gate?.pass()
        let tokenCount = spans.tokenCount
        steps.withLock { $0.append((spans.count, tokenCount)) }
        if let pace {
            pace.clock.advance(
                byNanoseconds: pace.stepNanoseconds + UInt64(tokenCount) * pace.tokenNanoseconds)
        }
        for (index, span) in spans.enumerated() {
            var hidden: [Float] = []
            var logits: [Float] = []
            for (offset, token) in span.tokens.enumerated() {
                let state = compute(token, at: span.startPosition + offset, pages: span.pages)
                hidden += [Float(token), Float(state % 1000)]
                guard case .logits(let last) = span.result, offset >= span.tokens.count - last else { continue }
                var row = [Float](repeating: 0, count: properties.vocabularySize)
                row[Int(Self.nextToken(after: state))] = 1
                logits += row
            }
            if !logits.isEmpty { logits.withUnsafeBufferPointer { receive(index, $0) } }
            if span.result == .hiddenStates { hidden.withUnsafeBufferPointer { receive(index, $0) } }
        }
    }

    private func compute(_ token: Int32, at position: Int, pages: [Int32]) -> UInt64 {
        var state = Self.firstState
        if position > 0 {
            let before = slots[place(position - 1, pages)]
            if before.position != position - 1 { cacheErrorCount.add(1, ordering: .relaxed) }
            state = before.state
        }
        let next = Self.state(after: state, token) % stateCount
        slots[place(position, pages)] = Slot(position: position, state: next)
        return next
    }

    private func place(_ position: Int, _ pages: [Int32]) -> Int {
        Int(pages[position / tokensPerPage]) * tokensPerPage + position % tokensPerPage
    }

    static func state(after state: UInt64, _ token: Int32) -> UInt64 {
        let mixed = (state ^ UInt64(UInt32(bitPattern: token))) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ (mixed >> 29)
    }

    static func nextToken(after state: UInt64) -> Int32 {
        state % 61 == 0 ? endToken : Int32(UInt8(ascii: "a")) + Int32(state % 26)
    }

    /// The text the model writes after `prompt`, computed without cache, pages or steps.
    static func text(after prompt: String, tokenCountMax: Int, ignoresEnd: Bool = false) -> (text: String, ended: Bool)
    {
        var state = prompt.utf8.reduce(firstState) { Self.state(after: $0, Int32($1)) }
        var bytes: [UInt8] = []
        for _ in 0..<tokenCountMax {
            let token = nextToken(after: state)
            if token == endToken, !ignoresEnd { return (String(decoding: bytes, as: UTF8.self), true) }
            if token != endToken { bytes.append(UInt8(token)) }
            state = Self.state(after: state, token)
        }
        return (String(decoding: bytes, as: UTF8.self), false)
    }
}

/// A token a byte; `~` cannot be written.
struct ByteTokenizer: Tokenizer {
    var vocabularySize: Int { 257 }
    var leadingSpaceCount: Int { 0 }

    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        guard !text.contains("~") else { throw .unknownCharacter("~") }
        return text.utf8.map(Int32.init)
    }

    func bytes(of token: Int32) -> [UInt8] { token < 256 ? [UInt8(token)] : [] }
}

/// Everything a stream gives.
struct WholeText: Equatable {
    var text = ""
    var tokens: [Int32] = []
    var logprobs: [TokenLogprobs] = []
    var reason: FinishReason?
    var usage = Usage()
    var pieceCount = 0

    static func read(_ stream: GenerationStream) async throws -> WholeText {
        var whole = WholeText()
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                precondition(piece.answer == 0, "one answer was asked for")
                whole.text += piece.text
                whole.tokens += piece.tokens
                whole.logprobs += piece.logprobs
                whole.pieceCount += 1
            case .finished(let reason, let usage, _):
                whole.reason = reason
                whole.usage = usage
            }
        }
        return whole
    }
}
