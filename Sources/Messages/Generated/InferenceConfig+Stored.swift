// Made by Proto/generate from inference_config.proto.
// swift-format-ignore-file

import CMessages

extension ModelInstanceGroup: StoredMessage {
    typealias Stored = Inference__ModelInstanceGroup
    static let storedType = StoredType(inference__model_instance_group__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelInstanceGroup.name")
        count = stored.count
        kind = ModelInstanceGroup.Kind(rawValue: Int32(bitPattern: stored.kind.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.count = count
        stored.kind = Inference__ModelInstanceGroup__Kind(UInt32(bitPattern: kind.rawValue))
    }
}

extension ModelTensorReshape: StoredMessage {
    typealias Stored = Inference__ModelTensorReshape
    static let storedType = StoredType(inference__model_tensor_reshape__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        shape = arena.values(stored.shape, stored.n_shape)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_shape, stored.shape) = arena.store(shape)
    }
}

extension ModelInput: StoredMessage {
    typealias Stored = Inference__ModelInput
    static let storedType = StoredType(inference__model_input__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelInput.name")
        dataType = DataType(rawValue: Int32(bitPattern: stored.data_type.rawValue))
        format = ModelInput.Format(rawValue: Int32(bitPattern: stored.format.rawValue))
        dims = arena.values(stored.dims, stored.n_dims)
        reshape = try arena.message(stored.reshape)
        isShapeTensor = stored.is_shape_tensor != 0
        allowRaggedBatch = stored.allow_ragged_batch != 0
        optional = stored.optional != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.data_type = Inference__DataType(UInt32(bitPattern: dataType.rawValue))
        stored.format = Inference__ModelInput__Format(UInt32(bitPattern: format.rawValue))
        (stored.n_dims, stored.dims) = arena.store(dims)
        stored.reshape = arena.store(reshape)
        stored.is_shape_tensor = isShapeTensor ? 1 : 0
        stored.allow_ragged_batch = allowRaggedBatch ? 1 : 0
        stored.optional = optional ? 1 : 0
    }
}

extension ModelOutput: StoredMessage {
    typealias Stored = Inference__ModelOutput
    static let storedType = StoredType(inference__model_output__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelOutput.name")
        dataType = DataType(rawValue: Int32(bitPattern: stored.data_type.rawValue))
        dims = arena.values(stored.dims, stored.n_dims)
        labelFilename = try arena.string(stored.label_filename, "inference.ModelOutput.label_filename")
        reshape = try arena.message(stored.reshape)
        isShapeTensor = stored.is_shape_tensor != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.data_type = Inference__DataType(UInt32(bitPattern: dataType.rawValue))
        (stored.n_dims, stored.dims) = arena.store(dims)
        stored.label_filename = arena.store(labelFilename)
        stored.reshape = arena.store(reshape)
        stored.is_shape_tensor = isShapeTensor ? 1 : 0
    }
}

extension ModelVersionPolicy: StoredMessage {
    typealias Stored = Inference__ModelVersionPolicy
    static let storedType = StoredType(inference__model_version_policy__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.policy_choice_case.rawValue {
        case 1: policyChoice = .latest(try arena.message(stored.latest) ?? ModelVersionPolicy.Latest())
        case 2: policyChoice = .all(try arena.message(stored.all) ?? ModelVersionPolicy.All())
        case 3: policyChoice = .specific(try arena.message(stored.specific) ?? ModelVersionPolicy.Specific())
        default: policyChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch policyChoice {
        case .latest(let value):
            stored.policy_choice_case = .init(1)
            stored.latest = arena.store(value)
        case .all(let value):
            stored.policy_choice_case = .init(2)
            stored.all = arena.store(value)
        case .specific(let value):
            stored.policy_choice_case = .init(3)
            stored.specific = arena.store(value)
        case nil: break
        }
    }
}

extension ModelVersionPolicy.Latest: StoredMessage {
    typealias Stored = Inference__ModelVersionPolicy__Latest
    static let storedType = StoredType(inference__model_version_policy__latest__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        numVersions = stored.num_versions
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.num_versions = numVersions
    }
}

extension ModelVersionPolicy.All: StoredMessage {
    typealias Stored = Inference__ModelVersionPolicy__All
    static let storedType = StoredType(inference__model_version_policy__all__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ModelVersionPolicy.Specific: StoredMessage {
    typealias Stored = Inference__ModelVersionPolicy__Specific
    static let storedType = StoredType(inference__model_version_policy__specific__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        versions = arena.values(stored.versions, stored.n_versions)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_versions, stored.versions) = arena.store(versions)
    }
}

extension ModelQueuePolicy: StoredMessage {
    typealias Stored = Inference__ModelQueuePolicy
    static let storedType = StoredType(inference__model_queue_policy__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        timeoutAction = ModelQueuePolicy.TimeoutAction(rawValue: Int32(bitPattern: stored.timeout_action.rawValue))
        defaultTimeoutMicroseconds = stored.default_timeout_microseconds
        allowTimeoutOverride = stored.allow_timeout_override != 0
        maxQueueSize = stored.max_queue_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.timeout_action = Inference__ModelQueuePolicy__TimeoutAction(UInt32(bitPattern: timeoutAction.rawValue))
        stored.default_timeout_microseconds = defaultTimeoutMicroseconds
        stored.allow_timeout_override = allowTimeoutOverride ? 1 : 0
        stored.max_queue_size = maxQueueSize
    }
}

extension ModelDynamicBatching: StoredMessage {
    typealias Stored = Inference__ModelDynamicBatching
    static let storedType = StoredType(inference__model_dynamic_batching__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        preferredBatchSize = arena.values(stored.preferred_batch_size, stored.n_preferred_batch_size)
        maxQueueDelayMicroseconds = stored.max_queue_delay_microseconds
        preserveOrdering = stored.preserve_ordering != 0
        priorityLevels = stored.priority_levels
        defaultPriorityLevel = stored.default_priority_level
        defaultQueuePolicy = try arena.message(stored.default_queue_policy)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_preferred_batch_size, stored.preferred_batch_size) = arena.store(preferredBatchSize)
        stored.max_queue_delay_microseconds = maxQueueDelayMicroseconds
        stored.preserve_ordering = preserveOrdering ? 1 : 0
        stored.priority_levels = priorityLevels
        stored.default_priority_level = defaultPriorityLevel
        stored.default_queue_policy = arena.store(defaultQueuePolicy)
    }
}

extension ModelSequenceBatching: StoredMessage {
    typealias Stored = Inference__ModelSequenceBatching
    static let storedType = StoredType(inference__model_sequence_batching__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        maxSequenceIdleMicroseconds = stored.max_sequence_idle_microseconds
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.max_sequence_idle_microseconds = maxSequenceIdleMicroseconds
    }
}

extension ModelEnsembling: StoredMessage {
    typealias Stored = Inference__ModelEnsembling
    static let storedType = StoredType(inference__model_ensembling__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        step = try arena.messages(stored.step, stored.n_step)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_step, stored.step) = arena.store(step)
    }
}

extension ModelEnsembling.Step: StoredMessage {
    typealias Stored = Inference__ModelEnsembling__Step
    static let storedType = StoredType(inference__model_ensembling__step__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        modelName = try arena.string(stored.model_name, "inference.ModelEnsembling.Step.model_name")
        modelVersion = stored.model_version
        inputMap = try arena.dictionary(stored.input_map, stored.n_input_map, of: InputMapEntry.self)
        outputMap = try arena.dictionary(stored.output_map, stored.n_output_map, of: OutputMapEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model_name = arena.store(modelName)
        stored.model_version = modelVersion
        (stored.n_input_map, stored.input_map) = arena.store(inputMap, as: InputMapEntry.self)
        (stored.n_output_map, stored.output_map) = arena.store(outputMap, as: OutputMapEntry.self)
    }
}

extension ModelEnsembling.Step {
    struct InputMapEntry {
        var key: String = ""
        var value: String = ""
    }
}

extension ModelEnsembling.Step.InputMapEntry: MapEntry {
    typealias Stored = Inference__ModelEnsembling__Step__InputMapEntry
    static let storedType = StoredType(inference__model_ensembling__step__input_map_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelEnsembling.Step.InputMapEntry.key")
        value = try arena.string(stored.value, "inference.ModelEnsembling.Step.InputMapEntry.value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelEnsembling.Step {
    struct OutputMapEntry {
        var key: String = ""
        var value: String = ""
    }
}

extension ModelEnsembling.Step.OutputMapEntry: MapEntry {
    typealias Stored = Inference__ModelEnsembling__Step__OutputMapEntry
    static let storedType = StoredType(inference__model_ensembling__step__output_map_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelEnsembling.Step.OutputMapEntry.key")
        value = try arena.string(stored.value, "inference.ModelEnsembling.Step.OutputMapEntry.value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelParameter: StoredMessage {
    typealias Stored = Inference__ModelParameter
    static let storedType = StoredType(inference__model_parameter__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        stringValue = try arena.string(stored.string_value, "inference.ModelParameter.string_value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.string_value = arena.store(stringValue)
    }
}

extension ModelTransactionPolicy: StoredMessage {
    typealias Stored = Inference__ModelTransactionPolicy
    static let storedType = StoredType(inference__model_transaction_policy__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        decoupled = stored.decoupled != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.decoupled = decoupled ? 1 : 0
    }
}

extension ModelResponseCache: StoredMessage {
    typealias Stored = Inference__ModelResponseCache
    static let storedType = StoredType(inference__model_response_cache__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        enable = stored.enable != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.enable = enable ? 1 : 0
    }
}

extension ModelConfig: StoredMessage {
    typealias Stored = Inference__ModelConfig
    static let storedType = StoredType(inference__model_config__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelConfig.name")
        platform = try arena.string(stored.platform, "inference.ModelConfig.platform")
        versionPolicy = try arena.message(stored.version_policy)
        maxBatchSize = stored.max_batch_size
        input = try arena.messages(stored.input, stored.n_input)
        output = try arena.messages(stored.output, stored.n_output)
        instanceGroup = try arena.messages(stored.instance_group, stored.n_instance_group)
        defaultModelFilename = try arena.string(stored.default_model_filename, "inference.ModelConfig.default_model_filename")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
        backend = try arena.string(stored.backend, "inference.ModelConfig.backend")
        modelTransactionPolicy = try arena.message(stored.model_transaction_policy)
        responseCache = try arena.message(stored.response_cache)
        switch stored.scheduling_choice_case.rawValue {
        case 11: schedulingChoice = .dynamicBatching(try arena.message(stored.dynamic_batching) ?? ModelDynamicBatching())
        case 13: schedulingChoice = .sequenceBatching(try arena.message(stored.sequence_batching) ?? ModelSequenceBatching())
        case 15: schedulingChoice = .ensembleScheduling(try arena.message(stored.ensemble_scheduling) ?? ModelEnsembling())
        default: schedulingChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.platform = arena.store(platform)
        stored.version_policy = arena.store(versionPolicy)
        stored.max_batch_size = maxBatchSize
        (stored.n_input, stored.input) = arena.store(input)
        (stored.n_output, stored.output) = arena.store(output)
        (stored.n_instance_group, stored.instance_group) = arena.store(instanceGroup)
        stored.default_model_filename = arena.store(defaultModelFilename)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
        stored.backend = arena.store(backend)
        stored.model_transaction_policy = arena.store(modelTransactionPolicy)
        stored.response_cache = arena.store(responseCache)
        switch schedulingChoice {
        case .dynamicBatching(let value):
            stored.scheduling_choice_case = .init(11)
            stored.dynamic_batching = arena.store(value)
        case .sequenceBatching(let value):
            stored.scheduling_choice_case = .init(13)
            stored.sequence_batching = arena.store(value)
        case .ensembleScheduling(let value):
            stored.scheduling_choice_case = .init(15)
            stored.ensemble_scheduling = arena.store(value)
        case nil: break
        }
    }
}

extension ModelConfig {
    struct ParametersEntry {
        var key: String = ""
        var value: ModelParameter = ModelParameter()
    }
}

extension ModelConfig.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelConfig__ParametersEntry
    static let storedType = StoredType(inference__model_config__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelConfig.ParametersEntry.key")
        value = try arena.message(stored.value) ?? ModelParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}
