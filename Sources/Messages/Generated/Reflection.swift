// Made by Proto/generate from grpc/reflection/v1/reflection.proto.
// swift-format-ignore-file

package import Vocabulary

/// Tells tools that know nothing about a server which services it has and what their messages look like.
package enum ServerReflectionMethods {
    /// The full name of the service.
    package static let service = "grpc.reflection.v1.ServerReflection"

    /// Answers each question in turn.
    package static let serverReflectionInfo = MethodSignature<ServerReflectionRequest, ServerReflectionResponse>(
        path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", clientStreams: true, serverStreams: true)
}

/// A question.
package struct ServerReflectionRequest: Message {
    /// What the caller wants to know.
    package enum MessageRequest: Equatable, Sendable {
        /// The file of this path, with the files it imports.
        case fileByFilename(String)
        /// The file that declares this service, method, message, field, enum or enum value, by full name.
        case fileContainingSymbol(String)
        /// The file that declares this extension.
        case fileContainingExtension(ExtensionRequest)
        /// The numbers of all extensions of this message type.
        case allExtensionNumbersOfType(String)
        /// The names of all services; the text does not matter.
        case listServices(String)
    }

    /// The host the caller believes to talk to; comes back in the answer.
    package var host: String
    /// What the caller wants to know.
    package var messageRequest: MessageRequest?

    package init(host: String = "", messageRequest: MessageRequest? = nil) {
        self.host = host
        self.messageRequest = messageRequest
    }
}

/// Names an extension.
package struct ExtensionRequest: Message {
    /// The full name of the message type that it extends.
    package var containingType: String
    /// Its field number.
    package var extensionNumber: Int32

    package init(containingType: String = "", extensionNumber: Int32 = 0) {
        self.containingType = containingType
        self.extensionNumber = extensionNumber
    }
}

/// An answer.
package struct ServerReflectionResponse: Message {
    /// What the caller wanted to know.
    package enum MessageResponse: Equatable, Sendable {
        /// A file and the files it imports.
        case fileDescriptorResponse(FileDescriptorResponse)
        /// Numbers of extensions.
        case allExtensionNumbersResponse(ExtensionNumberResponse)
        /// All services.
        case listServicesResponse(ListServiceResponse)
        /// There is no answer.
        case errorResponse(ErrorResponse)
    }

    /// The host of the question.
    package var validHost: String
    /// The question.
    package var originalRequest: ServerReflectionRequest?
    /// What the caller wanted to know.
    package var messageResponse: MessageResponse?

    package init(
        validHost: String = "",
        originalRequest: ServerReflectionRequest? = nil,
        messageResponse: MessageResponse? = nil
    ) {
        self.validHost = validHost
        self.originalRequest = originalRequest
        self.messageResponse = messageResponse
    }
}

/// Descriptions of files.
package struct FileDescriptorResponse: Message {
    /// Each a serialised google.protobuf.FileDescriptorProto: the file asked for first, then what it imports.
    package var fileDescriptorProto: [Bytes]

    package init(fileDescriptorProto: [Bytes] = []) {
        self.fileDescriptorProto = fileDescriptorProto
    }
}

/// The extensions of a message type.
package struct ExtensionNumberResponse: Message {
    /// The full name of the message type.
    package var baseTypeName: String
    /// The field numbers of its extensions.
    package var extensionNumber: [Int32]

    package init(baseTypeName: String = "", extensionNumber: [Int32] = []) {
        self.baseTypeName = baseTypeName
        self.extensionNumber = extensionNumber
    }
}

/// All services of a server.
package struct ListServiceResponse: Message {
    /// The services.
    package var service: [ServiceResponse]

    package init(service: [ServiceResponse] = []) {
        self.service = service
    }
}

/// A service.
package struct ServiceResponse: Message {
    /// Its full name.
    package var name: String

    package init(name: String = "") {
        self.name = name
    }
}

/// Why there is no answer.
package struct ErrorResponse: Message {
    /// A gRPC status code.
    package var errorCode: Int32
    /// What was not found.
    package var errorMessage: String

    package init(errorCode: Int32 = 0, errorMessage: String = "") {
        self.errorCode = errorCode
        self.errorMessage = errorMessage
    }
}
