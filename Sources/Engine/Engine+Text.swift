import Models
package import Routing
package import Vocabulary

extension Engine {
    /// Continues a text.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - request: the prompt and how to go on.
    /// - Returns: a stream whose pieces come as they are generated; letting go of it cancels.
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the field, or the lengths when the prompt is too long;
    ///   RESOURCE_EXHAUSTED when the queue is full; UNAVAILABLE at shutdown.
    package func generate(
        _ selector: ModelSelector, _ request: GenerationRequest
    ) async throws(ServingError) -> GenerationStream {
        let loaded = try find(selector)
        try request.validate()
        throw loaded.isNotText
    }

    /// Embeds texts: one vector each.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - texts: at least one.
    ///   - isNormalized: whether the vectors are scaled to length 1.
    ///   - deadline: once it has passed, no more of them is computed.
    /// - Returns: the vectors in the order of the texts.
    /// - Throws: as `generate`; a text that is too long is named by its index.
    package func embed(
        _ selector: ModelSelector, texts: [String], isNormalized: Bool = true, deadline: Deadline = .never
    ) async throws(ServingError) -> EmbeddingAnswer {
        let loaded = try find(selector)
        throw loaded.isNotText
    }
}

extension LoadedModel {
    /// The answer to a text request for a model of another kind.
    var isNotText: ServingError {
        ServingError(
            .invalidArgument,
            "model '\(description.name)' (platform \(description.platform)) takes tensors, not text",
            label: "wrong_modality")
    }
}
