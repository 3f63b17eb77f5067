package import Compute
package import Vocabulary

/// The built-in model `identity`: gives every tensor back under its own name.
///
/// It takes any tensors and costs nothing, so it measures everything around a model and nothing of it.
package final class IdentityModel: ImmediateModel {
    package let description: ModelDescription

    package init(name: ModelName, version: ModelVersion) {
        description = ModelDescription(
            name: name, version: version, modality: .tensor, platform: "apus_identity", inputs: [], outputs: [],
            batchSizeMax: 0)
    }

    package func warmUp(on gang: ComputeGang) {}

    package func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        try requireTensors(input, model: description.name)
        return 1
    }

    package func batchKey(of input: InferenceInput) -> BatchKey { .any }

    package func answer(_ input: InferenceInput) throws(ServingError) -> InferenceOutput {
        InferenceOutput(tensors: input.tensors)
    }
}

/// Both built-ins take any tensors, but at least one, and no two of one name.
func requireTensors(_ input: InferenceInput, model: ModelName) throws(ServingError) {
    guard !input.tensors.isEmpty else {
        throw ServingError(.invalidArgument, "expected at least 1 input but got 0 inputs for model '\(model)'")
    }
    guard input.tensors.count > 1 else { return }
    var names: Set<String> = []
    for tensor in input.tensors where !names.insert(tensor.name).inserted {
        throw ServingError(
            .invalidArgument, "input '\(tensor.name.shown())' already exists in request for model '\(model)'")
    }
}
