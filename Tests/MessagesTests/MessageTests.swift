import Testing
import Vocabulary

@testable import Messages

@Suite struct MessageTests {
    @Test("a request comes back as it was, parameters, tensors and raw contents")
    func roundTrip() throws {
        let request = ModelInferRequest(
            modelName: "digits", modelVersion: "2", id: "a\0b",
            parameters: ["priority": InferParameter(parameterChoice: .uint64Param(.max))],
            inputs: [.init(name: "x", datatype: "FP32", shape: [1, -1, 3])],
            rawInputContents: [Bytes([1, 2, 3]), Bytes()])
        let decoded = try ModelInferRequest(decoding: request.encoded())
        #expect(decoded == request)
    }
}
