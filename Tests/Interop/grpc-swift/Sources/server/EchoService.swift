import GRPCCore
import RawMessages

/// Answers with what it was sent.
struct EchoService: RegistrableRPCService {
    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        register("inference.GRPCInferenceService", "ModelInfer", in: &router, inferResponse)
        register("apus.benchmarks.Echo", "EchoStream", in: &router) { $0 }
    }

    private func register<Transport: ServerTransport>(
        _ service: String, _ method: String, in router: inout RPCRouter<Transport>,
        _ answer: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) {
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: service, method: method), deserializer: RawBytes(),
            serializer: RawBytes()
        ) { request, _ in
            StreamingServerResponse(of: [UInt8].self) { writer in
                for try await message in request.messages { try await writer.write(answer(message)) }
                return [:]
            }
        }
    }
}

/// The ModelInferResponse that echoes an encoded ModelInferRequest.
///
/// Why so short: the fields up to the inputs have the same numbers in both messages, and an output looks like an input,
/// so only the number of the raw contents changes: from 7 to 6. The request asks for no particular outputs.
@Sendable func inferResponse(_ request: [UInt8]) -> [UInt8] {
    var bytes = request
    var index = 0
    while index < bytes.count {
        if bytes[index] == 7 << 3 | 2 { bytes[index] = 6 << 3 | 2 }
        index += 1
        var byteCount = 0
        var shift = 0
        while index < bytes.count {
            byteCount |= Int(bytes[index] & 0x7F) << shift
            shift += 7
            index += 1
            if bytes[index - 1] < 0x80 { break }
        }
        // Every field of the request is a text, a message or bytes.
        index += byteCount
    }
    return bytes
}
