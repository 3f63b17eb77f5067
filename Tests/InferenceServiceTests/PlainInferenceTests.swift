import Compute
import Messages
import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine
@testable import InferenceService

/// The short way through an inference against the long one by way of protobuf-c, which decides what is right.
@Suite struct PlainInferenceTests {
    private static let plain = ModelInferRequest(
        modelName: "identity", modelVersion: "1", id: "nul \0 and ünïcödé 🐦",
        inputs: [
            .init(name: "x", datatype: "UINT8", shape: [2, 1]), .init(name: "y", datatype: "FP32", shape: [0, 3]),
            .init(name: "z", datatype: "INT64", shape: []),
        ], outputs: [.init(name: "y"), .init(name: "x")],
        rawInputContents: [Bytes([1, 2]), Bytes(), Bytes([1, 2, 3, 4, 5, 6, 7, 8])])

    /// What the long way makes of the same bytes.
    private static func long(_ bytes: Bytes) throws -> (selector: ModelSelector, input: InferenceInput, id: String) {
        let request = try ModelInferRequest(decoding: bytes)
        return (
            try ModelSelector(name: request.modelName, version: request.modelVersion), try request.inferenceInput(),
            request.id
        )
    }

    private static func expectSame(_ bytes: Bytes) throws -> Bool {
        guard let request = PlainInference(bytes), let (input, id) = request.input() else { return false }
        let long = try long(bytes)
        #expect(request.selector == long.selector)
        #expect(input.tensors == long.input.tensors)
        #expect(input.requestedOutputs == long.input.requestedOutputs)
        #expect(id.utf8String == long.id)
        return true
    }

    @Test("a plain request is read as protobuf-c reads it")
    func reads() throws {
        #expect(try Self.expectSame(Self.plain.encoded()))
        var short = Self.plain
        short.modelVersion = ""
        short.id = ""
        short.outputs = []
        #expect(try Self.expectSame(short.encoded()))
    }

    @Test("a tensor of every type is read as protobuf-c reads it", arguments: Compute.DataType.allCases)
    func types(_ type: Compute.DataType) throws {
        let data = type == .bytes ? Bytes([1, 0, 0, 0, 7]) : Bytes(Array(repeating: 1, count: type.elementByteCount!))
        let request = ModelInferRequest(
            modelName: "identity", inputs: [.init(name: "x", datatype: type.wireName, shape: [1])],
            rawInputContents: [data])
        #expect(try Self.expectSame(request.encoded()))
    }

    @Test("what is not plain is left to protobuf-c")
    func leaves() {
        let parameter = ["k": InferParameter(parameterChoice: .boolParam(true))]
        let left: [(inout ModelInferRequest) -> Void] = [
            { $0.modelName = "" }, { $0.modelName = "no such/name" }, { $0.modelVersion = "first" },
            { $0.parameters = parameter }, { $0.inputs[0].parameters = parameter },
            { $0.outputs[0].parameters = parameter }, { $0.inputs[0].contents = InferTensorContents() },
            { $0.inputs[0].datatype = "FP33" }, { $0.inputs[0].shape = [3, 1] }, { $0.inputs[0].shape = [-1] },
            { $0.inputs[0].shape = [.max, .max] }, { $0.inputs[1].name = "x" }, { $0.outputs[1].name = "y" },
            { $0.rawInputContents.removeLast() }, { $0.inputs.removeLast() }, { $0.rawInputContents[0] = Bytes([1]) },
            { $0.inputs[0].shape = [2] + Array(repeating: 1, count: PlainInference.extentCountMax) },
            { $0.outputs = (0...PlainInference.tensorCountMax).map { .init(name: "\($0)") } },
            {
                $0.inputs = (0...PlainInference.tensorCountMax).map {
                    .init(name: "\($0)", datatype: "UINT8", shape: [1])
                }
                $0.rawInputContents = $0.inputs.map { _ in Bytes([1]) }
            },
        ]
        for (index, change) in left.enumerated() {
            var request = Self.plain
            change(&request)
            #expect(PlainInference(request.encoded())?.input() == nil, "change \(index)")
        }
    }

    @Test("an unknown field, a model behind other fields and a text that is no UTF-8 are left to protobuf-c")
    func leavesBytes() {
        let bytes = Self.plain.encoded().array
        #expect(PlainInference(Bytes(bytes + [0x78, 0]))?.input() == nil)
        #expect(PlainInference(Bytes([0x1A, 0x01, 0x37] + bytes)) == nil)
        #expect(PlainInference(Bytes(bytes + [0x1A, 0x01, 0xFF]))?.input() == nil)
        #expect(PlainInference(Bytes(bytes + [0x0A, 0x01, 0x61]))?.input() == nil)
        #expect(PlainInference(Bytes([0x0A, 0x01, 0xFF])) == nil)
    }

    @Test("whatever is read from damaged bytes, protobuf-c reads the same")
    func damaged() throws {
        let bytes = Self.plain.encoded().array
        var random = SeededGenerator(seed: 0x5CA4)
        var readCount = 0
        for length in 0...bytes.count where try Self.expectSame(Bytes(Array(bytes[..<length]))) { readCount += 1 }
        for _ in 0..<20_000 {
            var copy = bytes
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                copy[Int.random(in: copy.indices, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            if try Self.expectSame(Bytes(copy)) { readCount += 1 }
        }
        #expect(readCount > 100)
    }

    @Test("an answer is written as protobuf-c writes it", arguments: ["", "7", "nul \0 and ünïcödé 🐦"])
    func writes(id: String) throws {
        let long = String(repeating: "n", count: 200)
        let tensors = [
            NamedTensor("x", try Tensor(.uint8, shape: [2, 1], data: Bytes([1, 2]))),
            NamedTensor(long, try Tensor(.bool, shape: [0, 127, 128, 300, 70_000], data: Bytes())),
            NamedTensor("", try Tensor(.float32, shape: [], data: Bytes([1, 2, 3, 4]))),
            NamedTensor("z", try Tensor(.uint8, shape: [20_000], data: Bytes(Array(repeating: 9, count: 20_000)))),
        ]
        let answer = InferenceAnswer(
            output: InferenceOutput(tensors: tensors), usage: Usage(), name: ModelName("identity")!,
            version: ModelVersion(1)!)
        let message = ModelInferResponse(id: id, model: answer.name, version: answer.version, output: answer.output)
        #expect(answer.encoded(id: Bytes(utf8: id)) == message.encoded())
    }
}
