package import Messages
import Vocabulary

/// `grpc.reflection.v1` and `v1alpha`: which services there are and what their messages look like.
///
/// A question without an answer gets an error as its answer; the call goes on.
///
/// - Source: grpc/grpc `doc/server-reflection.md`.
package struct ReflectionService: Sendable {
    /// The older name of the one method, which has the same messages.
    package static let alphaSignature = MethodSignature<ServerReflectionRequest, ServerReflectionResponse>(
        path: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", clientStreams: true, serverStreams: true
    )

    private let descriptors: ServiceDescriptors

    package init(descriptors: ServiceDescriptors = .apus) {
        self.descriptors = descriptors
    }

    /// The answer to one question, with the question.
    package func answer(_ request: ServerReflectionRequest) -> ServerReflectionResponse {
        ServerReflectionResponse(
            validHost: request.host, originalRequest: request, messageResponse: response(to: request.messageRequest))
    }

    private func response(
        to question: ServerReflectionRequest.MessageRequest?
    ) -> ServerReflectionResponse.MessageResponse {
        switch question {
        case .listServices:
            .listServicesResponse(ListServiceResponse(service: descriptors.services.map { ServiceResponse(name: $0) }))
        case .fileByFilename(let name):
            files(descriptors.files(named: name), "there is no file '\(name)'")
        case .fileContainingSymbol(let symbol):
            files(descriptors.files(declaring: symbol), "nothing is named '\(symbol)'")
        case .fileContainingExtension(let request):
            // proto3 has no extensions.
            error(.notFound, "'\(request.containingType)' has no extension \(request.extensionNumber)")
        case .allExtensionNumbersOfType(let name):
            descriptors.isMessageType(name)
                ? .allExtensionNumbersResponse(ExtensionNumberResponse(baseTypeName: name))
                : error(.notFound, "there is no message type '\(name)'")
        case nil:
            error(.invalidArgument, "the request asks nothing that this server knows of")
        }
    }

    private func files(_ files: [Bytes]?, _ otherwise: String) -> ServerReflectionResponse.MessageResponse {
        files.map { .fileDescriptorResponse(FileDescriptorResponse(fileDescriptorProto: $0)) }
            ?? error(.notFound, otherwise)
    }

    private func error(_ code: StatusCode, _ message: String) -> ServerReflectionResponse.MessageResponse {
        .errorResponse(ErrorResponse(errorCode: Int32(code.rawValue), errorMessage: message))
    }
}
