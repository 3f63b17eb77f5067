import TestSupport
import Testing
import Vocabulary

@testable import Messages

/// The short way in and out of inference messages against protobuf-c, which decides what is right.
@Suite struct DirectTests {
    private static let requests = [
        ModelInferRequest(),
        ModelInferRequest(modelName: "identity", id: "nul \0 and ünïcödé 🐦", rawInputContents: [Bytes()]),
        ModelInferRequest(
            modelName: "identity", modelVersion: "1", id: "7",
            inputs: [
                .init(name: "x", datatype: "UINT8", shape: [2, 1]),
                .init(name: "y", datatype: "FP32", shape: [0, -1, .min, .max]), .init(),
            ], outputs: [.init(name: "z"), .init()], rawInputContents: [Bytes([1, 2]), Bytes(), Bytes([0])]),
    ]

    private static let responses = [
        ModelInferResponse(),
        ModelInferResponse(
            modelName: "identity", modelVersion: "1", id: "nul \0 and ünïcödé 🐦",
            outputs: [
                .init(name: "x", datatype: "UINT8", shape: [2, 1]),
                .init(
                    name: String(repeating: "n", count: 200), datatype: "FP32", shape: [0, -1, 127, 128, .min, .max]),
                .init(),
            ],
            rawOutputContents: [
                Bytes([1, 2]), Bytes(), Bytes(Array(repeating: 9, count: 127)),
                Bytes(Array(repeating: 9, count: 128)), Bytes(Array(repeating: 9, count: 20_000)),
            ]),
    ]

    @Test("a request is scanned to what protobuf-c decodes", arguments: requests)
    func scans(_ request: ModelInferRequest) throws {
        #expect(ModelInferRequest(scanning: request.encoded()) == request)
    }

    @Test("a response is written as protobuf-c encodes it", arguments: responses)
    func writes(_ response: ModelInferResponse) throws {
        #expect(response.encodedDirectly() == response.encoded())
    }

    @Test("responses with parameters or typed contents are left to protobuf-c")
    func leavesResponses() {
        let parameter = ["k": InferParameter(parameterChoice: .boolParam(true))]
        #expect(ModelInferResponse(parameters: parameter).encodedDirectly() == nil)
        #expect(ModelInferResponse(outputs: [.init(parameters: parameter)]).encodedDirectly() == nil)
        #expect(ModelInferResponse(outputs: [.init(contents: .init())]).encodedDirectly() == nil)
    }

    @Test("requests with parameters, typed contents, unknown fields or very many parts are left to protobuf-c")
    func leavesRequests() {
        let parameter = ["k": InferParameter(parameterChoice: .boolParam(true))]
        let left = [
            ModelInferRequest(parameters: parameter), ModelInferRequest(inputs: [.init(parameters: parameter)]),
            ModelInferRequest(inputs: [.init(contents: .init())]),
            ModelInferRequest(outputs: [.init(parameters: parameter)]),
            ModelInferRequest(inputs: Array(repeating: .init(), count: 65)),
            ModelInferRequest(outputs: Array(repeating: .init(), count: 65)),
            ModelInferRequest(rawInputContents: Array(repeating: Bytes(), count: 65)),
            ModelInferRequest(inputs: [.init(shape: Array(repeating: 1, count: 65))]),
        ]
        for request in left { #expect(ModelInferRequest(scanning: request.encoded()) == nil) }
        #expect(ModelInferRequest(scanning: Bytes([0x78, 0])) == nil)
    }

    @Test("extents one by one, fields twice and in another order mean what protobuf-c says they mean")
    func unusualForms() throws {
        let unpacked = Bytes([0x2A, 0x06, 0x18, 0x05, 0x1A, 0x02, 0x06, 0x07])
        let twice = Bytes([0x3A, 0x01, 0x09, 0x1A, 0x01, 0x61, 0x0A, 0x01, 0x62, 0x1A, 0x01, 0x63])
        for bytes in [unpacked, twice] {
            #expect(try ModelInferRequest(scanning: bytes) == ModelInferRequest(decoding: bytes))
        }
    }

    @Test("texts that are no UTF-8 and lengths that are not there are left to protobuf-c")
    func refuses() {
        #expect(ModelInferRequest(scanning: Bytes([0x0A, 0x01, 0xFF])) == nil)
        #expect(ModelInferRequest(scanning: Bytes([0x0A, 0x02, 0x61])) == nil)
        #expect(
            ModelInferRequest(scanning: Bytes([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])) == nil)
        #expect(ModelInferRequest(scanning: Bytes([0x0A] + Array(repeating: 0x80, count: 12))) == nil)
    }

    /// What is scanned from bytes that were cut or changed must be what protobuf-c decodes from them.
    @Test("whatever is scanned from damaged bytes, protobuf-c decodes to the same", arguments: requests)
    func damaged(_ request: ModelInferRequest) throws {
        let bytes = request.encoded().array
        var random = SeededGenerator(seed: 0x5CA4)
        var scannedCount = 0
        var damaged = (0...bytes.count).map { Array(bytes[0..<$0]) }
        for _ in 0..<3000 where !bytes.isEmpty {
            var copy = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                copy[Int.random(in: copy.indices, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            damaged.append(copy)
        }
        for candidate in damaged {
            guard let scanned = ModelInferRequest(scanning: Bytes(candidate)) else { continue }
            scannedCount += 1
            #expect(try ModelInferRequest(decoding: Bytes(candidate)) == scanned, "from \(candidate)")
        }
        #expect(scannedCount > 0)
    }

    @Test("the model is found without the rest, when it comes first")
    func scansModel() throws {
        let request = ModelInferRequest(modelName: "identity", modelVersion: "3", id: "7")
        let (name, version) = try #require(ModelInferRequest.scanModel(of: request.encoded()))
        #expect((name, version) == ("identity", "3"))
        let newest = try #require(ModelInferRequest.scanModel(of: ModelInferRequest(modelName: "m").encoded()))
        #expect(newest == ("m", ""))
        #expect(ModelInferRequest.scanModel(of: ModelInferRequest(id: "7").encoded()) == nil)
    }
}
