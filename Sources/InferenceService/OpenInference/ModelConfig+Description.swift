import Compute
import Engine
import Messages
import Models
import Vocabulary

extension ModelConfig {
    /// What clients of Triton read before they send their first request.
    ///
    /// A model whose tensors have no extent for a batch says `max_batch_size: 0`, also when its requests share
    /// executions: the number tells clients what the first extent means.
    init(_ model: ModelDescription, _ terms: ServingTerms) {
        let batches = model.hasBatchExtent
        self.init(
            name: model.name.name, platform: model.platform, versionPolicy: ModelVersionPolicy(terms.versionPolicy),
            maxBatchSize: batches ? Int32(clamping: model.batchSizeMax) : 0,
            input: model.inputs.map {
                ModelInput(
                    name: $0.name, dataType: .init($0.dataType), dims: $0.dims(batches: batches),
                    optional: $0.isOptional)
            },
            output: model.outputs.map {
                ModelOutput(name: $0.name, dataType: .init($0.dataType), dims: $0.dims(batches: batches))
            },
            instanceGroup: [ModelInstanceGroup(name: "\(model.name)_0", count: 1, kind: .cpu)],
            schedulingChoice: terms.formsBatches ? .dynamicBatching(ModelDynamicBatching(terms)) : nil,
            parameters: ["modality": ModelParameter(stringValue: model.modality.rawValue)], backend: "apus",
            modelTransactionPolicy: ModelTransactionPolicy(decoupled: terms.streams))
    }
}

extension ModelDynamicBatching {
    fileprivate init(_ terms: ServingTerms) {
        self.init(
            maxQueueDelayMicroseconds: terms.queueDelayMaxNanoseconds / 1000,
            defaultQueuePolicy: ModelQueuePolicy(
                timeoutAction: .reject, allowTimeoutOverride: true, maxQueueSize: UInt32(clamping: terms.queueCapacity))
        )
    }
}

extension ModelVersionPolicy {
    fileprivate init(_ policy: VersionPolicy) {
        switch policy {
        case .latest(let count): self.init(policyChoice: .latest(.init(numVersions: UInt32(clamping: count))))
        case .all: self.init(policyChoice: .all(.init()))
        case .listed(let versions):
            self.init(policyChoice: .specific(.init(versions: versions.map { Int64($0.number) })))
        }
    }
}

extension TensorDescription {
    /// The extents without that of the batch.
    fileprivate func dims(batches: Bool) -> [Int64] { shape.dropFirst(batches ? 1 : 0).map(Int64.init) }
}

extension Messages.DataType {
    fileprivate init(_ type: Compute.DataType) {
        switch type {
        case .bool: self = .typeBool
        case .uint8: self = .typeUint8
        case .uint16: self = .typeUint16
        case .uint32: self = .typeUint32
        case .uint64: self = .typeUint64
        case .int8: self = .typeInt8
        case .int16: self = .typeInt16
        case .int32: self = .typeInt32
        case .int64: self = .typeInt64
        case .float16: self = .typeFp16
        case .float32: self = .typeFp32
        case .float64: self = .typeFp64
        case .bytes: self = .typeString
        case .bfloat16: self = .typeBf16
        }
    }
}
