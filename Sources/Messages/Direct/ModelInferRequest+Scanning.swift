package import Vocabulary

/// The short way into a `ModelInferRequest`, for models that answer at once.
///
/// protobuf-c unpacks into an arena, and from there values are made; here they are made from the bytes in one pass,
/// and raw contents stay where they arrived. Measured for one tensor of 1 KiB: a third of the instructions.
extension ModelInferRequest {
    /// Tensors that are read this way; a request with more is no request for a model that answers at once.
    private static let tensorCountMax = 64
    /// Extents of one tensor; a decoder of protobuf-c, whose memory is bounded, reads longer shapes.
    fileprivate static let extentCountMax = 64

    /// Reads a request whose contents are all raw and that has no parameters.
    ///
    /// Nil for anything else, malformed bytes included: `init(decoding:)` then says what there is to say, and of every
    /// message that both take they make the same value. `rawInputContents` share the storage of `bytes`, at any
    /// alignment.
    package init?(scanning bytes: Bytes) {
        self.init()
        let isRead = bytes.withUnsafeBytes { source in
            read(WireCursor(source, in: 0..<source.count), source, sharing: bytes)
        }
        guard isRead else { return nil }
    }

    /// The name and version of the model in `bytes`, when they come first, as encoders write them.
    package static func scanModel(of bytes: Bytes) -> (name: String, version: String)? {
        bytes.withUnsafeBytes { source in
            var cursor = WireCursor(source, in: 0..<source.count)
            guard cursor.tag() == WireTag.lengthPrefixed(1), let name = cursor.text() else { return nil }
            guard cursor.tag() == WireTag.lengthPrefixed(2) else { return (name, "") }
            return cursor.text().map { (name, $0) }
        }
    }

    private mutating func read(_ start: WireCursor, _ source: UnsafeRawBufferPointer, sharing bytes: Bytes) -> Bool {
        var cursor = start
        while !cursor.isAtEnd {
            switch cursor.tag() {
            case WireTag.lengthPrefixed(1): guard Self.read(&cursor, into: &modelName) else { return false }
            case WireTag.lengthPrefixed(2): guard Self.read(&cursor, into: &modelVersion) else { return false }
            case WireTag.lengthPrefixed(3): guard Self.read(&cursor, into: &id) else { return false }
            case WireTag.lengthPrefixed(5):
                guard inputs.count < Self.tensorCountMax, let range = cursor.content(),
                    let input = InferInputTensor(scanning: WireCursor(source, in: range), source)
                else { return false }
                inputs.append(input)
            case WireTag.lengthPrefixed(6):
                guard outputs.count < Self.tensorCountMax, let range = cursor.content(),
                    let output = InferRequestedOutputTensor(scanning: WireCursor(source, in: range))
                else { return false }
                outputs.append(output)
            case WireTag.lengthPrefixed(7):
                guard rawInputContents.count < Self.tensorCountMax, let range = cursor.content() else { return false }
                rawInputContents.append(range.isEmpty ? Bytes() : bytes[range])
            default: return false
            }
        }
        return true
    }

    fileprivate static func read(_ cursor: inout WireCursor, into text: inout String) -> Bool {
        guard let value = cursor.text() else { return false }
        text = value
        return true
    }
}

extension ModelInferRequest.InferInputTensor {
    fileprivate init?(scanning start: WireCursor, _ source: UnsafeRawBufferPointer) {
        self.init()
        var cursor = start
        while !cursor.isAtEnd {
            switch cursor.tag() {
            case WireTag.lengthPrefixed(1): guard ModelInferRequest.read(&cursor, into: &name) else { return nil }
            case WireTag.lengthPrefixed(2): guard ModelInferRequest.read(&cursor, into: &datatype) else { return nil }
            case WireTag.lengthPrefixed(3):
                guard let range = cursor.content() else { return nil }
                var extents = WireCursor(source, in: range)
                if shape.isEmpty { shape.reserveCapacity(min(range.count, 8)) }
                while !extents.isAtEnd { guard readExtent(&extents) else { return nil } }
            case WireTag.varint(3): guard readExtent(&cursor) else { return nil }
            default: return nil
            }
        }
    }

    private mutating func readExtent(_ cursor: inout WireCursor) -> Bool {
        guard shape.count < ModelInferRequest.extentCountMax, let extent = cursor.varint() else { return false }
        shape.append(Int64(bitPattern: extent))
        return true
    }
}

extension ModelInferRequest.InferRequestedOutputTensor {
    fileprivate init?(scanning start: WireCursor) {
        self.init()
        var cursor = start
        while !cursor.isAtEnd {
            guard cursor.tag() == WireTag.lengthPrefixed(1), ModelInferRequest.read(&cursor, into: &name) else {
                return nil
            }
        }
    }
}
