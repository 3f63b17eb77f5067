import Compute
package import Models
package import Vocabulary

/// A model that answers on the calling thread, without a queue.
///
/// - Isolation: any thread.
package struct TrivialModel {
    let model: any BatchModel
    let loaded: LoadedModel
    let clock: any MonotonicClock

    /// Runs tensors through the model.
    ///
    /// - Throws: INVALID_ARGUMENT saying what was expected and what came; what the model answers.
    package func infer(_ input: InferenceInput) throws(ServingError) -> InferenceAnswer {
        try loaded.description.checkRequestedOutputs(of: input)
        return try run(input, sampleCount: model.sampleCount(of: input))
    }

    /// Runs an input that was checked.
    func run(_ input: InferenceInput, sampleCount: Int) throws(ServingError) -> InferenceAnswer {
        let start = clock.now()
        let results = model.execute([input], on: ComputeGang(threadCount: 1))
        precondition(results.count == 1, "model '\(loaded.description.name)' gave \(results.count) results for 1")
        var usage = Usage()
        usage.computeNanoseconds = clock.now().nanoseconds(since: start)
        usage.batchSampleCount = sampleCount
        let answer = results[0].flatMap { loaded.answer(to: input, output: $0, usage: usage) }
        loaded.count {
            $0.requestCount += 1
            $0.countExecution(samples: sampleCount, nanoseconds: usage.computeNanoseconds)
            if case .failure = answer { $0.failureCount += 1 }
        }
        return try answer.get()
    }
}
