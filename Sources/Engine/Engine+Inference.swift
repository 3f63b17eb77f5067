import Compute
package import Models
package import Routing
package import Vocabulary

extension Engine {
    /// Runs tensors through a model.
    ///
    /// Cancelling the calling task takes the request out of the queue. A model whose execution is trivial runs on the
    /// calling thread, without waiting.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - input: its tensors.
    ///   - deadline: once it has passed, a request that waits is not executed any more.
    /// - Returns: the outputs, who answered and what it cost.
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT saying what was expected and what came; RESOURCE_EXHAUSTED when the queue
    ///   is full; DEADLINE_EXCEEDED; CANCELLED; UNAVAILABLE at shutdown; what the model answers.
    package func infer(
        _ selector: ModelSelector, _ input: InferenceInput, deadline: Deadline = .never
    ) async throws(ServingError) -> InferenceAnswer {
        let loaded = try find(selector)
        let model = try loaded.batchModel()
        try loaded.description.checkRequestedOutputs(of: input)
        let sampleCount = try model.sampleCount(of: input)
        if model.isTrivial { return try runInline(input, sampleCount: sampleCount, model: model, loaded: loaded) }
        let request = PendingInference(
            ticket: newTicket(), input: input,
            sampleCount: loaded.description.batchSizeMax == 0 ? 1 : sampleCount, key: model.batchKey(of: input),
            deadline: deadline, arrival: clock.now())
        try loaded.enterQueue()
        try submit(.infer(loaded, request), for: loaded)
        return try await withTaskCancellationHandler {
            await request.completion.value()
        } onCancel: {
            guard request.completion.complete(.failure(.cancelledByCaller)) else { return }
            loaded.count { $0.cancellationCount += 1 }
            mailbox.send(notice: .cancel(loaded, request.ticket))
        }.get()
    }

    /// Sends work that holds places in the model's queue, and gives its places back when it cannot be sent.
    func submit(_ message: EngineMessage, for model: LoadedModel, requests: Int = 1) throws(ServingError) {
        let error: ServingError
        switch mailbox.send(work: message) {
        case .sent: return
        case .full: error = model.queueFull
        case .closed: error = .engineStopped
        }
        model.count {
            $0.queuedRequestCount -= requests
            $0.failureCount += UInt64(requests)
        }
        throw error
    }

    private func runInline(
        _ input: InferenceInput, sampleCount: Int, model: any BatchModel, loaded: LoadedModel
    ) throws(ServingError) -> InferenceAnswer {
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
