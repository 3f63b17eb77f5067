package import Models
package import Vocabulary

/// What happens while the models of a repository are loaded, one after the other.
package enum ModelLoadEvent: Sendable {
    case begins(ModelName)
    /// Of models with large weights, after each layer and table.
    case progresses(ModelName, LoadProgress)
    /// - Parameter weightByteCount: of the packed weights; nil for models that do not pack theirs.
    case ends(ModelName, weightByteCount: Int?)
    case fails(ModelName)
}
