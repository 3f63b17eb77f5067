import Testing

@testable import InferenceService

@Suite("What an answer of a model costs")
struct ServiceEstimateTests {
    @Test("the first look gives the mean of all answers, none gives nothing")
    func first() {
        var estimate = ServiceEstimate()
        #expect(estimate.update(answerCount: 0, computeNanoseconds: 0) == 0)
        #expect(estimate.update(answerCount: 10, computeNanoseconds: 1_000) == 100)
    }

    @Test("the latest answers count, however many came before")
    func latest() {
        var estimate = ServiceEstimate()
        _ = estimate.update(answerCount: 1_000_000, computeNanoseconds: 100_000_000)
        // Four of 1,100 count as much as a million of 100.
        #expect(estimate.update(answerCount: 1_000_004, computeNanoseconds: 100_004_400) == 600)
        let many = estimate.update(answerCount: 1_001_004, computeNanoseconds: 101_104_400)
        #expect((1_095...1_100).contains(many))
    }

    @Test("one that was slow once and is not called is expected to be quick again, before long")
    func idle() {
        var estimate = ServiceEstimate()
        var last = estimate.update(answerCount: 1, computeNanoseconds: 10_000_000)
        // Five seconds of looks.
        for _ in 0..<20 {
            let next = estimate.update(answerCount: 1, computeNanoseconds: 10_000_000)
            #expect(next < last)
            last = next
        }
        #expect(last < 400_000)
        // And what it does then counts.
        let next = estimate.update(answerCount: 5, computeNanoseconds: 10_400_000)
        #expect((100_000...300_000).contains(next))
    }

    @Test("while something is computed nothing is forgotten, and the whole of it counts for its answer")
    func longAnswers() {
        var estimate = ServiceEstimate()
        _ = estimate.update(answerCount: 1, computeNanoseconds: 1_000)
        for step in 1...9 {
            #expect(estimate.update(answerCount: 1, computeNanoseconds: 1_000 + UInt64(step) * 100) == 1_000)
        }
        #expect(estimate.update(answerCount: 2, computeNanoseconds: 2_000) == 1_000)
    }

    @Test("a model that was loaded anew begins anew")
    func reload() {
        var estimate = ServiceEstimate()
        _ = estimate.update(answerCount: 50, computeNanoseconds: 50_000_000)
        #expect(estimate.update(answerCount: 2, computeNanoseconds: 20) == 10)
    }
}
