package import Vocabulary

/// Writes protobuf messages field by field, for tests that need files no tool would make.
package struct ProtobufMessage {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package func varint(_ number: Int, _ value: Int64) -> ProtobufMessage {
        appending(tag(number, 0) + Self.varint(UInt64(bitPattern: value)))
    }

    package func bytes(_ number: Int, _ value: [UInt8]) -> ProtobufMessage {
        appending(tag(number, 2) + Self.varint(UInt64(value.count)) + value)
    }

    package func text(_ number: Int, _ value: String) -> ProtobufMessage { bytes(number, Array(value.utf8)) }

    package func message(_ number: Int, _ value: ProtobufMessage) -> ProtobufMessage { bytes(number, value.bytes) }

    /// A 32-bit float.
    package func float(_ number: Int, _ value: Float) -> ProtobufMessage {
        appending(tag(number, 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    }

    package static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func tag(_ number: Int, _ wireType: UInt64) -> [UInt8] { Self.varint(UInt64(number) << 3 | wireType) }

    private func appending(_ more: [UInt8]) -> ProtobufMessage {
        var message = self
        message.bytes += more
        return message
    }
}

/// The messages of onnx.proto that tests write.
package enum ONNXWriting {
    package static func model(graph: ProtobufMessage, opset: Int64 = 17) -> Bytes {
        let imported = ProtobufMessage().text(1, "").varint(2, opset)
        return Bytes(ProtobufMessage().varint(1, 8).text(2, "test").message(8, imported).message(7, graph).bytes)
    }

    /// A node; `attributes` are `AttributeProto` messages.
    package static func node(
        _ operatorType: String, _ inputs: [String], _ outputs: [String], name: String = "",
        attributes: [ProtobufMessage] = []
    ) -> ProtobufMessage {
        var node = ProtobufMessage()
        for input in inputs { node = node.text(1, input) }
        for output in outputs { node = node.text(2, output) }
        node = node.text(3, name).text(4, operatorType)
        for attribute in attributes { node = node.message(5, attribute) }
        return node
    }

    package static func ints(_ name: String, _ values: [Int64]) -> ProtobufMessage {
        values.reduce(ProtobufMessage().text(1, name).varint(20, 7)) { $0.varint(8, $1) }
    }

    package static func int(_ name: String, _ value: Int64) -> ProtobufMessage {
        ProtobufMessage().text(1, name).varint(3, value).varint(20, 2)
    }

    /// A float32 tensor with raw data.
    package static func tensor(_ name: String, _ shape: [Int64], _ values: [Float]) -> ProtobufMessage {
        tensor(name, shape, type: 1, raw: values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
    }

    package static func tensor(_ name: String, _ shape: [Int64], type: Int64, raw: [UInt8]) -> ProtobufMessage {
        shape.reduce(ProtobufMessage()) { $0.varint(1, $1) }.varint(2, type).text(8, name).bytes(9, raw)
    }

    /// A declared float32 input or output; negative extents are symbolic.
    package static func value(_ name: String, _ shape: [Int64]) -> ProtobufMessage {
        let dimensions = shape.reduce(ProtobufMessage()) { message, extent in
            let dimension = extent < 0 ? ProtobufMessage().text(2, "n") : ProtobufMessage().varint(1, extent)
            return message.message(1, dimension)
        }
        return ProtobufMessage().text(1, name)
            .message(2, ProtobufMessage().message(1, ProtobufMessage().varint(1, 1).message(2, dimensions)))
    }

    package static func graph(
        nodes: [ProtobufMessage], initializers: [ProtobufMessage] = [], inputs: [ProtobufMessage],
        outputs: [ProtobufMessage]
    ) -> ProtobufMessage {
        var graph = ProtobufMessage().text(2, "g")
        for node in nodes { graph = graph.message(1, node) }
        for tensor in initializers { graph = graph.message(5, tensor) }
        for input in inputs { graph = graph.message(11, input) }
        for output in outputs { graph = graph.message(12, output) }
        return graph
    }
}
