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
            // A model that gives back what it gets has as many outputs as there are inputs.
            let given = Dictionary(output.tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
            var tensors: [NamedTensor] = []
            for name in input.requestedOutputs {
                guard let tensor = given[name] else {
                    return .failure(
                        ServingError(
                            .invalidArgument,
                            "unexpected inference output '\(name.shown())' for model '\(description.name)'"))
                }
                tensors.append(NamedTensor(name, tensor))
            }
            picked = InferenceOutput(tensors: tensors)
        }
        return .success(
            InferenceAnswer(output: picked, usage: usage, name: description.name, version: description.version))
    }
}
