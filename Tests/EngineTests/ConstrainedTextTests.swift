import Constraints
import Foundation
import Models
import Routing
import Synchronization
import TestSupport
import Testing
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

@Suite("Engine: answers that have to look like something")
struct ConstrainedTextTests {
    @Test("an answer matches, ends where it has to, and says so", arguments: [Float(0), 1])
    func regex(temperature: Float) async throws {
        let (engine, model) = try await storyEngine()
        for seed in 0..<8 {
            var request = request(.regex("(yes|no), [0-9]{3}"), temperature, seed: UInt64(seed))
            request.tokenCountMax = 40
            let whole = try await WholeText.read(engine.generate(selector("story"), request))
            #expect(whole.text.wholeMatch(of: /(yes|no), [0-9]{3}/) != nil, "\(whole.text)")
            #expect(whole.reason == .endOfSequence)
            #expect(whole.usage.generatedTokenCount == whole.text.utf8.count, "it went on behind the end")
        }
        #expect(model.cacheErrorCount.load(ordering: .relaxed) == 0)
        #expect(try engine.counters(of: selector("story")).cachePageCountUsed == 0)
        await engine.shutdown()
    }

    @Test("among others and with scarce pages an answer is what it is alone")
    func company() async throws {
        let (engine, _) = try await storyEngine(pageCount: 16, runningMax: 8)
        let wanted = ConstraintSpecification.jsonSchema(
            #"{"type":"array","items":{"type":"integer","minimum":0,"maximum":99},"minItems":8,"maxItems":8}"#)
        func text(_ seed: Int) async throws -> String {
            try await WholeText.read(engine.generate(selector("story"), request(wanted, 1, seed: UInt64(seed)))).text
        }
        var alone: [String] = []
        for seed in 0..<8 { alone.append(try await text(seed)) }
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for seed in 0..<8 { group.addTask { (seed, try await text(seed)) } }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        for (seed, text) in alone.enumerated() {
            #expect(together[seed] == text)
            let value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Int]
            #expect(value?.count == 8 && value?.allSatisfy { (0...99).contains($0) } == true)
        }
        #expect(try engine.counters(of: selector("story")).preemptionCount > 0)
        await engine.shutdown()
    }

    @Test("the length ends an answer that is not complete, and several answers share a constraint")
    func length() async throws {
        let (engine, _) = try await storyEngine()
        var request = request(.regex("a{50}"), 1, seed: 1)
        request.tokenCountMax = 7
        request.answerCount = 3
        let stream = try await engine.generate(selector("story"), request)
        var texts = ["", "", ""]
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece): texts[piece.answer] += piece.text
            case .finished(let reason, _, _): #expect(reason == .length)
            }
        }
        #expect(texts == Array(repeating: "aaaaaaa", count: 3))
        await engine.shutdown()
    }

    @Test("whoever ignores the end goes on where the constraint lets it, and ends where it does not")
    func ignoredEnd() async throws {
        let (engine, _) = try await storyEngine()
        var request = request(.regex("a{3,6}"), 1, seed: 1)
        request.ignoresEndOfSequence = true
        let whole = try await WholeText.read(engine.generate(selector("story"), request))
        #expect(whole.text == "aaaaaa" && whole.reason == .endOfSequence)
        await engine.shutdown()
    }

    @Test("a constraint that cannot be is refused before it waits, and named")
    func refusals() async throws {
        let (engine, _) = try await storyEngine()
        for (wanted, message) in [
            (ConstraintSpecification.regex("(?=a)"), "regex: look-ahead is not supported, at character 2"),
            (.jsonSchema(#"{"not":{}}"#), "json_schema: #: the keyword 'not' is not supported"),
            (.choices([]), "choices: expected 1 to 4096 texts, got 0"),
        ] {
            let error = await #expect(throws: ServingError.self) {
                try await engine.generate(selector("story"), request(wanted, 0, seed: 0))
            }
            #expect(error?.code == .invalidArgument && error?.message == message)
        }
        await engine.shutdown()
    }

    @Test("storyteller, with its own tokens, writes what it has to")
    func storyteller() async throws {
        let engine = makeEngine()
        let names: Set<ModelName> = [ModelName("storyteller")!]
        for entry in ModelRepository(path: ExampleModels.path).load(names).models { try await engine.load(entry.model) }
        let schema =
            #"{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":12},"#
            + #""kind":{"enum":["king","mouse","wolf"]},"age":{"type":"integer","minimum":1,"maximum":120},"#
            + #""friends":{"type":"array","items":{"type":"string","pattern":"^[A-Z][a-z]{2,8}$"},"maxItems":3}},"#
            + #""required":["name","kind","age"]}"#
        for seed in 0..<6 {
            var wanted = request(.jsonSchema(schema), 1.5, seed: UInt64(seed))
            wanted.prompt = .text("Once upon a time there was a ")
            wanted.tokenCountMax = 200
            let whole = try await WholeText.read(engine.generate(selector("storyteller"), wanted))
            #expect(whole.reason == .endOfSequence)
            let value = try JSONSerialization.jsonObject(with: Data(whole.text.utf8)) as? [String: Any]
            let object = try #require(value)
            #expect((1...12).contains((object["name"] as? String)?.unicodeScalars.count ?? 0))
            #expect(["king", "mouse", "wolf"].contains(object["kind"] as? String))
            #expect((1...120).contains(object["age"] as? Int ?? 0))
        }
        await engine.shutdown()
    }

    private func request(
        _ constraint: ConstraintSpecification, _ temperature: Float, seed: UInt64
    ) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: .text("once"), tokenCountMax: 60,
            sampling: GenerationRequest.Sampling(temperature: temperature, seed: seed))
        request.constraint = constraint
        return request
    }
}
