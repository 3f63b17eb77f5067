import Compute

/// What requests must have in common to share one execution.
///
/// Two requests of one model may be put into the same batch exactly when their keys are equal.
package struct BatchKey: Hashable, Sendable {
    private let parts: [Part]

    private struct Part: Hashable, Sendable {
        let name: String
        let dataType: DataType
        /// The extents after the first one, which is the batch.
        let sampleShape: ArraySlice<Int>
    }

    /// The key of a model that can run any of its requests together.
    package static let any = BatchKey(parts: [])

    private init(parts: [Part]) { self.parts = parts }

    /// Equal for requests whose tensors have the same names, types and extents per sample: what a model needs that
    /// lays its samples one behind the other.
    package init(sampleShapesOf input: InferenceInput) {
        parts = input.tensors.map {
            Part(name: $0.name, dataType: $0.tensor.dataType, sampleShape: $0.tensor.shape.dropFirst())
        }
    }
}
