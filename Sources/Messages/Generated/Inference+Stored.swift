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
