package import Models
package import Vocabulary

/// What happens while a repository is served.
package enum RepositoryEvent: Sendable {
    case begins(ModelName, ModelVersion)
    /// Of models with large weights, after each layer and table.
    case progresses(ModelName, LoadProgress)
    /// A version answers from now on.
    /// - Parameters:
    ///   - repository: it lies in.
    ///   - weightByteCount: of the packed weights; nil for models that do not pack theirs.
    case loaded(ModelName, ModelVersion, repository: String, weightByteCount: Int?)
    /// A version could not be loaded.
    /// - Parameter isServed: whether another one of the model, or what this was before, goes on.
    case failed(ModelName, ModelVersion, reason: String, isServed: Bool)
    case unloaded(ModelName, ModelVersion)
    /// A version went out of memory to make room for another model; the next call brings it back.
    case rested(ModelName, ModelVersion, byteCount: Int, for: ModelName)
    /// Something in the repository is no model, or `model.yaml` is broken.
    case problem(String)
}
