package import Models
package import Vocabulary

/// A model that answers on the calling thread, without a queue.
///
/// - Isolation: any thread.
package struct ImmediateInference {
    let model: any ImmediateModel
    let loaded: LoadedModel
    let engine: Engine

    /// Runs tensors through the model.
    ///
    /// - Throws: INVALID_ARGUMENT saying what was expected and what came; what the model answers.
    package func infer(_ input: InferenceInput) throws(ServingError) -> InferenceAnswer {
        try loaded.description.checkRequestedOutputs(of: input)
        return try run(input, sampleCount: model.sampleCount(of: input))
    }

    /// Runs an input that was checked.
    func run(_ input: InferenceInput, sampleCount: Int) throws(ServingError) -> InferenceAnswer {
        let start = engine.clock.now()
        var usage = Usage()
        usage.batchSampleCount = sampleCount
        do {
            let output = try model.answer(input)
            usage.computeNanoseconds = engine.clock.now().nanoseconds(since: start)
            let answer = try loaded.answer(to: input, output: output, usage: usage).get()
            count(sampleCount, start, usage.computeNanoseconds, isFailure: false)
            return answer
        } catch {
            count(sampleCount, start, engine.clock.now().nanoseconds(since: start), isFailure: true)
            throw error
        }
    }

    private func count(_ sampleCount: Int, _ start: MonotonicTime, _ nanoseconds: UInt64, isFailure: Bool) {
        let times = ExecutionTimes(computeNanoseconds: nanoseconds)
        loaded.count {
            $0.requestCount += 1
            $0.countExecution(samples: sampleCount, times: times)
            if isFailure {
                $0.failureCount += 1
                $0.failureNanoseconds &+= nanoseconds
            } else {
                $0.countAnswer(
                    samples: sampleCount, waited: 0, times: times, arrival: start,
                    at: start.advanced(byNanoseconds: nanoseconds))
            }
        }
    }
}
