import Compute
import Foundation
import Models
import Routing
import TestSupport
import Testing
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

/// One token a letter, between a begin and an end.
private struct LetterTokenizer: Tokenizer {
    let vocabularySize = 120
    let leadingSpaceCount = 0

    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        var tokens: [Int32] = []
        for byte in text.utf8 {
            guard (97...119).contains(byte) else {
                throw .unknownCharacter(String(decoding: [byte], as: UTF8.self))
            }
            tokens.append(Int32(byte))
        }
        return addsSpecialTokens ? [1] + tokens + [2] : tokens
    }

    func bytes(of token: Int32) -> [UInt8] { (97...122).contains(token) ? [UInt8(token)] : [] }
}

@Suite("Engine: embeddings by an encoder") struct EncoderEmbeddingTests {
    private static let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/Encoders").standardizedFileURL
    private let tokenizer = LetterTokenizer()

    private func model(_ fixture: String = "bert-mean") throws -> EncoderModel {
        try EncoderModel(
            directory: Self.folder.appending(path: fixture).path, name: ModelName("encoder")!,
            version: ModelVersion(1)!)
    }

    private func engine(queueCapacity: Int = 1024) async throws -> Engine {
        let engine = makeEngine()
        try await engine.load(
            EngineModel(encoder: try model(), tokenizer: tokenizer, queueCapacity: queueCapacity))
        return engine
    }

    /// Lower-case words, up to `w`: the miniatures know 120 tokens.
    private func texts(_ count: Int) -> [String] {
        var random = SeededGenerator(seed: 3)
        return (0..<count).map { _ in
            let length = Int.random(in: 0...40, using: &random)
            return String((0..<length).map { _ in "abcdefghijklmnopqrstuvw".randomElement(using: &random)! })
        }
    }

    /// Goal: many texts in one call, in several executions, come back in their order with the bits they have alone.
    @Test("many texts in one call")
    func manyTexts() async throws {
        let engine = try await engine()
        let texts = texts(300)
        let gang = ComputeGang(threadCount: 1)
        let alone = try model()
        let answer = try await engine.embed(selector("encoder"), texts: texts, isNormalized: false)
        var tokenCount = 0
        for (text, vector) in zip(texts, answer.vectors) {
            let tokens = try tokenizer.encode(text, addsSpecialTokens: true)
            tokenCount += tokens.count
            #expect(try alone.vectors(of: [tokens], on: gang)[0] == vector)
        }
        #expect(answer.vectors.count == 300 && answer.usage.promptTokenCount == tokenCount)
        let counters = try engine.counters(of: selector("encoder"))
        #expect(counters.queuedRequestCount == 0 && counters.promptTokenCount == UInt64(tokenCount))
        // No more tokens in an execution than the budget allows, and not one execution for each text; how many come
        // together depends on how fast they come.
        let fewest = (tokenCount + alone.tokenBudget - 1) / alone.tokenBudget
        #expect(fewest > 1 && (fewest..<texts.count).contains(Int(counters.executionCount)))
        await engine.shutdown()
    }

    @Test("vectors have length 1 unless it is to be kept")
    func normalization() async throws {
        let engine = try await engine()
        let plain = try await engine.embed(selector("encoder"), texts: ["hello"], isNormalized: false).vectors[0]
        let unit = try await engine.embed(selector("encoder"), texts: ["hello"]).vectors[0]
        let length = plain.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(length - 1) > 0.1)
        for (x, y) in zip(plain, unit) { #expect(abs(Double(x) / length - Double(y)) < 1e-6) }
        await engine.shutdown()
    }

    @Test("a text that is too long is named, or cut where it is asked for, with its end kept")
    func tooLong() async throws {
        let engine = try await engine()
        let long = String(repeating: "abcd", count: 30)
        let error = await #expect(throws: ServingError.self) {
            try await engine.embed(selector("encoder"), texts: ["abc", long])
        }
        #expect(error?.message == "texts[1]: expected at most 42 tokens for model 'encoder', got 122")
        #expect(error?.code == .invalidArgument)
        let cut = try await engine.embed(selector("encoder"), texts: [long], truncates: true)
        let fitting = try await engine.embed(selector("encoder"), texts: [String(long.prefix(40))])
        #expect(cut.vectors == fitting.vectors && cut.usage.promptTokenCount == 42)
        #expect(try engine.counters(of: selector("encoder")).queuedRequestCount == 0)
        await engine.shutdown()
    }

    @Test("what cannot be is refused")
    func refused() async throws {
        let engine = try await engine(queueCapacity: 4)
        func message(_ texts: [String]) async -> String? {
            let error = await #expect(throws: ServingError.self) {
                try await engine.embed(selector("encoder"), texts: texts)
            }
            return error?.message
        }
        #expect(await message([]) == "texts: expected 1 to 4 texts, got 0")
        #expect(await message(texts(5)) == "texts: expected 1 to 4 texts, got 5")
        #expect(await message(["a", "b!"]) == "texts[1]: no token writes \"!\"")
        let generation = await #expect(throws: ServingError.self) {
            try await engine.generate(selector("encoder"), GenerationRequest(prompt: .text("a"), tokenCountMax: 3))
        }
        #expect(generation?.code == .invalidArgument && generation?.label == "wrong_modality")
        let answered = try await engine.embed(selector("encoder"), texts: texts(4))
        #expect(answered.vectors.count == 4)
        await engine.shutdown()
    }

    /// Goal: a call that was cancelled gives back all places, and nobody waits for it.
    ///
    /// Method: another model holds the engine thread at a gate, so that all texts wait.
    @Test("cancelling gives back the places of all texts")
    func cancel() async throws {
        let engine = try await engine()
        let gate = Gate()
        try await engine.load(EngineModel(batch: SquareModel(gate: gate)))
        let held = Task { try await engine.infer(selector("square"), numbers([2])) }
        #expect(await eventually { gate.arrivalCount == 1 })
        let texts = texts(200)
        let call = Task { try await engine.embed(selector("encoder"), texts: texts) }
        #expect(await eventually { (try? engine.counters(of: selector("encoder")).queuedRequestCount) == 200 })
        call.cancel()
        let error = await #expect(throws: ServingError.self) { try await call.value }
        #expect(error?.code == .cancelled)
        #expect(try engine.counters(of: selector("encoder")).queuedRequestCount == 0)
        #expect(try engine.counters(of: selector("encoder")).cancellationCount == 200)
        gate.open()
        #expect(try await held.value.squares == [4])
        #expect(try await engine.embed(selector("encoder"), texts: ["abc"]).vectors.count == 1)
        await engine.shutdown()
    }

    @Test("a deadline that has passed, and an engine that stops")
    func deadlineAndShutdown() async throws {
        let engine = try await engine()
        let late = await #expect(throws: ServingError.self) {
            try await engine.embed(
                selector("encoder"), texts: ["abc"], deadline: Deadline(MonotonicTime(nanoseconds: 1)))
        }
        #expect(late?.code == .deadlineExceeded)
        await engine.shutdown()
        let stopped = await #expect(throws: ServingError.self) {
            try await engine.embed(selector("encoder"), texts: ["abc"])
        }
        #expect(stopped?.code == .unavailable)
    }
}
