package import Vocabulary

/// The short way out of a `ModelInferResponse`: the bytes are written from the value, without protobuf-c between.
extension ModelInferResponse {
    /// The bytes that `encoded()` makes, for a response whose contents are all raw and that has no parameters; nil for
    /// any other.
    package func encodedDirectly() -> Bytes? {
        guard parameters.isEmpty, outputs.allSatisfy({ $0.parameters.isEmpty && $0.contents == nil }) else {
            return nil
        }
        return Bytes(byteCount: directByteCount) { destination in
            var writer = WireWriter(destination)
            write(to: &writer)
            precondition(
                writer.position == destination.count, "wrote \(writer.position) of \(destination.count) bytes")
        }
    }

    private var directByteCount: Int {
        var count =
            WireWriter.byteCount(of: modelName) + WireWriter.byteCount(of: modelVersion) + WireWriter.byteCount(of: id)
        for output in outputs { count += WireWriter.byteCount(ofContent: output.directByteCount) }
        for content in rawOutputContents { count += WireWriter.byteCount(ofContent: content.count) }
        return count
    }

    private func write(to writer: inout WireWriter) {
        writer.text(1, modelName)
        writer.text(2, modelVersion)
        writer.text(3, id)
        for output in outputs {
            writer.byte(WireTag.lengthPrefixed(5))
            writer.varint(UInt64(output.directByteCount))
            output.write(to: &writer)
        }
        for content in rawOutputContents {
            writer.byte(WireTag.lengthPrefixed(6))
            writer.varint(UInt64(content.count))
            content.withUnsafeBytes { writer.content($0) }
        }
    }
}

extension ModelInferResponse.InferOutputTensor {
    fileprivate var directByteCount: Int {
        let shapeByteCount = shapeByteCount
        return WireWriter.byteCount(of: name) + WireWriter.byteCount(of: datatype)
            + (shapeByteCount == 0 ? 0 : WireWriter.byteCount(ofContent: shapeByteCount))
    }

    /// The bytes of the packed extents.
    private var shapeByteCount: Int {
        var count = 0
        for extent in shape { count += WireWriter.byteCount(UInt64(bitPattern: extent)) }
        return count
    }

    fileprivate func write(to writer: inout WireWriter) {
        writer.text(1, name)
        writer.text(2, datatype)
        guard !shape.isEmpty else { return }
        writer.byte(WireTag.lengthPrefixed(3))
        writer.varint(UInt64(shapeByteCount))
        for extent in shape { writer.varint(UInt64(bitPattern: extent)) }
    }
}
