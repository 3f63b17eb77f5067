// Made by Proto/generate from inference_config.proto.
// swift-format-ignore-file

/// The type of a tensor's elements.
package enum DataType: Hashable, Sendable {
    /// None.
    case typeInvalid
    /// BOOL, a byte each.
    case typeBool
    /// UINT8.
    case typeUint8
    /// UINT16.
    case typeUint16
    /// UINT32.
    case typeUint32
    /// UINT64.
    case typeUint64
    /// INT8.
    case typeInt8
    /// INT16.
    case typeInt16
    /// INT32.
    case typeInt32
    /// INT64.
    case typeInt64
    /// FP16.
    case typeFp16
    /// FP32.
    case typeFp32
    /// FP64.
    case typeFp64
    /// BYTES: each element is a run of bytes.
    case typeString
    /// BF16.
    case typeBf16
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .typeInvalid: 0
        case .typeBool: 1
        case .typeUint8: 2
        case .typeUint16: 3
        case .typeUint32: 4
        case .typeUint64: 5
        case .typeInt8: 6
        case .typeInt16: 7
        case .typeInt32: 8
        case .typeInt64: 9
        case .typeFp16: 10
        case .typeFp32: 11
        case .typeFp64: 12
        case .typeString: 13
        case .typeBf16: 14
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .typeInvalid
        case 1: self = .typeBool
        case 2: self = .typeUint8
        case 3: self = .typeUint16
        case 4: self = .typeUint32
        case 5: self = .typeUint64
        case 6: self = .typeInt8
        case 7: self = .typeInt16
        case 8: self = .typeInt32
        case 9: self = .typeInt64
        case 10: self = .typeFp16
        case 11: self = .typeFp32
        case 12: self = .typeFp64
        case 13: self = .typeString
        case 14: self = .typeBf16
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Where a model runs, and how often at the same time.
package struct ModelInstanceGroup: Message {
    /// What it runs on.
    package enum Kind: Hashable, Sendable {
        /// Whatever there is.
        case auto
        /// A graphics processor.
        case gpu
        /// The processor.
        case cpu
        /// The model decides.
        case model
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .auto: 0
            case .gpu: 1
            case .cpu: 2
            case .model: 3
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .auto
            case 1: self = .gpu
            case 2: self = .cpu
            case 3: self = .model
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// The name of the group.
    package var name: String
    /// Executions at the same time.
    package var count: Int32
    /// What it runs on.
    package var kind: ModelInstanceGroup.Kind

    package init(name: String = "", count: Int32 = 0, kind: ModelInstanceGroup.Kind = .auto) {
        self.name = name
        self.count = count
        self.kind = kind
    }
}

/// Another shape that the runtime sees.
package struct ModelTensorReshape: Message {
    /// The extents, outermost first.
    package var shape: [Int64]

    package init(shape: [Int64] = []) {
        self.shape = shape
    }
}

/// A tensor that a model takes.
package struct ModelInput: Message {
    /// How the extents of a picture are ordered.
    package enum Format: Hashable, Sendable {
        /// It is no picture, or nobody said.
        case none
        /// Height, width, channels.
        case nhwc
        /// Channels, height, width.
        case nchw
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .none: 0
            case .nhwc: 1
            case .nchw: 2
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .none
            case 1: self = .nhwc
            case 2: self = .nchw
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// The name of the tensor.
    package var name: String
    /// The type of its elements.
    package var dataType: DataType
    /// How the extents of a picture are ordered.
    package var format: ModelInput.Format
    /// Its extents, outermost first and without that of the batch; -1 where any extent will do.
    package var dims: [Int64]
    /// Another shape that the runtime sees.
    package var reshape: ModelTensorReshape?
    /// Whether its elements are a shape.
    package var isShapeTensor: Bool
    /// Whether requests of different extents share an execution without being padded.
    package var allowRaggedBatch: Bool
    /// Whether a request may leave it out.
    package var optional: Bool

    package init(
        name: String = "",
        dataType: DataType = .typeInvalid,
        format: ModelInput.Format = .none,
        dims: [Int64] = [],
        reshape: ModelTensorReshape? = nil,
        isShapeTensor: Bool = false,
        allowRaggedBatch: Bool = false,
        optional: Bool = false
    ) {
        self.name = name
        self.dataType = dataType
        self.format = format
        self.dims = dims
        self.reshape = reshape
        self.isShapeTensor = isShapeTensor
        self.allowRaggedBatch = allowRaggedBatch
        self.optional = optional
    }
}

/// A tensor that a model gives.
package struct ModelOutput: Message {
    /// The name of the tensor.
    package var name: String
    /// The type of its elements.
    package var dataType: DataType
    /// Its extents, outermost first and without that of the batch; -1 where the extent depends on the request.
    package var dims: [Int64]
    /// The file that names the classes which the elements are scores of.
    package var labelFilename: String
    /// Another shape that the runtime sees.
    package var reshape: ModelTensorReshape?
    /// Whether its elements are a shape.
    package var isShapeTensor: Bool

    package init(
        name: String = "",
        dataType: DataType = .typeInvalid,
        dims: [Int64] = [],
        labelFilename: String = "",
        reshape: ModelTensorReshape? = nil,
        isShapeTensor: Bool = false
    ) {
        self.name = name
        self.dataType = dataType
        self.dims = dims
        self.labelFilename = labelFilename
        self.reshape = reshape
        self.isShapeTensor = isShapeTensor
    }
}

/// Which of the versions in the repository are served.
package struct ModelVersionPolicy: Message {
    /// The newest.
    package struct Latest: Message {
        /// How many of them.
        package var numVersions: UInt32

        package init(numVersions: UInt32 = 0) {
            self.numVersions = numVersions
        }
    }

    /// Every one.
    package struct All: Message {
        package init() {}
    }

    /// Those that are listed.
    package struct Specific: Message {
        /// Their numbers.
        package var versions: [Int64]

        package init(versions: [Int64] = []) {
            self.versions = versions
        }
    }

    /// One of the three.
    package enum PolicyChoice: Equatable, Sendable {
        /// The newest.
        case latest(ModelVersionPolicy.Latest)
        /// Every one.
        case all(ModelVersionPolicy.All)
        /// Those that are listed.
        case specific(ModelVersionPolicy.Specific)
    }

    /// One of the three.
    package var policyChoice: PolicyChoice?

    package init(policyChoice: PolicyChoice? = nil) {
        self.policyChoice = policyChoice
    }
}

/// What happens to requests that wait.
package struct ModelQueuePolicy: Message {
    /// What becomes of a request that has waited too long.
    package enum TimeoutAction: Hashable, Sendable {
        /// It is answered with an error.
        case reject
        /// It waits behind all others.
        case delay
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .reject: 0
            case .delay: 1
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .reject
            case 1: self = .delay
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// What becomes of a request that has waited too long.
    package var timeoutAction: ModelQueuePolicy.TimeoutAction
    /// How long is too long for a request that does not say, in microseconds; 0 for any time.
    package var defaultTimeoutMicroseconds: UInt64
    /// Whether a request may say how long it waits, by its parameter `timeout`.
    package var allowTimeoutOverride: Bool
    /// Requests that may wait; more are refused. 0 for any number.
    package var maxQueueSize: UInt32

    package init(
        timeoutAction: ModelQueuePolicy.TimeoutAction = .reject,
        defaultTimeoutMicroseconds: UInt64 = 0,
        allowTimeoutOverride: Bool = false,
        maxQueueSize: UInt32 = 0
    ) {
        self.timeoutAction = timeoutAction
        self.defaultTimeoutMicroseconds = defaultTimeoutMicroseconds
        self.allowTimeoutOverride = allowTimeoutOverride
        self.maxQueueSize = maxQueueSize
    }
}

/// How requests of several callers share an execution.
package struct ModelDynamicBatching: Message {
    /// Sizes for which it is worth waiting.
    package var preferredBatchSize: [Int32]
    /// How long a request waits for company while the model is free, in microseconds.
    package var maxQueueDelayMicroseconds: UInt64
    /// Whether answers leave in the order of their requests.
    package var preserveOrdering: Bool
    /// How many priorities there are; 0 when there are none.
    package var priorityLevels: UInt64
    /// The priority of a request that does not say.
    package var defaultPriorityLevel: UInt64
    /// What happens to requests that wait.
    package var defaultQueuePolicy: ModelQueuePolicy?

    package init(
        preferredBatchSize: [Int32] = [],
        maxQueueDelayMicroseconds: UInt64 = 0,
        preserveOrdering: Bool = false,
        priorityLevels: UInt64 = 0,
        defaultPriorityLevel: UInt64 = 0,
        defaultQueuePolicy: ModelQueuePolicy? = nil
    ) {
        self.preferredBatchSize = preferredBatchSize
        self.maxQueueDelayMicroseconds = maxQueueDelayMicroseconds
        self.preserveOrdering = preserveOrdering
        self.priorityLevels = priorityLevels
        self.defaultPriorityLevel = defaultPriorityLevel
        self.defaultQueuePolicy = defaultQueuePolicy
    }
}

/// How requests of a sequence reach one instance after the other. No model here asks for it.
package struct ModelSequenceBatching: Message {
    /// How long a sequence may be silent, in microseconds.
    package var maxSequenceIdleMicroseconds: UInt64

    package init(maxSequenceIdleMicroseconds: UInt64 = 0) {
        self.maxSequenceIdleMicroseconds = maxSequenceIdleMicroseconds
    }
}

/// A model that is made of others. No model here is.
package struct ModelEnsembling: Message {
    /// One model of them.
    package struct Step: Message {
        /// Its name.
        package var modelName: String
        /// Its version; -1 for the newest.
        package var modelVersion: Int64
        /// From its inputs to tensors of the whole.
        package var inputMap: [String: String]
        /// From its outputs to tensors of the whole.
        package var outputMap: [String: String]

        package init(
            modelName: String = "",
            modelVersion: Int64 = 0,
            inputMap: [String: String] = [:],
            outputMap: [String: String] = [:]
        ) {
            self.modelName = modelName
            self.modelVersion = modelVersion
            self.inputMap = inputMap
            self.outputMap = outputMap
        }
    }

    /// The models in it.
    package var step: [ModelEnsembling.Step]

    package init(step: [ModelEnsembling.Step] = []) {
        self.step = step
    }
}

/// A setting that only this kind of model knows.
package struct ModelParameter: Message {
    /// Its value, as text.
    package var stringValue: String

    package init(stringValue: String = "") {
        self.stringValue = stringValue
    }
}

/// How answers leave.
package struct ModelTransactionPolicy: Message {
    /// Whether a request may have none or several answers.
    package var decoupled: Bool

    package init(decoupled: Bool = false) {
        self.decoupled = decoupled
    }
}

/// Whether answers are kept for equal requests.
package struct ModelResponseCache: Message {
    /// True if they are.
    package var enable: Bool

    package init(enable: Bool = false) {
        self.enable = enable
    }
}

/// How a model is served.
package struct ModelConfig: Message {
    /// How requests come together; none of them when each runs by itself.
    package enum SchedulingChoice: Equatable, Sendable {
        /// Requests of several callers share an execution.
        case dynamicBatching(ModelDynamicBatching)
        /// Requests belong to sequences.
        case sequenceBatching(ModelSequenceBatching)
        /// It is made of other models.
        case ensembleScheduling(ModelEnsembling)
    }

    /// The model.
    package var name: String
    /// What runs the model, e.g. `apus_onnx`.
    package var platform: String
    /// Which of the versions in the repository are served.
    package var versionPolicy: ModelVersionPolicy?
    /// Most samples in one execution; 0 for a model whose tensors have no extent for a batch.
    package var maxBatchSize: Int32
    /// What the model takes.
    package var input: [ModelInput]
    /// What the model gives.
    package var output: [ModelOutput]
    /// Where it runs.
    package var instanceGroup: [ModelInstanceGroup]
    /// The file in the folder of a version that holds the model.
    package var defaultModelFilename: String
    /// How requests come together; none of them when each runs by itself.
    package var schedulingChoice: SchedulingChoice?
    /// Settings that only this kind of model knows.
    package var parameters: [String: ModelParameter]
    /// The program that runs it.
    package var backend: String
    /// How answers leave.
    package var modelTransactionPolicy: ModelTransactionPolicy?
    /// Whether answers are kept for equal requests.
    package var responseCache: ModelResponseCache?

    package init(
        name: String = "",
        platform: String = "",
        versionPolicy: ModelVersionPolicy? = nil,
        maxBatchSize: Int32 = 0,
        input: [ModelInput] = [],
        output: [ModelOutput] = [],
        instanceGroup: [ModelInstanceGroup] = [],
        defaultModelFilename: String = "",
        schedulingChoice: SchedulingChoice? = nil,
        parameters: [String: ModelParameter] = [:],
        backend: String = "",
        modelTransactionPolicy: ModelTransactionPolicy? = nil,
        responseCache: ModelResponseCache? = nil
    ) {
        self.name = name
        self.platform = platform
        self.versionPolicy = versionPolicy
        self.maxBatchSize = maxBatchSize
        self.input = input
        self.output = output
        self.instanceGroup = instanceGroup
        self.defaultModelFilename = defaultModelFilename
        self.schedulingChoice = schedulingChoice
        self.parameters = parameters
        self.backend = backend
        self.modelTransactionPolicy = modelTransactionPolicy
        self.responseCache = responseCache
    }
}
