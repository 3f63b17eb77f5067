package import Models
package import Vocabulary

/// The answer to one tensor request.
package struct InferenceAnswer: Sendable {
    /// The requested outputs in the requested order, or all of them.
    package let output: InferenceOutput
    package let usage: Usage
    /// The model that answered.
    package let name: ModelName
    /// The version that answered: the latest, when the caller named none.
    package let version: ModelVersion
}
