// Made by Proto/generate from grpc/reflection/v1/reflection.proto.
// swift-format-ignore-file

import CMessages

extension ServerReflectionRequest: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ServerReflectionRequest
    static let storedType = StoredType(grpc__reflection__v1__server_reflection_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        host = try arena.string(stored.host, "grpc.reflection.v1.ServerReflectionRequest.host")
        switch stored.message_request_case.rawValue {
        case 3: messageRequest = .fileByFilename(try arena.string(stored.file_by_filename, "grpc.reflection.v1.ServerReflectionRequest.file_by_filename"))
        case 4: messageRequest = .fileContainingSymbol(try arena.string(stored.file_containing_symbol, "grpc.reflection.v1.ServerReflectionRequest.file_containing_symbol"))
        case 5: messageRequest = .fileContainingExtension(try arena.message(stored.file_containing_extension) ?? ExtensionRequest())
        case 6: messageRequest = .allExtensionNumbersOfType(try arena.string(stored.all_extension_numbers_of_type, "grpc.reflection.v1.ServerReflectionRequest.all_extension_numbers_of_type"))
        case 7: messageRequest = .listServices(try arena.string(stored.list_services, "grpc.reflection.v1.ServerReflectionRequest.list_services"))
        default: messageRequest = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.host = arena.store(host)
        switch messageRequest {
        case .fileByFilename(let value):
            stored.message_request_case = .init(3)
            stored.file_by_filename = arena.store(value)
        case .fileContainingSymbol(let value):
            stored.message_request_case = .init(4)
            stored.file_containing_symbol = arena.store(value)
        case .fileContainingExtension(let value):
            stored.message_request_case = .init(5)
            stored.file_containing_extension = arena.store(value)
        case .allExtensionNumbersOfType(let value):
            stored.message_request_case = .init(6)
            stored.all_extension_numbers_of_type = arena.store(value)
        case .listServices(let value):
            stored.message_request_case = .init(7)
            stored.list_services = arena.store(value)
        case nil: break
        }
    }
}

extension ExtensionRequest: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ExtensionRequest
    static let storedType = StoredType(grpc__reflection__v1__extension_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        containingType = try arena.string(stored.containing_type, "grpc.reflection.v1.ExtensionRequest.containing_type")
        extensionNumber = stored.extension_number
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.containing_type = arena.store(containingType)
        stored.extension_number = extensionNumber
    }
}

extension ServerReflectionResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ServerReflectionResponse
    static let storedType = StoredType(grpc__reflection__v1__server_reflection_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        validHost = try arena.string(stored.valid_host, "grpc.reflection.v1.ServerReflectionResponse.valid_host")
        originalRequest = try arena.message(stored.original_request)
        switch stored.message_response_case.rawValue {
        case 4: messageResponse = .fileDescriptorResponse(try arena.message(stored.file_descriptor_response) ?? FileDescriptorResponse())
        case 5: messageResponse = .allExtensionNumbersResponse(try arena.message(stored.all_extension_numbers_response) ?? ExtensionNumberResponse())
        case 6: messageResponse = .listServicesResponse(try arena.message(stored.list_services_response) ?? ListServiceResponse())
        case 7: messageResponse = .errorResponse(try arena.message(stored.error_response) ?? ErrorResponse())
        default: messageResponse = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.valid_host = arena.store(validHost)
        stored.original_request = arena.store(originalRequest)
        switch messageResponse {
        case .fileDescriptorResponse(let value):
            stored.message_response_case = .init(4)
            stored.file_descriptor_response = arena.store(value)
        case .allExtensionNumbersResponse(let value):
            stored.message_response_case = .init(5)
            stored.all_extension_numbers_response = arena.store(value)
        case .listServicesResponse(let value):
            stored.message_response_case = .init(6)
            stored.list_services_response = arena.store(value)
        case .errorResponse(let value):
            stored.message_response_case = .init(7)
            stored.error_response = arena.store(value)
        case nil: break
        }
    }
}

extension FileDescriptorResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__FileDescriptorResponse
    static let storedType = StoredType(grpc__reflection__v1__file_descriptor_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        fileDescriptorProto = arena.byteStrings(stored.file_descriptor_proto, stored.n_file_descriptor_proto)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_file_descriptor_proto, stored.file_descriptor_proto) = arena.store(fileDescriptorProto)
    }
}

extension ExtensionNumberResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ExtensionNumberResponse
    static let storedType = StoredType(grpc__reflection__v1__extension_number_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        baseTypeName = try arena.string(stored.base_type_name, "grpc.reflection.v1.ExtensionNumberResponse.base_type_name")
        extensionNumber = arena.values(stored.extension_number, stored.n_extension_number)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.base_type_name = arena.store(baseTypeName)
        (stored.n_extension_number, stored.extension_number) = arena.store(extensionNumber)
    }
}

extension ListServiceResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ListServiceResponse
    static let storedType = StoredType(grpc__reflection__v1__list_service_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        service = try arena.messages(stored.service, stored.n_service)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_service, stored.service) = arena.store(service)
    }
}

extension ServiceResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ServiceResponse
    static let storedType = StoredType(grpc__reflection__v1__service_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "grpc.reflection.v1.ServiceResponse.name")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
    }
}

extension ErrorResponse: StoredMessage {
    typealias Stored = Grpc__Reflection__V1__ErrorResponse
    static let storedType = StoredType(grpc__reflection__v1__error_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        errorCode = stored.error_code
        errorMessage = try arena.string(stored.error_message, "grpc.reflection.v1.ErrorResponse.error_message")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.error_code = errorCode
        stored.error_message = arena.store(errorMessage)
    }
}
