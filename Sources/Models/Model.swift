package import Compute
package import Vocabulary

/// One input or output tensor as a model declares it.
package struct TensorDescription: Sendable, Equatable {
    package let name: String
    package let dataType: DataType
    /// The extents, outermost first; -1 stands for any.
    ///
    /// When the model batches, the first extent is the batch and is -1.
    package let shape: [Int]
    /// Whether a request may leave the input out.
    package let isOptional: Bool

    package init(_ name: String, _ dataType: DataType, shape: [Int], isOptional: Bool = false) {
        self.name = name
        self.dataType = dataType
        self.shape = shape
        self.isOptional = isOptional
    }
}

/// Which shard a model belongs to.
package enum Modality: String, Sendable {
    case text, graph, vision
    /// Built-in models that only move tensors.
    case tensor
}

/// What the numbers of a classifier's first output are.
package enum ScoreKind: Sendable {
    /// Any numbers; their softmax is the probability of each class.
    case logits
    /// Probabilities already: the model ends in a softmax of its own.
    case probabilities
}

/// What a model is called and what it takes and gives.
package struct ModelDescription: Sendable {
    package let name: ModelName
    package let version: ModelVersion
    package let modality: Modality
    /// The kind of file and executor: `apus_onnx`, `apus_text`, `apus_gcn` and the like.
    package let platform: String
    package let inputs: [TensorDescription]
    package let outputs: [TensorDescription]
    /// Most samples in one execution; 0 when the model does not batch.
    package let batchSizeMax: Int
    /// Names of the classes, in the order of the last axis of the first output; may be empty.
    package let labels: [String]
    /// What the first output holds, of a model that classifies.
    package let scoreKind: ScoreKind
    /// Nodes of the graph that a graph model holds, which a request that names none asks for; 0 for all other models.
    package let residentNodeCount: Int

    package init(
        name: ModelName, version: ModelVersion, modality: Modality, platform: String,
        inputs: [TensorDescription], outputs: [TensorDescription], batchSizeMax: Int, labels: [String] = [],
        scoreKind: ScoreKind = .logits, residentNodeCount: Int = 0
    ) {
        self.residentNodeCount = residentNodeCount
        self.name = name
        self.version = version
        self.modality = modality
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
        self.batchSizeMax = batchSizeMax
        self.labels = labels
        self.scoreKind = scoreKind
    }
}

/// A set of weights that can run; text models refine it as `TokenModel`, all others as `BatchModel`.
///
/// - Isolation: `description` from any thread; everything that computes on the engine thread only.
package protocol Model: AnyObject {
    var description: ModelDescription { get }

    /// Runs once before the model is called ready, so that the first caller does not pay for page faults.
    func warmUp(on gang: ComputeGang) throws
}

/// The tensors of one request.
package struct InferenceInput: Sendable {
    package let tensors: [NamedTensor]
    /// Names of the outputs wanted; empty for all.
    package let requestedOutputs: [String]
    /// Who asks, which decides what there is to see of a graph; never from the request itself.
    package var tenant: TenantID?

    package init(tensors: [NamedTensor], requestedOutputs: [String] = []) {
        self.tensors = tensors
        self.requestedOutputs = requestedOutputs
    }

    /// The tensor of that name.
    package func tensor(_ name: String) -> Tensor? {
        tensors.first { $0.name == name }?.tensor
    }
}

/// The tensors of one answer.
package struct InferenceOutput: Sendable {
    package let tensors: [NamedTensor]

    package init(tensors: [NamedTensor]) { self.tensors = tensors }

    /// The tensor of that name.
    package func tensor(_ name: String) -> Tensor? {
        tensors.first { $0.name == name }?.tensor
    }
}

/// A model that answers each request in one execution, several requests together.
package protocol BatchModel: Model {
    /// Checks a request without computing anything, so that a bad one never joins a batch.
    ///
    /// - Returns: how many samples it adds to a batch, at least 1.
    /// - Throws: `ServingError` INVALID_ARGUMENT saying which tensor, what was expected and what came.
    /// - Isolation: any thread.
    nonisolated func sampleCount(of input: InferenceInput) throws(ServingError) -> Int

    /// What a request that passed `sampleCount(of:)` must have in common with the others of its batch.
    ///
    /// Unless the model says otherwise: the names, types and extents per sample of all its tensors.
    ///
    /// - Isolation: any thread.
    nonisolated func batchKey(of input: InferenceInput) -> BatchKey

    /// Computes one batch.
    ///
    /// A request's answer must have the same bits whatever else is in the batch.
    ///
    /// - Parameters:
    ///   - batch: inputs that passed `sampleCount(of:)`, together at most `batchSizeMax` samples.
    ///   - gang: the threads that share the work.
    /// - Returns: one result for each input, in order; one failure does not spoil the others.
    /// - Isolation: engine thread only; any thread for an `ImmediateModel`.
    func execute(_ batch: [InferenceInput], on gang: ComputeGang) -> [Result<InferenceOutput, ServingError>]
}

/// A model whose answer costs so little that it is made on the calling event loop, without a batch and its thread.
package protocol ImmediateModel: BatchModel {
    /// Answers one request that passed `sampleCount(of:)`.
    ///
    /// - Isolation: any thread.
    nonisolated func answer(_ input: InferenceInput) throws(ServingError) -> InferenceOutput
}

extension ImmediateModel {
    package func execute(
        _ batch: [InferenceInput], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        batch.map { input in Result { () throws(ServingError) in try answer(input) } }
    }
}

extension BatchModel {
    package nonisolated func batchKey(of input: InferenceInput) -> BatchKey { BatchKey(sampleShapesOf: input) }
}
