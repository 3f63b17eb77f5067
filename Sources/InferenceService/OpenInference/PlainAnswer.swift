import Compute
import Engine
import Messages
import Models
import Vocabulary

extension InferenceAnswer {
    /// The bytes of the `ModelInferResponse` with this answer, all contents raw, and with the caller's `id`.
    ///
    /// As `ModelInferResponse.encoded()` makes them, but written without a message between.
    func encoded(id: Bytes) -> Bytes {
        let version = version.description
        var byteCount =
            WireWriter.byteCount(of: name.name) + WireWriter.byteCount(of: version)
            + (id.isEmpty ? 0 : WireWriter.byteCount(ofContent: id.count))
        for tensor in output.tensors {
            byteCount += WireWriter.byteCount(ofContent: tensor.wireByteCount)
            byteCount += WireWriter.byteCount(ofContent: tensor.tensor.data.count)
        }
        return Bytes(byteCount: byteCount) { destination in
            var writer = WireWriter(destination)
            writer.text(1, name.name)
            writer.text(2, version)
            if !id.isEmpty { writer.field(3, id) }
            for tensor in output.tensors { tensor.write(to: &writer) }
            for tensor in output.tensors { writer.field(6, tensor.tensor.data) }
            precondition(writer.position == byteCount, "wrote \(writer.position) of \(byteCount) bytes")
        }
    }
}

extension NamedTensor {
    /// The bytes of this as an `InferOutputTensor`.
    fileprivate var wireByteCount: Int {
        let shapeByteCount = shapeByteCount
        return WireWriter.byteCount(of: name) + WireWriter.byteCount(of: tensor.dataType.wireName)
            + (shapeByteCount == 0 ? 0 : WireWriter.byteCount(ofContent: shapeByteCount))
    }

    /// The bytes of the packed extents.
    private var shapeByteCount: Int {
        var count = 0
        for extent in tensor.shape { count += WireWriter.byteCount(UInt64(extent)) }
        return count
    }

    /// Writes this as field 5 of the response.
    fileprivate func write(to writer: inout WireWriter) {
        writer.byte(WireTag.lengthPrefixed(5))
        writer.varint(UInt64(wireByteCount))
        writer.text(1, name)
        writer.text(2, tensor.dataType.wireName)
        guard !tensor.shape.isEmpty else { return }
        writer.byte(WireTag.lengthPrefixed(3))
        writer.varint(UInt64(shapeByteCount))
        for extent in tensor.shape { writer.varint(UInt64(extent)) }
    }
}

extension WireWriter {
    /// A field of bytes, empty or not.
    fileprivate mutating func field(_ number: UInt8, _ content: Bytes) {
        byte(WireTag.lengthPrefixed(number))
        varint(UInt64(content.count))
        content.withUnsafeBytes { self.content($0) }
    }
}
