package import Messages
import Vocabulary

/// What a model made of tensors.
public struct InferenceAnswer: Hashable, Sendable {
    /// The model that ran.
    public let model: String
    /// The version that ran.
    public let version: String
    /// In the order of the model, or as they were asked for.
    public let outputs: [NamedInferenceTensor]

    /// The output of that name, or nil.
    public func output(_ name: String) -> InferenceTensor? { outputs.first { $0.name == name }?.tensor }
}

extension ApusClient {
    /// Runs any model once, by the Open Inference Protocol.
    ///
    /// Without `requestedOutputs`, all outputs; without `version`, the newest.
    ///
    /// - Throws: NOT_FOUND for an unknown model; INVALID_ARGUMENT for a tensor of the wrong name, type, shape or byte
    ///   count, saying what was expected; RESOURCE_EXHAUSTED when the server's queue is full.
    public func infer(
        model: String, version: Int? = nil, inputs: [NamedInferenceTensor], requestedOutputs: [String] = [],
        timeout: Duration? = nil
    ) async throws(ApusError) -> InferenceAnswer {
        let request = ModelInferRequest(
            model: model, version: version, inputs: inputs, requestedOutputs: requestedOutputs)
        let response = try await call(GRPCInferenceServiceMethods.modelInfer, request, timeout: timeout)
        return try InferenceAnswer(response)
    }
}

extension ModelInferRequest {
    package init(model: String, version: Int?, inputs: [NamedInferenceTensor], requestedOutputs: [String] = []) {
        self.init(
            modelName: model, modelVersion: wireVersion(version),
            inputs: inputs.map { input in
                ModelInferRequest.InferInputTensor(
                    name: input.name, datatype: input.tensor.dataType, shape: input.tensor.shape.map(Int64.init))
            },
            outputs: requestedOutputs.map { ModelInferRequest.InferRequestedOutputTensor(name: $0) },
            rawInputContents: inputs.map { Bytes($0.tensor.contents) })
    }
}

extension InferenceAnswer {
    /// - Throws: INTERNAL for an answer that contradicts itself.
    fileprivate init(_ response: ModelInferResponse) throws(ApusError) {
        guard response.outputs.count == response.rawOutputContents.count else {
            throw ApusError(
                .internal,
                "the server announced \(response.outputs.count) tensors and sent \(response.rawOutputContents.count)")
        }
        model = response.modelName
        version = response.modelVersion
        outputs = zip(response.outputs, response.rawOutputContents).map { output, contents in
            NamedInferenceTensor(
                output.name,
                InferenceTensor(
                    dataType: output.datatype, shape: output.shape.map(Int.init), contents: contents.array))
        }
    }
}
