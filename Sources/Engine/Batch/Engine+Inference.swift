import Compute
package import Models
package import Routing
package import Vocabulary

extension Engine {
    /// Runs tensors through a model.
    ///
    /// Cancelling the calling task takes the request out of the queue at once: its place is free for others, whatever
    /// the engine thread is doing. A model whose execution is trivial runs on the calling thread, without waiting.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - input: its tensors.
    ///   - deadline: once it has passed, a request that waits is not executed any more.
    ///   - share: whose request it is.
    ///   - tally: says what it costs, also before the answer and of a request that fails.
    /// - Returns: the outputs, who answered and what it cost.
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT saying what was expected and what came; RESOURCE_EXHAUSTED when the queue
    ///   is full; DEADLINE_EXCEEDED; CANCELLED; UNAVAILABLE at shutdown; what the model answers.
    package func infer(
        _ selector: ModelSelector, _ input: InferenceInput, deadline: Deadline = .never,
        share: TenantShare = TenantShare(), tally: UsageTally? = nil
    ) async throws(ServingError) -> InferenceAnswer {
        try await holding(selector, for: share.tenant) { (model) throws(ServingError) in
            try await infer(model, input, deadline: deadline, share: share, tally: tally)
        }
    }

    /// As above, by a model that need not be in the table.
    func infer(
        _ loaded: LoadedModel, _ input: InferenceInput, deadline: Deadline, share: TenantShare = TenantShare(),
        tally: UsageTally? = nil
    ) async throws(ServingError) -> InferenceAnswer {
        let model = try loaded.batchModel()
        try loaded.description.checkRequestedOutputs(of: input)
        var input = input
        input.tenant = share.tenant
        let sampleCount = try model.sampleCount(of: input)
        if let model = loaded.immediateModel {
            let answer = try ImmediateInference(model: model, loaded: loaded, engine: self)
                .run(input, sampleCount: sampleCount)
            tally?.begin(by: answer.version) { [usage = answer.usage] in usage }
            return answer
        }
        let request = PendingInference(
            ticket: newTicket(), input: input,
            sampleCount: loaded.description.batchSizeMax == 0 ? 1 : sampleCount, key: model.batchKey(of: input),
            deadline: deadline, share: share, arrival: clock.now())
        // Asked here, because an idle engine may answer before the handler below hears of an earlier cancellation.
        guard !Task.isCancelled else {
            loaded.count { $0.cancellationCount += 1 }
            throw .cancelledByCaller
        }
        tally?.begin(by: loaded.description.version) { [clock] in request.usage(at: clock.now()) }
        try loaded.enterQueue(share)
        return try await answer(to: request, by: loaded)
    }

    /// Sends a request that has a place in the model's queue, and waits for its answer.
    func answer(
        to request: PendingInference, by loaded: LoadedModel
    ) async throws(ServingError) -> InferenceAnswer {
        try submit(.infer(loaded, request), for: loaded)
        return try await withTaskCancellationHandler {
            await request.completion.value()
        } onCancel: {
            guard !request.completion.isComplete else { return }
            // First the place, then the answer: whoever has it finds the place free.
            request.dropInput()
            mailbox.abandon(loaded, [(request.ticket, request.place)])
            guard request.completion.complete(.failure(.cancelledByCaller)) else { return }
            loaded.count { $0.cancellationCount += 1 }
        }.get()
    }

    /// Sends work that holds places in the model's queue, and gives its places back when it cannot be sent.
    func submit(_ message: EngineMessage, for model: LoadedModel) throws(ServingError) {
        let error: ServingError
        switch mailbox.send(work: message) {
        case .sent: return
        case .full: error = model.queueFull
        case .closed: error = .engineStopped
        }
        model.count { $0.failureCount += UInt64(message.places.count) }
        model.leaveQueue(message.places)
        throw error
    }

    /// A model that answers on the calling thread; nil for any other, and for one that is not there.
    package func immediateInference(_ selector: ModelSelector) -> ImmediateInference? {
        guard let loaded = findImmediate(selector), let model = loaded.immediateModel else { return nil }
        return ImmediateInference(model: model, loaded: loaded, engine: self)
    }
}
