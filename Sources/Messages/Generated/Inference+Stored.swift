// Made by Proto/generate from inference.proto.
// swift-format-ignore-file

import CMessages

extension ServerLiveRequest: StoredMessage {
    typealias Stored = Inference__ServerLiveRequest
    static let storedType = StoredType(inference__server_live_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ServerLiveResponse: StoredMessage {
    typealias Stored = Inference__ServerLiveResponse
    static let storedType = StoredType(inference__server_live_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        live = stored.live != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.live = live ? 1 : 0
    }
}

extension ServerReadyRequest: StoredMessage {
    typealias Stored = Inference__ServerReadyRequest
    static let storedType = StoredType(inference__server_ready_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ServerReadyResponse: StoredMessage {
    typealias Stored = Inference__ServerReadyResponse
    static let storedType = StoredType(inference__server_ready_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ready = stored.ready != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.ready = ready ? 1 : 0
    }
}

extension ModelReadyRequest: StoredMessage {
    typealias Stored = Inference__ModelReadyRequest
    static let storedType = StoredType(inference__model_ready_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelReadyRequest.name")
        version = try arena.string(stored.version, "inference.ModelReadyRequest.version")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
    }
}

extension ModelReadyResponse: StoredMessage {
    typealias Stored = Inference__ModelReadyResponse
    static let storedType = StoredType(inference__model_ready_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ready = stored.ready != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.ready = ready ? 1 : 0
    }
}

extension ServerMetadataRequest: StoredMessage {
    typealias Stored = Inference__ServerMetadataRequest
    static let storedType = StoredType(inference__server_metadata_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ServerMetadataResponse: StoredMessage {
    typealias Stored = Inference__ServerMetadataResponse
    static let storedType = StoredType(inference__server_metadata_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ServerMetadataResponse.name")
        version = try arena.string(stored.version, "inference.ServerMetadataResponse.version")
        extensions = try arena.strings(stored.extensions, stored.n_extensions, "inference.ServerMetadataResponse.extensions")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        (stored.n_extensions, stored.extensions) = arena.store(extensions)
    }
}

extension ModelMetadataRequest: StoredMessage {
    typealias Stored = Inference__ModelMetadataRequest
    static let storedType = StoredType(inference__model_metadata_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelMetadataRequest.name")
        version = try arena.string(stored.version, "inference.ModelMetadataRequest.version")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
    }
}

extension ModelMetadataResponse: StoredMessage {
    typealias Stored = Inference__ModelMetadataResponse
    static let storedType = StoredType(inference__model_metadata_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelMetadataResponse.name")
        versions = try arena.strings(stored.versions, stored.n_versions, "inference.ModelMetadataResponse.versions")
        platform = try arena.string(stored.platform, "inference.ModelMetadataResponse.platform")
        inputs = try arena.messages(stored.inputs, stored.n_inputs)
        outputs = try arena.messages(stored.outputs, stored.n_outputs)
        properties = try arena.dictionary(stored.properties, stored.n_properties, of: PropertiesEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        (stored.n_versions, stored.versions) = arena.store(versions)
        stored.platform = arena.store(platform)
        (stored.n_inputs, stored.inputs) = arena.store(inputs)
        (stored.n_outputs, stored.outputs) = arena.store(outputs)
        (stored.n_properties, stored.properties) = arena.store(properties, as: PropertiesEntry.self)
    }
}

extension ModelMetadataResponse.TensorMetadata: StoredMessage {
    typealias Stored = Inference__ModelMetadataResponse__TensorMetadata
    static let storedType = StoredType(inference__model_metadata_response__tensor_metadata__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelMetadataResponse.TensorMetadata.name")
        datatype = try arena.string(stored.datatype, "inference.ModelMetadataResponse.TensorMetadata.datatype")
        shape = arena.values(stored.shape, stored.n_shape)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.datatype = arena.store(datatype)
        (stored.n_shape, stored.shape) = arena.store(shape)
    }
}

extension ModelMetadataResponse {
    struct PropertiesEntry {
        var key: String = ""
        var value: String = ""
    }
}

extension ModelMetadataResponse.PropertiesEntry: MapEntry {
    typealias Stored = Inference__ModelMetadataResponse__PropertiesEntry
    static let storedType = StoredType(inference__model_metadata_response__properties_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelMetadataResponse.PropertiesEntry.key")
        value = try arena.string(stored.value, "inference.ModelMetadataResponse.PropertiesEntry.value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension InferParameter: StoredMessage {
    typealias Stored = Inference__InferParameter
    static let storedType = StoredType(inference__infer_parameter__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.parameter_choice_case.rawValue {
        case 1: parameterChoice = .boolParam(stored.bool_param != 0)
        case 2: parameterChoice = .int64Param(stored.int64_param)
        case 3: parameterChoice = .stringParam(try arena.string(stored.string_param, "inference.InferParameter.string_param"))
        case 4: parameterChoice = .doubleParam(stored.double_param)
        case 5: parameterChoice = .uint64Param(stored.uint64_param)
        default: parameterChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch parameterChoice {
        case .boolParam(let value):
            stored.parameter_choice_case = .init(1)
            stored.bool_param = value ? 1 : 0
        case .int64Param(let value):
            stored.parameter_choice_case = .init(2)
            stored.int64_param = value
        case .stringParam(let value):
            stored.parameter_choice_case = .init(3)
            stored.string_param = arena.store(value)
        case .doubleParam(let value):
            stored.parameter_choice_case = .init(4)
            stored.double_param = value
        case .uint64Param(let value):
            stored.parameter_choice_case = .init(5)
            stored.uint64_param = value
        case nil: break
        }
    }
}

extension InferTensorContents: StoredMessage {
    typealias Stored = Inference__InferTensorContents
    static let storedType = StoredType(inference__infer_tensor_contents__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        boolContents = arena.truthValues(stored.bool_contents, stored.n_bool_contents)
        intContents = arena.values(stored.int_contents, stored.n_int_contents)
        int64Contents = arena.values(stored.int64_contents, stored.n_int64_contents)
        uintContents = arena.values(stored.uint_contents, stored.n_uint_contents)
        uint64Contents = arena.values(stored.uint64_contents, stored.n_uint64_contents)
        fp32Contents = arena.values(stored.fp32_contents, stored.n_fp32_contents)
        fp64Contents = arena.values(stored.fp64_contents, stored.n_fp64_contents)
        bytesContents = arena.byteStrings(stored.bytes_contents, stored.n_bytes_contents)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_bool_contents, stored.bool_contents) = arena.store(boolContents)
        (stored.n_int_contents, stored.int_contents) = arena.store(intContents)
        (stored.n_int64_contents, stored.int64_contents) = arena.store(int64Contents)
        (stored.n_uint_contents, stored.uint_contents) = arena.store(uintContents)
        (stored.n_uint64_contents, stored.uint64_contents) = arena.store(uint64Contents)
        (stored.n_fp32_contents, stored.fp32_contents) = arena.store(fp32Contents)
        (stored.n_fp64_contents, stored.fp64_contents) = arena.store(fp64Contents)
        (stored.n_bytes_contents, stored.bytes_contents) = arena.store(bytesContents)
    }
}

extension ModelInferRequest: StoredMessage {
    typealias Stored = Inference__ModelInferRequest
    static let storedType = StoredType(inference__model_infer_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        modelName = try arena.string(stored.model_name, "inference.ModelInferRequest.model_name")
        modelVersion = try arena.string(stored.model_version, "inference.ModelInferRequest.model_version")
        id = try arena.string(stored.id, "inference.ModelInferRequest.id")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
        inputs = try arena.messages(stored.inputs, stored.n_inputs)
        outputs = try arena.messages(stored.outputs, stored.n_outputs)
        rawInputContents = arena.byteStrings(stored.raw_input_contents, stored.n_raw_input_contents)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model_name = arena.store(modelName)
        stored.model_version = arena.store(modelVersion)
        stored.id = arena.store(id)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
        (stored.n_inputs, stored.inputs) = arena.store(inputs)
        (stored.n_outputs, stored.outputs) = arena.store(outputs)
        (stored.n_raw_input_contents, stored.raw_input_contents) = arena.store(rawInputContents)
    }
}

extension ModelInferRequest.InferInputTensor: StoredMessage {
    typealias Stored = Inference__ModelInferRequest__InferInputTensor
    static let storedType = StoredType(inference__model_infer_request__infer_input_tensor__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelInferRequest.InferInputTensor.name")
        datatype = try arena.string(stored.datatype, "inference.ModelInferRequest.InferInputTensor.datatype")
        shape = arena.values(stored.shape, stored.n_shape)
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
        contents = try arena.message(stored.contents)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.datatype = arena.store(datatype)
        (stored.n_shape, stored.shape) = arena.store(shape)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
        stored.contents = arena.store(contents)
    }
}

extension ModelInferRequest.InferInputTensor {
    struct ParametersEntry {
        var key: String = ""
        var value: InferParameter = InferParameter()
    }
}

extension ModelInferRequest.InferInputTensor.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelInferRequest__InferInputTensor__ParametersEntry
    static let storedType = StoredType(inference__model_infer_request__infer_input_tensor__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelInferRequest.InferInputTensor.ParametersEntry.key")
        value = try arena.message(stored.value) ?? InferParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelInferRequest.InferRequestedOutputTensor: StoredMessage {
    typealias Stored = Inference__ModelInferRequest__InferRequestedOutputTensor
    static let storedType = StoredType(inference__model_infer_request__infer_requested_output_tensor__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelInferRequest.InferRequestedOutputTensor.name")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
    }
}

extension ModelInferRequest.InferRequestedOutputTensor {
    struct ParametersEntry {
        var key: String = ""
        var value: InferParameter = InferParameter()
    }
}

extension ModelInferRequest.InferRequestedOutputTensor.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelInferRequest__InferRequestedOutputTensor__ParametersEntry
    static let storedType = StoredType(inference__model_infer_request__infer_requested_output_tensor__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelInferRequest.InferRequestedOutputTensor.ParametersEntry.key")
        value = try arena.message(stored.value) ?? InferParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelInferRequest {
    struct ParametersEntry {
        var key: String = ""
        var value: InferParameter = InferParameter()
    }
}

extension ModelInferRequest.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelInferRequest__ParametersEntry
    static let storedType = StoredType(inference__model_infer_request__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelInferRequest.ParametersEntry.key")
        value = try arena.message(stored.value) ?? InferParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelInferResponse: StoredMessage {
    typealias Stored = Inference__ModelInferResponse
    static let storedType = StoredType(inference__model_infer_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        modelName = try arena.string(stored.model_name, "inference.ModelInferResponse.model_name")
        modelVersion = try arena.string(stored.model_version, "inference.ModelInferResponse.model_version")
        id = try arena.string(stored.id, "inference.ModelInferResponse.id")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
        outputs = try arena.messages(stored.outputs, stored.n_outputs)
        rawOutputContents = arena.byteStrings(stored.raw_output_contents, stored.n_raw_output_contents)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model_name = arena.store(modelName)
        stored.model_version = arena.store(modelVersion)
        stored.id = arena.store(id)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
        (stored.n_outputs, stored.outputs) = arena.store(outputs)
        (stored.n_raw_output_contents, stored.raw_output_contents) = arena.store(rawOutputContents)
    }
}

extension ModelInferResponse.InferOutputTensor: StoredMessage {
    typealias Stored = Inference__ModelInferResponse__InferOutputTensor
    static let storedType = StoredType(inference__model_infer_response__infer_output_tensor__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelInferResponse.InferOutputTensor.name")
        datatype = try arena.string(stored.datatype, "inference.ModelInferResponse.InferOutputTensor.datatype")
        shape = arena.values(stored.shape, stored.n_shape)
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
        contents = try arena.message(stored.contents)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.datatype = arena.store(datatype)
        (stored.n_shape, stored.shape) = arena.store(shape)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
        stored.contents = arena.store(contents)
    }
}

extension ModelInferResponse.InferOutputTensor {
    struct ParametersEntry {
        var key: String = ""
        var value: InferParameter = InferParameter()
    }
}

extension ModelInferResponse.InferOutputTensor.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelInferResponse__InferOutputTensor__ParametersEntry
    static let storedType = StoredType(inference__model_infer_response__infer_output_tensor__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelInferResponse.InferOutputTensor.ParametersEntry.key")
        value = try arena.message(stored.value) ?? InferParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelInferResponse {
    struct ParametersEntry {
        var key: String = ""
        var value: InferParameter = InferParameter()
    }
}

extension ModelInferResponse.ParametersEntry: MapEntry {
    typealias Stored = Inference__ModelInferResponse__ParametersEntry
    static let storedType = StoredType(inference__model_infer_response__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelInferResponse.ParametersEntry.key")
        value = try arena.message(stored.value) ?? InferParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelStreamInferResponse: StoredMessage {
    typealias Stored = Inference__ModelStreamInferResponse
    static let storedType = StoredType(inference__model_stream_infer_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        errorMessage = try arena.string(stored.error_message, "inference.ModelStreamInferResponse.error_message")
        inferResponse = try arena.message(stored.infer_response)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.error_message = arena.store(errorMessage)
        stored.infer_response = arena.store(inferResponse)
    }
}

extension ModelConfigRequest: StoredMessage {
    typealias Stored = Inference__ModelConfigRequest
    static let storedType = StoredType(inference__model_config_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelConfigRequest.name")
        version = try arena.string(stored.version, "inference.ModelConfigRequest.version")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
    }
}

extension ModelConfigResponse: StoredMessage {
    typealias Stored = Inference__ModelConfigResponse
    static let storedType = StoredType(inference__model_config_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        config = try arena.message(stored.config)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.config = arena.store(config)
    }
}

extension ModelStatisticsRequest: StoredMessage {
    typealias Stored = Inference__ModelStatisticsRequest
    static let storedType = StoredType(inference__model_statistics_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelStatisticsRequest.name")
        version = try arena.string(stored.version, "inference.ModelStatisticsRequest.version")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
    }
}

extension StatisticDuration: StoredMessage {
    typealias Stored = Inference__StatisticDuration
    static let storedType = StoredType(inference__statistic_duration__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        count = stored.count
        ns = stored.ns
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.count = count
        stored.ns = ns
    }
}

extension InferStatistics: StoredMessage {
    typealias Stored = Inference__InferStatistics
    static let storedType = StoredType(inference__infer_statistics__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        success = try arena.message(stored.success)
        fail = try arena.message(stored.fail)
        queue = try arena.message(stored.queue)
        computeInput = try arena.message(stored.compute_input)
        computeInfer = try arena.message(stored.compute_infer)
        computeOutput = try arena.message(stored.compute_output)
        cacheHit = try arena.message(stored.cache_hit)
        cacheMiss = try arena.message(stored.cache_miss)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.success = arena.store(success)
        stored.fail = arena.store(fail)
        stored.queue = arena.store(queue)
        stored.compute_input = arena.store(computeInput)
        stored.compute_infer = arena.store(computeInfer)
        stored.compute_output = arena.store(computeOutput)
        stored.cache_hit = arena.store(cacheHit)
        stored.cache_miss = arena.store(cacheMiss)
    }
}

extension InferResponseStatistics: StoredMessage {
    typealias Stored = Inference__InferResponseStatistics
    static let storedType = StoredType(inference__infer_response_statistics__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        computeInfer = try arena.message(stored.compute_infer)
        computeOutput = try arena.message(stored.compute_output)
        success = try arena.message(stored.success)
        fail = try arena.message(stored.fail)
        emptyResponse = try arena.message(stored.empty_response)
        cancel = try arena.message(stored.cancel)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.compute_infer = arena.store(computeInfer)
        stored.compute_output = arena.store(computeOutput)
        stored.success = arena.store(success)
        stored.fail = arena.store(fail)
        stored.empty_response = arena.store(emptyResponse)
        stored.cancel = arena.store(cancel)
    }
}

extension InferBatchStatistics: StoredMessage {
    typealias Stored = Inference__InferBatchStatistics
    static let storedType = StoredType(inference__infer_batch_statistics__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        batchSize = stored.batch_size
        computeInput = try arena.message(stored.compute_input)
        computeInfer = try arena.message(stored.compute_infer)
        computeOutput = try arena.message(stored.compute_output)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.batch_size = batchSize
        stored.compute_input = arena.store(computeInput)
        stored.compute_infer = arena.store(computeInfer)
        stored.compute_output = arena.store(computeOutput)
    }
}

extension MemoryUsage: StoredMessage {
    typealias Stored = Inference__MemoryUsage
    static let storedType = StoredType(inference__memory_usage__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        type = try arena.string(stored.type, "inference.MemoryUsage.type")
        id = stored.id
        byteSize = stored.byte_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.type = arena.store(type)
        stored.id = id
        stored.byte_size = byteSize
    }
}

extension ModelStatistics: StoredMessage {
    typealias Stored = Inference__ModelStatistics
    static let storedType = StoredType(inference__model_statistics__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.ModelStatistics.name")
        version = try arena.string(stored.version, "inference.ModelStatistics.version")
        lastInference = stored.last_inference
        inferenceCount = stored.inference_count
        executionCount = stored.execution_count
        inferenceStats = try arena.message(stored.inference_stats)
        batchStats = try arena.messages(stored.batch_stats, stored.n_batch_stats)
        memoryUsage = try arena.messages(stored.memory_usage, stored.n_memory_usage)
        responseStats = try arena.dictionary(stored.response_stats, stored.n_response_stats, of: ResponseStatsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        stored.last_inference = lastInference
        stored.inference_count = inferenceCount
        stored.execution_count = executionCount
        stored.inference_stats = arena.store(inferenceStats)
        (stored.n_batch_stats, stored.batch_stats) = arena.store(batchStats)
        (stored.n_memory_usage, stored.memory_usage) = arena.store(memoryUsage)
        (stored.n_response_stats, stored.response_stats) = arena.store(responseStats, as: ResponseStatsEntry.self)
    }
}

extension ModelStatistics {
    struct ResponseStatsEntry {
        var key: String = ""
        var value: InferResponseStatistics = InferResponseStatistics()
    }
}

extension ModelStatistics.ResponseStatsEntry: MapEntry {
    typealias Stored = Inference__ModelStatistics__ResponseStatsEntry
    static let storedType = StoredType(inference__model_statistics__response_stats_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.ModelStatistics.ResponseStatsEntry.key")
        value = try arena.message(stored.value) ?? InferResponseStatistics()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension ModelStatisticsResponse: StoredMessage {
    typealias Stored = Inference__ModelStatisticsResponse
    static let storedType = StoredType(inference__model_statistics_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        modelStats = try arena.messages(stored.model_stats, stored.n_model_stats)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_model_stats, stored.model_stats) = arena.store(modelStats)
    }
}

extension ModelRepositoryParameter: StoredMessage {
    typealias Stored = Inference__ModelRepositoryParameter
    static let storedType = StoredType(inference__model_repository_parameter__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.parameter_choice_case.rawValue {
        case 1: parameterChoice = .boolParam(stored.bool_param != 0)
        case 2: parameterChoice = .int64Param(stored.int64_param)
        case 3: parameterChoice = .stringParam(try arena.string(stored.string_param, "inference.ModelRepositoryParameter.string_param"))
        case 4: parameterChoice = .bytesParam(arena.bytes(stored.bytes_param))
        default: parameterChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch parameterChoice {
        case .boolParam(let value):
            stored.parameter_choice_case = .init(1)
            stored.bool_param = value ? 1 : 0
        case .int64Param(let value):
            stored.parameter_choice_case = .init(2)
            stored.int64_param = value
        case .stringParam(let value):
            stored.parameter_choice_case = .init(3)
            stored.string_param = arena.store(value)
        case .bytesParam(let value):
            stored.parameter_choice_case = .init(4)
            stored.bytes_param = arena.store(value)
        case nil: break
        }
    }
}

extension RepositoryIndexRequest: StoredMessage {
    typealias Stored = Inference__RepositoryIndexRequest
    static let storedType = StoredType(inference__repository_index_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        repositoryName = try arena.string(stored.repository_name, "inference.RepositoryIndexRequest.repository_name")
        ready = stored.ready != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.repository_name = arena.store(repositoryName)
        stored.ready = ready ? 1 : 0
    }
}

extension RepositoryIndexResponse: StoredMessage {
    typealias Stored = Inference__RepositoryIndexResponse
    static let storedType = StoredType(inference__repository_index_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        models = try arena.messages(stored.models, stored.n_models)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_models, stored.models) = arena.store(models)
    }
}

extension RepositoryIndexResponse.ModelIndex: StoredMessage {
    typealias Stored = Inference__RepositoryIndexResponse__ModelIndex
    static let storedType = StoredType(inference__repository_index_response__model_index__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.RepositoryIndexResponse.ModelIndex.name")
        version = try arena.string(stored.version, "inference.RepositoryIndexResponse.ModelIndex.version")
        state = try arena.string(stored.state, "inference.RepositoryIndexResponse.ModelIndex.state")
        reason = try arena.string(stored.reason, "inference.RepositoryIndexResponse.ModelIndex.reason")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        stored.state = arena.store(state)
        stored.reason = arena.store(reason)
    }
}

extension RepositoryModelLoadRequest: StoredMessage {
    typealias Stored = Inference__RepositoryModelLoadRequest
    static let storedType = StoredType(inference__repository_model_load_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        repositoryName = try arena.string(stored.repository_name, "inference.RepositoryModelLoadRequest.repository_name")
        modelName = try arena.string(stored.model_name, "inference.RepositoryModelLoadRequest.model_name")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.repository_name = arena.store(repositoryName)
        stored.model_name = arena.store(modelName)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
    }
}

extension RepositoryModelLoadRequest {
    struct ParametersEntry {
        var key: String = ""
        var value: ModelRepositoryParameter = ModelRepositoryParameter()
    }
}

extension RepositoryModelLoadRequest.ParametersEntry: MapEntry {
    typealias Stored = Inference__RepositoryModelLoadRequest__ParametersEntry
    static let storedType = StoredType(inference__repository_model_load_request__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.RepositoryModelLoadRequest.ParametersEntry.key")
        value = try arena.message(stored.value) ?? ModelRepositoryParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension RepositoryModelLoadResponse: StoredMessage {
    typealias Stored = Inference__RepositoryModelLoadResponse
    static let storedType = StoredType(inference__repository_model_load_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension RepositoryModelUnloadRequest: StoredMessage {
    typealias Stored = Inference__RepositoryModelUnloadRequest
    static let storedType = StoredType(inference__repository_model_unload_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        repositoryName = try arena.string(stored.repository_name, "inference.RepositoryModelUnloadRequest.repository_name")
        modelName = try arena.string(stored.model_name, "inference.RepositoryModelUnloadRequest.model_name")
        parameters = try arena.dictionary(stored.parameters, stored.n_parameters, of: ParametersEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.repository_name = arena.store(repositoryName)
        stored.model_name = arena.store(modelName)
        (stored.n_parameters, stored.parameters) = arena.store(parameters, as: ParametersEntry.self)
    }
}

extension RepositoryModelUnloadRequest {
    struct ParametersEntry {
        var key: String = ""
        var value: ModelRepositoryParameter = ModelRepositoryParameter()
    }
}

extension RepositoryModelUnloadRequest.ParametersEntry: MapEntry {
    typealias Stored = Inference__RepositoryModelUnloadRequest__ParametersEntry
    static let storedType = StoredType(inference__repository_model_unload_request__parameters_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.RepositoryModelUnloadRequest.ParametersEntry.key")
        value = try arena.message(stored.value) ?? ModelRepositoryParameter()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension RepositoryModelUnloadResponse: StoredMessage {
    typealias Stored = Inference__RepositoryModelUnloadResponse
    static let storedType = StoredType(inference__repository_model_unload_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension SystemSharedMemoryStatusRequest: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryStatusRequest
    static let storedType = StoredType(inference__system_shared_memory_status_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.SystemSharedMemoryStatusRequest.name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
    }
}

extension SystemSharedMemoryStatusResponse: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryStatusResponse
    static let storedType = StoredType(inference__system_shared_memory_status_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        regions = try arena.dictionary(stored.regions, stored.n_regions, of: RegionsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_regions, stored.regions) = arena.store(regions, as: RegionsEntry.self)
    }
}

extension SystemSharedMemoryStatusResponse.RegionStatus: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryStatusResponse__RegionStatus
    static let storedType = StoredType(inference__system_shared_memory_status_response__region_status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.SystemSharedMemoryStatusResponse.RegionStatus.name")
        key = try arena.string(stored.key, "inference.SystemSharedMemoryStatusResponse.RegionStatus.key")
        offset = stored.offset
        byteSize = stored.byte_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.key = arena.store(key)
        stored.offset = offset
        stored.byte_size = byteSize
    }
}

extension SystemSharedMemoryStatusResponse {
    struct RegionsEntry {
        var key: String = ""
        var value: SystemSharedMemoryStatusResponse.RegionStatus = SystemSharedMemoryStatusResponse.RegionStatus()
    }
}

extension SystemSharedMemoryStatusResponse.RegionsEntry: MapEntry {
    typealias Stored = Inference__SystemSharedMemoryStatusResponse__RegionsEntry
    static let storedType = StoredType(inference__system_shared_memory_status_response__regions_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.SystemSharedMemoryStatusResponse.RegionsEntry.key")
        value = try arena.message(stored.value) ?? SystemSharedMemoryStatusResponse.RegionStatus()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension SystemSharedMemoryRegisterRequest: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryRegisterRequest
    static let storedType = StoredType(inference__system_shared_memory_register_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.SystemSharedMemoryRegisterRequest.name")
        key = try arena.string(stored.key, "inference.SystemSharedMemoryRegisterRequest.key")
        offset = stored.offset
        byteSize = stored.byte_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.key = arena.store(key)
        stored.offset = offset
        stored.byte_size = byteSize
    }
}

extension SystemSharedMemoryRegisterResponse: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryRegisterResponse
    static let storedType = StoredType(inference__system_shared_memory_register_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension SystemSharedMemoryUnregisterRequest: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryUnregisterRequest
    static let storedType = StoredType(inference__system_shared_memory_unregister_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.SystemSharedMemoryUnregisterRequest.name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
    }
}

extension SystemSharedMemoryUnregisterResponse: StoredMessage {
    typealias Stored = Inference__SystemSharedMemoryUnregisterResponse
    static let storedType = StoredType(inference__system_shared_memory_unregister_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension CudaSharedMemoryStatusRequest: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryStatusRequest
    static let storedType = StoredType(inference__cuda_shared_memory_status_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.CudaSharedMemoryStatusRequest.name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
    }
}

extension CudaSharedMemoryStatusResponse: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryStatusResponse
    static let storedType = StoredType(inference__cuda_shared_memory_status_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        regions = try arena.dictionary(stored.regions, stored.n_regions, of: RegionsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_regions, stored.regions) = arena.store(regions, as: RegionsEntry.self)
    }
}

extension CudaSharedMemoryStatusResponse.RegionStatus: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryStatusResponse__RegionStatus
    static let storedType = StoredType(inference__cuda_shared_memory_status_response__region_status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.CudaSharedMemoryStatusResponse.RegionStatus.name")
        deviceId = stored.device_id
        byteSize = stored.byte_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.device_id = deviceId
        stored.byte_size = byteSize
    }
}

extension CudaSharedMemoryStatusResponse {
    struct RegionsEntry {
        var key: String = ""
        var value: CudaSharedMemoryStatusResponse.RegionStatus = CudaSharedMemoryStatusResponse.RegionStatus()
    }
}

extension CudaSharedMemoryStatusResponse.RegionsEntry: MapEntry {
    typealias Stored = Inference__CudaSharedMemoryStatusResponse__RegionsEntry
    static let storedType = StoredType(inference__cuda_shared_memory_status_response__regions_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.CudaSharedMemoryStatusResponse.RegionsEntry.key")
        value = try arena.message(stored.value) ?? CudaSharedMemoryStatusResponse.RegionStatus()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension CudaSharedMemoryRegisterRequest: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryRegisterRequest
    static let storedType = StoredType(inference__cuda_shared_memory_register_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.CudaSharedMemoryRegisterRequest.name")
        rawHandle = arena.bytes(stored.raw_handle)
        deviceId = stored.device_id
        byteSize = stored.byte_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.raw_handle = arena.store(rawHandle)
        stored.device_id = deviceId
        stored.byte_size = byteSize
    }
}

extension CudaSharedMemoryRegisterResponse: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryRegisterResponse
    static let storedType = StoredType(inference__cuda_shared_memory_register_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension CudaSharedMemoryUnregisterRequest: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryUnregisterRequest
    static let storedType = StoredType(inference__cuda_shared_memory_unregister_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "inference.CudaSharedMemoryUnregisterRequest.name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
    }
}

extension CudaSharedMemoryUnregisterResponse: StoredMessage {
    typealias Stored = Inference__CudaSharedMemoryUnregisterResponse
    static let storedType = StoredType(inference__cuda_shared_memory_unregister_response__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension TraceSettingRequest: StoredMessage {
    typealias Stored = Inference__TraceSettingRequest
    static let storedType = StoredType(inference__trace_setting_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        settings = try arena.dictionary(stored.settings, stored.n_settings, of: SettingsEntry.self)
        modelName = try arena.string(stored.model_name, "inference.TraceSettingRequest.model_name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_settings, stored.settings) = arena.store(settings, as: SettingsEntry.self)
        stored.model_name = arena.store(modelName)
    }
}

extension TraceSettingRequest.SettingValue: StoredMessage {
    typealias Stored = Inference__TraceSettingRequest__SettingValue
    static let storedType = StoredType(inference__trace_setting_request__setting_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        value = try arena.strings(stored.value, stored.n_value, "inference.TraceSettingRequest.SettingValue.value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_value, stored.value) = arena.store(value)
    }
}

extension TraceSettingRequest {
    struct SettingsEntry {
        var key: String = ""
        var value: TraceSettingRequest.SettingValue = TraceSettingRequest.SettingValue()
    }
}

extension TraceSettingRequest.SettingsEntry: MapEntry {
    typealias Stored = Inference__TraceSettingRequest__SettingsEntry
    static let storedType = StoredType(inference__trace_setting_request__settings_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.TraceSettingRequest.SettingsEntry.key")
        value = try arena.message(stored.value) ?? TraceSettingRequest.SettingValue()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension TraceSettingResponse: StoredMessage {
    typealias Stored = Inference__TraceSettingResponse
    static let storedType = StoredType(inference__trace_setting_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        settings = try arena.dictionary(stored.settings, stored.n_settings, of: SettingsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_settings, stored.settings) = arena.store(settings, as: SettingsEntry.self)
    }
}

extension TraceSettingResponse.SettingValue: StoredMessage {
    typealias Stored = Inference__TraceSettingResponse__SettingValue
    static let storedType = StoredType(inference__trace_setting_response__setting_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        value = try arena.strings(stored.value, stored.n_value, "inference.TraceSettingResponse.SettingValue.value")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_value, stored.value) = arena.store(value)
    }
}

extension TraceSettingResponse {
    struct SettingsEntry {
        var key: String = ""
        var value: TraceSettingResponse.SettingValue = TraceSettingResponse.SettingValue()
    }
}

extension TraceSettingResponse.SettingsEntry: MapEntry {
    typealias Stored = Inference__TraceSettingResponse__SettingsEntry
    static let storedType = StoredType(inference__trace_setting_response__settings_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.TraceSettingResponse.SettingsEntry.key")
        value = try arena.message(stored.value) ?? TraceSettingResponse.SettingValue()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension LogSettingsRequest: StoredMessage {
    typealias Stored = Inference__LogSettingsRequest
    static let storedType = StoredType(inference__log_settings_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        settings = try arena.dictionary(stored.settings, stored.n_settings, of: SettingsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_settings, stored.settings) = arena.store(settings, as: SettingsEntry.self)
    }
}

extension LogSettingsRequest.SettingValue: StoredMessage {
    typealias Stored = Inference__LogSettingsRequest__SettingValue
    static let storedType = StoredType(inference__log_settings_request__setting_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.parameter_choice_case.rawValue {
        case 1: parameterChoice = .boolParam(stored.bool_param != 0)
        case 2: parameterChoice = .uint32Param(stored.uint32_param)
        case 3: parameterChoice = .stringParam(try arena.string(stored.string_param, "inference.LogSettingsRequest.SettingValue.string_param"))
        default: parameterChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch parameterChoice {
        case .boolParam(let value):
            stored.parameter_choice_case = .init(1)
            stored.bool_param = value ? 1 : 0
        case .uint32Param(let value):
            stored.parameter_choice_case = .init(2)
            stored.uint32_param = value
        case .stringParam(let value):
            stored.parameter_choice_case = .init(3)
            stored.string_param = arena.store(value)
        case nil: break
        }
    }
}

extension LogSettingsRequest {
    struct SettingsEntry {
        var key: String = ""
        var value: LogSettingsRequest.SettingValue = LogSettingsRequest.SettingValue()
    }
}

extension LogSettingsRequest.SettingsEntry: MapEntry {
    typealias Stored = Inference__LogSettingsRequest__SettingsEntry
    static let storedType = StoredType(inference__log_settings_request__settings_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.LogSettingsRequest.SettingsEntry.key")
        value = try arena.message(stored.value) ?? LogSettingsRequest.SettingValue()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension LogSettingsResponse: StoredMessage {
    typealias Stored = Inference__LogSettingsResponse
    static let storedType = StoredType(inference__log_settings_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        settings = try arena.dictionary(stored.settings, stored.n_settings, of: SettingsEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_settings, stored.settings) = arena.store(settings, as: SettingsEntry.self)
    }
}

extension LogSettingsResponse.SettingValue: StoredMessage {
    typealias Stored = Inference__LogSettingsResponse__SettingValue
    static let storedType = StoredType(inference__log_settings_response__setting_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.parameter_choice_case.rawValue {
        case 1: parameterChoice = .boolParam(stored.bool_param != 0)
        case 2: parameterChoice = .uint32Param(stored.uint32_param)
        case 3: parameterChoice = .stringParam(try arena.string(stored.string_param, "inference.LogSettingsResponse.SettingValue.string_param"))
        default: parameterChoice = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch parameterChoice {
        case .boolParam(let value):
            stored.parameter_choice_case = .init(1)
            stored.bool_param = value ? 1 : 0
        case .uint32Param(let value):
            stored.parameter_choice_case = .init(2)
            stored.uint32_param = value
        case .stringParam(let value):
            stored.parameter_choice_case = .init(3)
            stored.string_param = arena.store(value)
        case nil: break
        }
    }
}

extension LogSettingsResponse {
    struct SettingsEntry {
        var key: String = ""
        var value: LogSettingsResponse.SettingValue = LogSettingsResponse.SettingValue()
    }
}

extension LogSettingsResponse.SettingsEntry: MapEntry {
    typealias Stored = Inference__LogSettingsResponse__SettingsEntry
    static let storedType = StoredType(inference__log_settings_response__settings_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "inference.LogSettingsResponse.SettingsEntry.key")
        value = try arena.message(stored.value) ?? LogSettingsResponse.SettingValue()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}
