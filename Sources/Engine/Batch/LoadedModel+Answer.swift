import Compute
import Models
import Vocabulary

extension LoadedModel {
    /// Picks the requested outputs and says who answered.
    func answer(
        to input: InferenceInput, output: InferenceOutput, usage: Usage
    ) -> Result<InferenceAnswer, ServingError> {
        var picked = output
        if !input.requestedOutputs.isEmpty {
            var tensors: [NamedTensor] = []
            for name in input.requestedOutputs {
                guard let tensor = output.tensor(name) else {
                    return .failure(
                        ServingError(
                            .invalidArgument,
                            "unexpected inference output '\(name.prefix(100))' for model '\(description.name)'"))
                }
                tensors.append(NamedTensor(name, tensor))
            }
            picked = InferenceOutput(tensors: tensors)
        }
        return .success(
            InferenceAnswer(output: picked, usage: usage, name: description.name, version: description.version))
    }
}
