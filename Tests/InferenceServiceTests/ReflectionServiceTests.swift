import InferenceService
import Messages
import Testing
import Vocabulary

@Suite struct ReflectionServiceTests {
    private let reflection = ReflectionService()

    @Test("S171: an answer carries the question and its host")
    func echo() {
        let request = ServerReflectionRequest(host: "apus.local", messageRequest: .listServices("*"))
        let response = reflection.answer(request)
        #expect(response.validHost == "apus.local")
        #expect(response.originalRequest == request)
        guard case .listServicesResponse(let list) = response.messageResponse else {
            Issue.record("got \(response)")
            return
        }
        #expect(list.service.map(\.name) == ServiceDescriptors.apus.services)
    }

    @Test(
        "S171: a file is found by its path and by what it declares",
        arguments: [
            .fileByFilename("apus/text/v1/text.proto"), .fileContainingSymbol("apus.text.v1.Text"),
            .fileContainingSymbol("apus.text.v1.Text.Generate"), .fileContainingSymbol("apus.text.v1.Usage"),
        ] as [ServerReflectionRequest.MessageRequest])
    func files(_ question: ServerReflectionRequest.MessageRequest) {
        let response = reflection.answer(ServerReflectionRequest(messageRequest: question))
        let text = ServiceDescriptors.apus.files(named: "apus/text/v1/text.proto") ?? []
        #expect(response.messageResponse == .fileDescriptorResponse(FileDescriptorResponse(fileDescriptorProto: text)))
        #expect(text.count == 1)
    }

    @Test("S171: a message type has no extensions")
    func extensions() {
        let request = ServerReflectionRequest(messageRequest: .allExtensionNumbersOfType("apus.text.v1.Usage"))
        #expect(
            reflection.answer(request).messageResponse
                == .allExtensionNumbersResponse(ExtensionNumberResponse(baseTypeName: "apus.text.v1.Usage")))
    }

    @Test(
        "S171: what is not there is NOT_FOUND, by name",
        arguments: [
            (.fileByFilename("x.proto"), "x.proto"), (.fileContainingSymbol("a.B"), "a.B"),
            (.allExtensionNumbersOfType("apus.text.v1.Text"), "apus.text.v1.Text"),
            (
                .fileContainingExtension(ExtensionRequest(containingType: "apus.text.v1.Usage", extensionNumber: 9)),
                "apus.text.v1.Usage"
            ),
        ] as [(ServerReflectionRequest.MessageRequest, String)])
    func notFound(question: ServerReflectionRequest.MessageRequest, name: String) {
        let response = reflection.answer(ServerReflectionRequest(messageRequest: question))
        guard case .errorResponse(let error) = response.messageResponse else {
            Issue.record("got \(response)")
            return
        }
        #expect(error.errorCode == 5)
        #expect(error.errorMessage.contains("'\(name)'"))
    }

    @Test("a question of a newer schema is INVALID_ARGUMENT")
    func unknownQuestion() {
        guard case .errorResponse(let error) = reflection.answer(ServerReflectionRequest()).messageResponse else {
            Issue.record("expected an error")
            return
        }
        #expect(error.errorCode == 3)
    }
}
