import Compute
import Messages
import Models
import Vocabulary

extension ModelInferResponse {
    /// An answer with all contents raw, as every client can read it.
    init(id: String, model: ModelName, version: ModelVersion, output: InferenceOutput) {
        self.init(
            modelName: model.name, modelVersion: version.description, id: id,
            outputs: output.tensors.map {
                InferOutputTensor(
                    name: $0.name, datatype: $0.tensor.dataType.wireName, shape: $0.tensor.shape.map(Int64.init))
            },
            rawOutputContents: output.tensors.map(\.tensor.data))
    }
}

extension ModelMetadataResponse.TensorMetadata {
    init(_ description: TensorDescription) {
        self.init(
            name: description.name, datatype: description.dataType.wireName, shape: description.shape.map(Int64.init))
    }
}
