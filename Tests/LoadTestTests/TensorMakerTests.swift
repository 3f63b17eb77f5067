import ApusClient
import Testing

@testable import LoadTest

@Suite("TensorMaker")
struct TensorMakerTests {
    private func model(_ inputs: [TensorInformation]) -> ModelInformation {
        ModelInformation(name: "m", versions: ["1"], platform: "p", inputs: inputs, outputs: [], properties: [:])
    }

    @Test(
        "a tensor has the bytes its type and shape ask for, open extents being 1",
        arguments: [
            ("FP32", [-1, 1, 28, 28], 3136), ("INT64", [-1], 8), ("UINT8", [2, -1], 2), ("FP16", [3], 6),
            ("BOOL", [], 1), ("BYTES", [2], 40), ("FP64", [0, 5], 0),
        ])
    func sizes(dataType: String, shape: [Int], byteCount: Int) throws {
        var maker = TensorMaker(seed: 1)
        let inputs = try maker.inputs(of: model([TensorInformation(name: "x", dataType: dataType, shape: shape)]))
        #expect(inputs.count == 1 && inputs[0].name == "x")
        #expect(inputs[0].tensor.contents.count == byteCount)
        #expect(inputs[0].tensor.shape == shape.map { $0 < 0 ? 1 : $0 })
    }

    @Test("a model that takes anything gets a tensor, in the shape asked for")
    func anything() throws {
        var plain = TensorMaker(seed: 1)
        #expect(try plain.inputs(of: model([])).map(\.tensor.shape) == [[1, 16]])
        var shaped = TensorMaker(seed: 1, shapes: ["a": [2, 3]])
        let inputs = try shaped.inputs(of: model([]))
        #expect(inputs.map(\.name) == ["a"])
        #expect(inputs[0].tensor.floats?.count == 6)
    }

    @Test("pixels are those of one picture, without the batch")
    func pixels() throws {
        var maker = TensorMaker(seed: 1)
        let tensor = try maker.pixels(for: TensorInformation(name: "image", dataType: "FP32", shape: [-1, 1, 28, 28]))
        #expect(tensor.shape == [1, 28, 28])
        #expect(tensor.floats?.allSatisfy { (0..<1).contains($0) } == true)
    }

    @Test("a shape that is too large and a type without values are refused by the input's name")
    func refusals() {
        for input in [
            TensorInformation(name: "huge", dataType: "FP32", shape: [1 << 40, 1 << 40]),
            TensorInformation(name: "huge", dataType: "FP32", shape: [1 << 30]),
            TensorInformation(name: "huge", dataType: "COMPLEX", shape: [1]),
        ] {
            var maker = TensorMaker(seed: 1)
            let error = #expect(throws: ApusError.self) { try maker.tensor(for: input) }
            #expect(error?.message.contains("'huge'") == true)
        }
    }
}
