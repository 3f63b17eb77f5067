import Compute
import ModelFiles
import Models
import TestSupport
import Testing
import Vocabulary

@testable import VisionModels

@Suite("ONNXExecutor")
struct ONNXExecutorTests {
    private typealias W = ONNXWriting

    private func executor(
        _ nodes: [ProtobufMessage], initializers: [ProtobufMessage] = [],
        inputs: [ProtobufMessage] = [W.value("x", [-1, 4])],
        outputs: [String] = ["y"], inputShapes: [String: [Int]] = [:], opset: Int64 = 17, byteCountMax: Int = 1 << 30
    ) throws -> ONNXExecutor {
        let graph = W.graph(
            nodes: nodes, initializers: initializers, inputs: inputs, outputs: outputs.map { W.value($0, [-1]) })
        let model = try ONNXModel(file: W.model(graph: graph, opset: opset), fileName: "m.onnx")
        return try ONNXExecutor(model, inputShapes: inputShapes, byteCountMax: byteCountMax)
    }

    private func failure(_ body: () throws -> ONNXExecutor) -> String? {
        #expect(throws: ONNXGraphError.self) { try body() }?.description
    }

    @Test("nodes run in the order of their inputs, whatever the file's order")
    func order() throws {
        let executor = try executor([W.node("Neg", ["a"], ["y"]), W.node("Relu", ["x"], ["a"])])
        let output = try executor.outputs(for: [Tensor([-1, 2, -3, 4] as [Float], shape: [1, 4])])
        #expect(output[0].array(of: Float.self) == [0, -2, 0, -4])
        #expect(executor.takesSamples)
    }

    @Test("shape arithmetic of exporters is folded away")
    func folding() throws {
        // x [n, 4] becomes [n, 2, 2] by a shape computed from its own: what PyTorch writes for a view.
        let two = ProtobufMessage().text(1, "value_ints").varint(8, 2).varint(8, 2).varint(20, 7)
        let zero = ProtobufMessage().text(1, "value_int").varint(3, 0).varint(20, 2)
        let axes = ProtobufMessage().text(1, "value_ints").varint(8, 0).varint(20, 7)
        let executor = try executor([
            W.node("Shape", ["x"], ["shape"]), W.node("Constant", [], ["zero"], attributes: [zero]),
            W.node("Gather", ["shape", "zero"], ["n"]), W.node("Constant", [], ["axes"], attributes: [axes]),
            W.node("Unsqueeze", ["n", "axes"], ["n1"]), W.node("Constant", [], ["two"], attributes: [two]),
            W.node("Concat", ["n1", "two"], ["wanted"], attributes: [W.int("axis", 0)]),
            W.node("Reshape", ["x", "wanted"], ["r"]),
            W.node("Transpose", ["r"], ["y"], attributes: [W.ints("perm", [0, 2, 1])]),
        ])
        let output = try executor.outputs(for: [Tensor([1, 2, 3, 4] as [Float], shape: [1, 4])])
        #expect(output[0].shape == [1, 2, 2] && output[0].array(of: Float.self) == [1, 3, 2, 4])
    }

    @Test("outputs may be inputs, constants and aliases of each other")
    func trivialOutputs() throws {
        let executor = try executor(
            [
                W.node("Identity", ["x"], ["same"]), W.node("Flatten", ["x"], ["flat"]),
                W.node("Identity", ["c"], ["constant"]),
            ],
            initializers: [W.tensor("c", [1, 2], [5, 6])], outputs: ["x", "same", "flat", "constant"])
        let outputs = try executor.outputs(for: [Tensor([1, 2, 3, 4] as [Float], shape: [1, 4])])
        #expect(outputs.map { $0.array(of: Float.self) } == [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [5, 6]])
    }

    @Test("a convolution with its batch normalisation and clip folded in equals the three apart")
    func fusion() throws {
        var random = SeededGenerator(seed: 5)
        func values(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
            (0..<count).map { _ in Float.random(in: range, using: &random) }
        }
        let initializers = [
            W.tensor("w", [6, 3, 3, 3], values(162)), W.tensor("b", [6], values(6)), W.tensor("scale", [6], values(6)),
            W.tensor("shift", [6], values(6)), W.tensor("mean", [6], values(6)),
            W.tensor("var", [6], values(6, 0.5...2)),
            W.tensor("low", [], [-0.5]), W.tensor("high", [], [0.75]),
        ]
        let nodes = [
            W.node(
                "Conv", ["x", "w", "b"], ["c"], attributes: [W.ints("pads", [1, 0, 1, 2]), W.ints("strides", [2, 1])]),
            W.node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["n"]),
            W.node("Clip", ["n", "low", "high"], ["y"]),
        ]
        let input = try Tensor(values(3 * 9 * 40), shape: [1, 3, 9, 40])
        let declared = [W.value("x", [-1, 3, 9, 40])]
        let fused = try executor(nodes, initializers: initializers, inputs: declared).outputs(for: [input])
        // As an output, a value in between must stay.
        let apart = try executor(nodes, initializers: initializers, inputs: declared, outputs: ["y", "c", "n"])
            .outputs(for: [input])
        #expect(difference(fused[0], apart[0], relative: 1e-5, absolute: 1e-5) == nil)
        #expect(Set(fused[0].array(of: Float.self)).isSuperset(of: [-0.5, 0.75]))
    }

    /// Goal: unrolling and tiling change nothing; method: shapes on and beside the block and tile sizes against a sum
    /// over all taps, written out.
    @Test(
        "a convolution equals its definition",
        arguments: [
            // channels, filters, groups, height, width, kernel, stride, dilation, pad
            (1, 1, 1, 5, 5, 3, 1, 1, 0), (3, 17, 1, 13, 31, 3, 2, 1, 1), (8, 8, 8, 9, 33, 3, 1, 1, 1),
            (4, 8, 4, 7, 7, 3, 2, 1, 2), (16, 5, 1, 16, 16, 1, 1, 1, 0), (6, 6, 3, 12, 20, 3, 1, 2, 2),
            (2, 3, 1, 40, 40, 5, 3, 1, 4), (1, 4, 1, 1, 1, 1, 1, 1, 0), (64, 70, 1, 11, 11, 3, 1, 1, 1),
        ])
    func convolution(
        _ channels: Int, _ filters: Int, _ groups: Int, _ height: Int, _ width: Int, _ kernel: Int, _ stride: Int,
        _ dilation: Int, _ pad: Int
    ) throws {
        var random = SeededGenerator(seed: UInt64(channels * 1000 + width))
        let perGroup = channels / groups
        let x = (0..<channels * height * width).map { _ in Float.random(in: -1...1, using: &random) }
        let w = (0..<filters * perGroup * kernel * kernel).map { _ in Float.random(in: -1...1, using: &random) }
        let node = W.node(
            "Conv", ["x", "w"], ["y"],
            attributes: [
                W.int("group", Int64(groups)), W.ints("strides", [Int64(stride), Int64(stride)]),
                W.ints("dilations", [Int64(dilation), Int64(dilation)]),
                W.ints("pads", Array(repeating: Int64(pad), count: 4)),
            ])
        let k = Int64(kernel)
        let executor = try executor(
            [node], initializers: [W.tensor("w", [Int64(filters), Int64(perGroup), k, k], w)],
            inputs: [W.value("x", [-1, Int64(channels), Int64(height), Int64(width)])])
        let input = try Tensor(x, shape: [1, channels, height, width])
        let output = try executor.outputs(for: [input])[0]
        let (rows, columns) = (output.shape[2], output.shape[3])
        #expect(rows == (height + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1)
        let actual = output.array(of: Float.self)
        for filter in 0..<filters {
            let group = filter / (filters / groups)
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = 0.0
                    for channel in 0..<perGroup {
                        for tapY in 0..<kernel {
                            for tapX in 0..<kernel {
                                let (y, x0) = (
                                    row * stride - pad + tapY * dilation, column * stride - pad + tapX * dilation
                                )
                                guard (0..<height).contains(y), (0..<width).contains(x0) else { continue }
                                let pixel = x[((group * perGroup + channel) * height + y) * width + x0]
                                sum += Double(
                                    pixel * w[((filter * perGroup + channel) * kernel + tapY) * kernel + tapX])
                            }
                        }
                    }
                    let value = Double(actual[(filter * rows + row) * columns + column])
                    try #require(abs(value - sum) < 1e-4, "filter \(filter), row \(row), column \(column)")
                }
            }
        }
        let several = try executor.outputs(for: [input], on: ComputeGang(threadCount: 3))
        #expect(several[0].data == output.data, "the bits depend on the number of threads")
    }

    // MARK: Hostile graphs

    @Test("what is wrong with a graph is said with file and node")
    func errors() {
        #expect(
            failure {
                try executor(
                    [W.node("Relu", ["b"], ["a"], name: "r1"), W.node("Relu", ["a"], ["b"], name: "r2")], outputs: ["a"]
                )
            }
                == "m.onnx: nodes wait for each other: r1, r2")
        #expect(
            failure { try executor([W.node("Relu", ["nothing"], ["y"], name: "r")]) }
                == "m.onnx: 'r' reads 'nothing', which nothing defines")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["z"])]) }
                == "m.onnx: 'the graph's output' reads 'y', which nothing defines")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"]), W.node("Neg", ["x"], ["y"])]) }
                == "m.onnx: value 'y' is defined twice")
        #expect(
            failure { try executor([W.node("Magic", ["x"], ["y"], name: "m")]) }
                == "m.onnx: node 'm' (Magic): operator Magic is not supported")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"], name: "r", attributes: [W.int("gain", 2)])]) }
                == "m.onnx: node 'r' (Relu): attribute 'gain' is not supported")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"])], inputs: [W.value("x", [-1, -1])]) }
                == "m.onnx: dimension 1 of input 'x' is not fixed; say its size in the model's configuration")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"])], inputShapes: ["x": [1, 5]]) }
                == "m.onnx: input 'x' is declared as [-1, 4], which [1, 5] does not fit")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"], name: "r")], opset: 99) }
                == "m.onnx: node 'r' (Relu): operator set version 99 is not supported")
        #expect(
            failure { try executor([W.node("Relu", ["x"], ["y"])], byteCountMax: 16) }
                == "m.onnx: the graph needs 128 bytes for its values, at most 16 are given")
    }

    @Test(
        "contradicting shapes are refused when the graph is loaded",
        arguments: [
            W.node("MatMul", ["x", "w"], ["y"]), W.node("Gemm", ["x", "w"], ["y"]), W.node("Add", ["x", "w"], ["y"]),
            W.node("Concat", ["x", "w"], ["y"], attributes: [W.int("axis", 0)]),
            W.node("Concat", ["x"], ["y"], attributes: [W.int("axis", 9)]), W.node("Conv", ["x", "w"], ["y"]),
            W.node("Transpose", ["x"], ["y"], attributes: [W.ints("perm", [0, 0])]),
            W.node("Softmax", ["x"], ["y"], attributes: [W.int("axis", .min)]),
            W.node("Flatten", ["x"], ["y"], attributes: [W.int("axis", 3)]), W.node("Reshape", ["x", "shape"], ["y"]),
            W.node("Expand", ["x", "shape"], ["y"]), W.node("Slice", ["x", "shape", "shape"], ["y"]),
            W.node("Split", ["x"], ["y", "z"], attributes: [W.ints("split", [3, 3])]), W.node("MaxPool", ["x"], ["y"]),
            W.node("Squeeze", ["x", "axis"], ["y"]), W.node("Unsqueeze", ["x", "shape"], ["y"]),
            W.node("Relu", [], ["y"]),
            W.node("Add", ["x"], ["y"]), W.node("Clip", ["x", "w"], ["y"]), W.node("Gather", ["x", "shape"], ["y"]),
            W.node("Cast", ["x"], ["y"], attributes: [W.int("to", 99)]), W.node("ConstantOfShape", ["huge"], ["y"]),
            W.node("Pad", ["x", "huge"], ["y"]), W.node("BatchNormalization", ["x", "w", "w", "w", "w"], ["y"]),
        ])
    func contradictions(_ node: ProtobufMessage) {
        func int64s(_ name: String, _ values: [Int64]) -> ProtobufMessage {
            W.tensor(
                name, [Int64(values.count)], type: 7,
                raw: values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
        }
        let initializers = [
            W.tensor("w", [3, 2], [1, 2, 3, 4, 5, 6]), int64s("shape", [7, 100, -3]), int64s("axis", [1]),
            int64s("huge", [1 << 40, 1 << 40, 0, .min]),
        ]
        #expect(throws: ONNXGraphError.self) { try executor([node], initializers: initializers) }
    }

    /// Goal: no file traps; method: random bytes in a real graph; any error, and any executor, will do.
    @Test("a damaged model file gives an error or runs")
    func mutation() throws {
        var random = SeededGenerator(seed: 11)
        let graph = W.graph(
            nodes: [
                W.node(
                    "Conv", ["x", "w"], ["c"], attributes: [W.ints("pads", [1, 1, 1, 1]), W.ints("strides", [2, 2])]),
                W.node("MaxPool", ["c"], ["p"], attributes: [W.ints("kernel_shape", [2, 2]), W.int("ceil_mode", 1)]),
                W.node("Flatten", ["p"], ["f"]), W.node("Softmax", ["f"], ["y"], attributes: [W.int("axis", 1)]),
            ],
            initializers: [W.tensor("w", [2, 1, 3, 3], (0..<18).map { Float($0) })],
            inputs: [W.value("x", [-1, 1, 9, 9])], outputs: [W.value("y", [-1, 18])])
        let file = W.model(graph: graph).array
        var ranCount = 0
        for _ in 0..<3000 {
            var bytes = file
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let model = try? ONNXModel(file: Bytes(bytes), fileName: "m"),
                let executor = try? ONNXExecutor(model, byteCountMax: 1 << 24)
            else { continue }
            _ = try executor.outputs(for: executor.inputs.map { try zeros($0) })
            ranCount += 1
        }
        #expect(ranCount > 100)
    }

    private func zeros(_ declared: TensorDescription) throws -> Tensor {
        let count = try Tensor.elementCount(of: declared.shape) * (declared.dataType.elementByteCount ?? 0)
        return try Tensor(declared.dataType, shape: declared.shape, data: Bytes([UInt8](repeating: 0, count: count)))
    }
}
