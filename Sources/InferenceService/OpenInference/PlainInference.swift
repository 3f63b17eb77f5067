import Compute
import Messages
import Models
import Routing
import Vocabulary

/// A `ModelInferRequest` of the form that clients write, read in one pass over its bytes.
///
/// Plain means: the model comes first, all contents are raw, there are no parameters and few tensors, and nothing is
/// wrong. Whatever else there is in the bytes is not read this way but by protobuf-c, which is also who says what is
/// wrong with them; of every request that both read, both make the same.
///
/// Why: for a model that answers at once, unpacking into an arena and making values from what is there costs more than
/// all the rest of the call.
///
/// - Source: protobuf.dev/programming-guides/encoding; Open Inference Protocol, "Inference".
struct PlainInference {
    /// Tensors and requested outputs that are read this way.
    static let tensorCountMax = 16
    /// Extents of one tensor.
    static let extentCountMax = 16

    let selector: ModelSelector
    private let bytes: Bytes
    /// Where the rest begins, behind the model.
    private let restStart: Int

    /// Reads the model; nil unless it comes first and may exist.
    init?(_ bytes: Bytes) {
        let model = bytes.withUnsafeBytes { source -> (name: String, version: String, end: Int)? in
            var cursor = WireCursor(source, in: 0..<source.count)
            guard cursor.tag() == WireTag.lengthPrefixed(1), let name = cursor.text() else { return nil }
            var end = cursor.position
            guard cursor.tag() == WireTag.lengthPrefixed(2) else { return (name, "", end) }
            guard let version = cursor.text() else { return nil }
            end = cursor.position
            return (name, version, end)
        }
        guard let model, let selector = try? ModelSelector(name: model.name, version: model.version) else { return nil }
        self.selector = selector
        self.bytes = bytes
        restStart = model.end
    }

    /// What is asked of the model, and the caller's `id`; both share the storage of the request's bytes.
    func input() -> (input: InferenceInput, id: Bytes)? {
        bytes.withUnsafeBytes { source in
            guard let parts = parts(source) else { return nil }
            var tensors: [NamedTensor] = []
            tensors.reserveCapacity(parts.inputCount)
            var inputs = WireCursor(source, in: restStart..<source.count)
            var contents = inputs
            for _ in 0..<parts.inputCount {
                guard let input = inputs.next(WireTag.lengthPrefixed(5)),
                    let content = contents.next(WireTag.lengthPrefixed(7)),
                    let tensor = Self.tensor(source, input, content.isEmpty ? Bytes() : bytes[content]),
                    !tensors.contains(where: { $0.name == tensor.name })
                else { return nil }
                tensors.append(tensor)
            }
            return (InferenceInput(tensors: tensors, requestedOutputs: parts.outputs), parts.id)
        }
    }

    /// What a first look at the fields finds; nil when there is one that is not plain.
    private func parts(_ source: UnsafeRawBufferPointer) -> (inputCount: Int, outputs: [String], id: Bytes)? {
        var cursor = WireCursor(source, in: restStart..<source.count)
        var (inputCount, contentCount) = (0, 0)
        var outputs: [String] = []
        var id = Bytes()
        while !cursor.isAtEnd {
            guard let tag = cursor.tag(), let range = cursor.content() else { return nil }
            switch tag {
            case WireTag.lengthPrefixed(3):
                guard id.isEmpty, Self.isText(source, range) else { return nil }
                id = range.isEmpty ? Bytes() : bytes[range]
            case WireTag.lengthPrefixed(5): inputCount += 1
            case WireTag.lengthPrefixed(6):
                guard outputs.count < Self.tensorCountMax, let name = Self.output(source, range),
                    !outputs.contains(name)
                else { return nil }
                outputs.append(name)
            case WireTag.lengthPrefixed(7): contentCount += 1
            default: return nil
            }
        }
        guard inputCount == contentCount, (1...Self.tensorCountMax).contains(inputCount) else { return nil }
        return (inputCount, outputs, id)
    }

    private static func isText(_ source: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: source[range])
        return bytes.isASCII || String(utf8: bytes) != nil
    }

    /// The name of an `InferRequestedOutputTensor` that has nothing but a name.
    private static func output(_ source: UnsafeRawBufferPointer, _ range: Range<Int>) -> String? {
        var cursor = WireCursor(source, in: range)
        guard cursor.tag() == WireTag.lengthPrefixed(1), let name = cursor.text(), cursor.isAtEnd else { return nil }
        return name
    }

    /// An `InferInputTensor` that has name, datatype and shape, each at most once and in this order.
    private static func tensor(
        _ source: UnsafeRawBufferPointer, _ range: Range<Int>, _ content: Bytes
    ) -> NamedTensor? {
        var cursor = WireCursor(source, in: range)
        guard cursor.tag() == WireTag.lengthPrefixed(1), let name = cursor.text(),
            cursor.tag() == WireTag.lengthPrefixed(2), let typeRange = cursor.content(),
            let type = DataType(wireName: UnsafeRawBufferPointer(rebasing: source[typeRange]))
        else { return nil }
        var shape: [Int] = []
        if !cursor.isAtEnd {
            guard cursor.tag() == WireTag.lengthPrefixed(3), let extents = cursor.content(), cursor.isAtEnd,
                extents.count <= extentCountMax
            else { return nil }
            cursor = WireCursor(source, in: extents)
            // An extent takes a byte at least, so this is room for all of them.
            shape.reserveCapacity(extents.count)
            while !cursor.isAtEnd {
                guard let extent = cursor.varint() else { return nil }
                shape.append(Int(Int64(bitPattern: extent)))
            }
        }
        guard let tensor = try? Tensor(type, shape: shape, data: content) else { return nil }
        return NamedTensor(name, tensor)
    }
}

extension WireCursor {
    /// The place of the next length-prefixed value behind `tag`, passing over others.
    fileprivate mutating func next(_ tag: UInt8) -> Range<Int>? {
        while let found = self.tag(), let range = content() {
            if found == tag { return range }
        }
        return nil
    }
}
