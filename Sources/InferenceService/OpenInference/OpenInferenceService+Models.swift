import Engine
package import Messages
import Models
import Routing
package import Vocabulary

extension OpenInferenceService {
    /// How a model is served.
    ///
    /// - Throws: NOT_FOUND.
    /// - Source: Triton's model configuration extension.
    package func modelConfig(_ request: ModelConfigRequest) throws(ServingError) -> ModelConfigResponse {
        let selector = try ModelSelector(name: request.name, version: request.version)
        return ModelConfigResponse(
            config: ModelConfig(try engine.description(of: selector), try engine.terms(of: selector)))
    }

    /// What models have done: one, or all that the caller may call.
    ///
    /// - Throws: NOT_FOUND.
    /// - Source: Triton's statistics extension.
    package func modelStatistics(
        _ request: ModelStatisticsRequest, _ call: CallContext
    ) throws(ServingError) -> ModelStatisticsResponse {
        var models: [ModelDescription]
        if request.name.isEmpty {
            models = engine.models.filter { call.mayCall($0.name) }
        } else if request.version.isEmpty {
            let selector = try ModelSelector(name: request.name)
            models = [try engine.description(of: selector)]
            let versions = engine.versions(of: selector.name)
            if versions.count > 1 {
                models = engine.models.filter { $0.name == models[0].name && versions.contains($0.version) }
            }
        } else {
            models = [try engine.description(of: try ModelSelector(name: request.name, version: request.version))]
        }
        return ModelStatisticsResponse(modelStats: models.compactMap(statistics))
    }

    /// Nil for a model that went away meanwhile.
    private func statistics(of model: ModelDescription) -> ModelStatistics? {
        let selector = ModelSelector(name: model.name, version: model.version)
        guard let counters = try? engine.counters(of: selector), let terms = try? engine.terms(of: selector) else {
            return nil
        }
        let lastAnswer = counters.lastAnswerTime.map { time in
            now() - Int64(clamping: clock.now().nanoseconds(since: time) / 1_000_000)
        }
        return ModelStatistics(
            model, counters, terms, lastAnswer: lastAnswer,
            responses: responses.all(name: model.name, version: model.version))
    }
}
