import TestSupport
import Testing
import Vocabulary

@testable import Scheduling

/// What a flood does to the first tokens of somebody else, on a virtual clock.
@Suite("TokenScheduler, flood")
struct FloodTests {
    private let flood = TenantID("flood")!
    private let light = TenantID("light")!

    /// Goal: the factor that README and documentation state.
    ///
    /// The 99th percentile of the time to the first token of a light tenant (prompts of 32 tokens, once in a while) is,
    /// while another has 64 prompts of 2048 tokens waiting all the time, at most twice what it is alone, and one step:
    /// the one that runs when the prompt comes, which nothing interrupts.
    ///
    /// Method: the same random arrivals with and without the flood; the machine takes 10 ms a step and 1 ms a token, a
    /// step has room for 256 tokens, and for 50 ms where somebody waits for a token, as is the default.
    @Test("a light tenant's first tokens come within twice the time, and one step", arguments: 0..<2)
    func factor(seed: UInt64) {
        for answer in [1, 64] {
            let alone = percentile99(firstTokens(seed: seed, answer: answer, floods: false).nanoseconds)
            let (nanoseconds, longestStep) = firstTokens(seed: seed, answer: answer, floods: true)
            let flooded = percentile99(nanoseconds)
            #expect(flooded <= 2 * alone + longestStep, "\(flooded) ns, alone \(alone), a step \(longestStep)")
        }
    }

    /// - Returns: the times to the first tokens of the light tenant, and the longest step.
    private func firstTokens(
        seed: UInt64, answer: Int, floods: Bool
    ) -> (nanoseconds: [UInt64], longestStep: UInt64) {
        var random = SeededGenerator(seed: seed)
        var engine = TextEngine(
            make(
                running: 32, queue: 256, budget: 256, time: 50_000_000, context: 4_096, pages: 6_000,
                tokensPerPage: 16), checksInvariants: false)
        engine.learn()
        var arrival = engine.now
        var tickets: [Ticket] = []
        var longestStep: UInt64 = 0
        while tickets.count < 200 || engine.firstTokenNanoseconds[tickets[199]] == nil {
            if floods { engine.fill(flood, to: 64, prompt: 2_048, answer: answer) }
            if engine.textCount == 0 { engine.now = max(engine.now, arrival) }
            engine.beginStep()
            longestStep = max(longestStep, engine.lastStepNanoseconds)
            // What comes while the step runs, or when there is none.
            while tickets.count < 200, arrival <= engine.now + engine.lastStepNanoseconds {
                tickets.append(engine.enqueue(light, prompt: 32, answer: 8, at: arrival))
                arrival += UInt64.random(in: 0...1_000_000_000, using: &random)
            }
            engine.finishStep()
        }
        return (tickets.compactMap { engine.firstTokenNanoseconds[$0] }, longestStep)
    }

    private func percentile99(_ values: [UInt64]) -> UInt64 { values.sorted()[values.count * 99 / 100] }
}
