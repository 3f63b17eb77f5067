import Testing
import Vocabulary

@testable import Engine

@Suite("What has happened to a model")
struct ModelCountersTests {
    @Test("sums of times go on from zero at the end of their range, which must not end the engine")
    func overflow() {
        var counters = ModelCounters()
        let times = ExecutionTimes(
            inputNanoseconds: .max, computeNanoseconds: .max, outputNanoseconds: .max)
        for _ in 0..<2 {
            counters.countExecution(samples: 1, times: times)
            counters.countAnswer(
                samples: 1, waited: .max, times: times, arrival: MonotonicTime(nanoseconds: 0),
                at: MonotonicTime(nanoseconds: .max))
        }
        #expect(counters.answerCount == 2 && counters.answerNanoseconds == UInt64.max - 1)
        #expect(counters.executionTimesBySampleCount[1].computeNanoseconds == UInt64.max - 1)
    }
}
