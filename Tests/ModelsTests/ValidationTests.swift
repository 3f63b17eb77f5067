import Compute
import Testing
import Vocabulary

@testable import Models

@Suite("ModelDescription: checks of a request")
struct ValidationTests {
    private let model = ModelDescription(
        name: ModelName("m")!, version: ModelVersion(1)!, modality: .vision, platform: "apus_onnx",
        inputs: [
            TensorDescription("image", .float32, shape: [-1, 2]), TensorDescription("scale", .int64, shape: [-1]),
        ],
        outputs: [TensorDescription("scores", .float32, shape: [-1, 3])], batchSizeMax: 4)

    @Test("a request that fits is counted by its first extent")
    func fits() throws {
        #expect(try model.checkedSampleCount(of: input([image(3), scale(3)])) == 3)
    }

    @Test("an extent that is declared as any may be anything")
    func anyExtent() {
        let description = TensorDescription("x", .float32, shape: [-1, 3])
        #expect(description.accepts(shape: [0, 3]))
        #expect(!description.accepts(shape: [1, 4]))
        #expect(!description.accepts(shape: [3]))
    }

    @Test(
        "what is wrong is named, with what was expected and what came",
        arguments: [
            (Wrong.missing, "expected 2 inputs but got 1 inputs for model 'm'. Missing 'scale' (INT64 [-1])"),
            (.unknown, "unexpected inference input 'color' for model 'm', it takes 'image', 'scale'"),
            (.twice, "input 'scale' already exists in request for model 'm'"),
            (.type, "inference input 'scale' data-type is 'FP32', but model 'm' expects 'INT64'"),
            (.shape, "unexpected shape for input 'image' for model 'm'. Expected [-1,2], got [1,3]"),
            (.batch, "input 'scale' has batch size 2, but another input of the request has 1 for model 'm'"),
            (.tooMany, "inference request batch-size must be <= 4 for 'm', got 5"),
            (.none, "inference request batch-size must be >= 1 for 'm', got 0"),
        ])
    func wrong(_ wrong: Wrong, message: String) throws {
        let tensors: [NamedTensor] =
            switch wrong {
            case .missing: try [image(1)]
            case .unknown: try [image(1), NamedTensor("color", Tensor([Float(0)], shape: [1])), scale(1)]
            case .twice: try [image(1), scale(1), scale(1)]
            case .type: try [image(1), NamedTensor("scale", Tensor([Float(0)], shape: [1]))]
            case .shape: try [NamedTensor("image", Tensor([Float](repeating: 0, count: 3), shape: [1, 3])), scale(1)]
            case .batch: try [image(1), scale(2)]
            case .tooMany: try [image(5), scale(5)]
            case .none: try [image(0), scale(0)]
            }
        let error = #expect(throws: ServingError.self) { try model.checkedSampleCount(of: input(tensors)) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == message)
    }

    enum Wrong: Sendable { case missing, unknown, twice, type, shape, batch, tooMany, none }

    @Test("an output that the model does not give is named")
    func unknownOutput() throws {
        let error = #expect(throws: ServingError.self) {
            try model.checkRequestedOutputs(of: InferenceInput(tensors: [], requestedOutputs: ["scores", "logits"]))
        }
        #expect(error?.message == "unexpected inference output 'logits' for model 'm', it has 'scores'")
    }

    @Test("requests share a batch exactly when names, types and extents per sample agree")
    func batchKeys() throws {
        let one = try BatchKey(sampleShapesOf: input([image(1), scale(1)]))
        #expect(try one == BatchKey(sampleShapesOf: input([image(4), scale(4)])))
        #expect(try one != BatchKey(sampleShapesOf: input([image(1)])))
        #expect(
            try one
                != BatchKey(
                    sampleShapesOf: input([NamedTensor("image", Tensor([Float(0)], shape: [1, 1])), scale(1)])))
    }

    private func input(_ tensors: [NamedTensor]) -> InferenceInput { InferenceInput(tensors: tensors) }

    private func image(_ count: Int) throws -> NamedTensor {
        try NamedTensor("image", Tensor([Float](repeating: 0, count: count * 2), shape: [count, 2]))
    }

    private func scale(_ count: Int) throws -> NamedTensor {
        try NamedTensor("scale", Tensor([Int64](repeating: 1, count: count), shape: [count]))
    }
}
