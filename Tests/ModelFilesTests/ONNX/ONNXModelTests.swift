import ModelFiles
import TestSupport
import Testing
import Vocabulary

@Suite("ONNXModel")
struct ONNXModelTests {
    private typealias W = ONNXWriting

    private static func convolution() -> Bytes {
        let graph = W.graph(
            nodes: [
                W.node(
                    "Conv", ["x", "w", ""], ["y"], name: "first",
                    attributes: [
                        W.ints("pads", [1, 1, 1, 1]), W.int("group", 1),
                        ProtobufMessage().text(1, "auto_pad").text(4, "NOTSET").varint(20, 3),
                        ProtobufMessage().text(1, "slope").float(2, 0.5).varint(20, 1),
                    ])
            ],
            initializers: [W.tensor("w", [1, 1, 1, 1], [2.5])],
            inputs: [W.value("x", [-1, 1, 4, 4])], outputs: [W.value("y", [-1, 1, 4, 4])])
        return W.model(graph: graph)
    }

    @Test("a file gives its graph, attributes, weights and declared shapes")
    func reading() throws {
        let model = try ONNXModel(file: Self.convolution(), fileName: "c.onnx")
        #expect(model.producer == "test" && model.irVersion == 8 && model.opsetVersions == ["": 17])
        let node = try #require(model.graph.nodes.first)
        #expect(node.operatorType == "Conv" && node.name == "first" && node.inputs == ["x", "w", ""])
        #expect(
            node.attributes == [
                "pads": .ints([1, 1, 1, 1]), "group": .int(1), "auto_pad": .string(Bytes(utf8: "NOTSET")),
                "slope": .float(0.5),
            ])
        let weight = try #require(model.graph.initializers["w"])
        #expect(weight.shape == [1, 1, 1, 1] && weight.data.array == [0, 0, 0x20, 0x40])
        #expect(model.graph.inputs[0].shape == [.symbolic("n"), .fixed(1), .fixed(4), .fixed(4)])
        #expect(model.graph.inputs[0].elementType == .float)
    }

    @Test(
        "typed fields give the same elements as raw data",
        arguments: [
            // Type, shape, message, expected bytes.
            (1, ProtobufMessage().bytes(4, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]), [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]),
            (1, ProtobufMessage().float(4, 1).float(4, 2), [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]),
            (7, ProtobufMessage().bytes(7, [1, 2]), [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
            (
                7, ProtobufMessage().varint(7, -1).varint(7, 2),
                [UInt8](repeating: 255, count: 8) + [2, 0, 0, 0, 0, 0, 0, 0]
            ),
            (3, ProtobufMessage().varint(5, -2).varint(5, 3), [254, 3]),
            (9, ProtobufMessage().bytes(5, [0, 1]), [0, 1]),
            (10, ProtobufMessage().bytes(5, ProtobufMessage.varint(0x3c00) + [0]), [0, 0x3c, 0, 0]),
        ] as [(Int64, ProtobufMessage, [UInt8])])
    func typedFields(_ type: Int64, _ fields: ProtobufMessage, _ expected: [UInt8]) throws {
        let file = ProtobufMessage().varint(1, 2).varint(2, type).bytes + fields.bytes
        let tensor = try ONNXTensor(file: Bytes(file), fileName: "t.pb")
        #expect(tensor.shape == [2] && tensor.data.array == expected)
    }

    @Test(
        "an error names file and field",
        arguments: [
            (W.tensor("w", [2, 2], [1]), "m.onnx: graph.initializer[0].'w': shape [2, 2] needs 16 bytes, got 4"),
            (
                W.tensor("w", [1 << 40, 1 << 40], []),
                "m.onnx: graph.initializer[0].'w': shape [1099511627776, 1099511627776] has too many elements"
            ),
            (W.tensor("w", [-1], []), "m.onnx: graph.initializer[0].'w': negative dimension -1"),
            (W.tensor("w", [1], type: 8, raw: []), "m.onnx: graph.initializer[0].'w': element type 8 is not supported"),
            (
                W.tensor("w", [1], [1]).varint(14, 1),
                "m.onnx: graph.initializer[0].'w': the data lies in another file; only models in one file are read"
            ),
            (ProtobufMessage().bytes(8, [0xff]), "m.onnx: graph.initializer[0].name: the text is not UTF-8"),
            (
                ProtobufMessage().text(2, "x"),
                "m.onnx: graph.initializer[0].data_type: the field has another type than ONNX declares"
            ),
        ] as [(ProtobufMessage, String)])
    func errors(_ tensor: ProtobufMessage, _ message: String) {
        let file = W.model(graph: W.graph(nodes: [], initializers: [tensor], inputs: [], outputs: []))
        let error = #expect(throws: ONNXError.self) { try ONNXModel(file: file, fileName: "m.onnx") }
        #expect(error?.description == message)
    }

    @Test("a model without a graph, with two, or with a name twice is refused")
    func structure() {
        let graph = W.graph(nodes: [], inputs: [], outputs: [])
        let twice = Bytes(ProtobufMessage().message(7, graph).message(7, graph).bytes)
        let tensor = W.tensor("w", [1], [1])
        let sameNames = W.model(graph: W.graph(nodes: [], initializers: [tensor, tensor], inputs: [], outputs: []))
        let noOperator = W.model(graph: W.graph(nodes: [ProtobufMessage().text(3, "n")], inputs: [], outputs: []))
        for (file, problem) in [
            (Bytes(), ONNXProblem.missingField("graph")), (twice, .repeatedField("graph")),
            (sameNames, .duplicateName("w")), (noOperator, .missingField("op_type")),
        ] {
            #expect(throws: ONNXError.self) { try ONNXModel(file: file, fileName: "m") }
            #expect(
                {
                    do throws(ONNXError) { _ = try ONNXModel(file: file, fileName: "m"); return nil } catch {
                        return error.problem
                    }
                }() == problem)
        }
    }

    @Test("a file cut off anywhere is an error or a smaller model, never a trap")
    func truncation() {
        let file = Self.convolution()
        // The graph is the last field, so every cut inside it must be noticed.
        let graphStart = file.count - 150
        for length in 0..<file.count {
            let result = Result { try ONNXModel(file: file[0..<length], fileName: "m") }
            if length > graphStart { #expect(throws: ONNXError.self) { try result.get() } }
        }
    }

    @Test("random changes never trap")
    func mutation() {
        var random = SeededGenerator(seed: 3)
        let file = Self.convolution()
        for _ in 0..<5000 {
            var bytes = file.array
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let model = try? ONNXModel(file: Bytes(bytes), fileName: "m") {
                #expect(model.graph.nodes.count <= bytes.count)
            }
        }
    }

    @Test("nesting and the number of fields are limited")
    func limits() throws {
        var limits = ONNXLimits()
        limits.fieldCountMax = 10
        #expect(throws: ONNXError.self) {
            try ONNXModel(file: Self.convolution(), fileName: "m", limits: limits)
        }
        limits = ONNXLimits()
        limits.depthMax = 2
        let error = #expect(throws: ONNXError.self) {
            try ONNXModel(file: Self.convolution(), fileName: "m", limits: limits)
        }
        #expect(error?.problem == .message(.tooDeep(maximum: 2)))
        let manyDimensions = W.tensor("w", Array(repeating: 1, count: 17), [1])
        #expect(throws: ONNXError.self) { try ONNXTensor(file: Bytes(manyDimensions.bytes), fileName: "t") }
    }

    @Test(
        "malformed varints and tags are refused",
        arguments: [
            ([UInt8](repeating: 0xff, count: 11), ProtobufProblem.malformedVarint), ([0x08], .truncated),
            ([0x00, 0x01], .malformedTag(0)), ([0x0b], .malformedTag(11)),
            ([0x3a, 0x05, 0x00], .lengthBeyondEnd(length: 5, available: 1)),
            ([0x0d, 0x00], .truncated),
        ])
    func malformed(_ bytes: [UInt8], _ problem: ProtobufProblem) {
        let error = #expect(throws: ONNXError.self) { try ONNXModel(file: Bytes(bytes), fileName: "m") }
        #expect(error?.problem == .message(problem))
    }
}
