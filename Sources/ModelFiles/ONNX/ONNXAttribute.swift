package import Vocabulary

/// The value of a node's attribute.
package enum ONNXAttribute: Sendable, Equatable {
    case float(Float)
    case int(Int64)
    case string(Bytes)
    case tensor(ONNXTensor)
    case floats([Float])
    case ints([Int64])
    case strings([Bytes])
    /// A kind that no operator of ours takes (graphs, sparse tensors, types, lists of tensors), by its number.
    case unsupported(kind: UInt64)

    /// An `AttributeProto`.
    ///
    /// The `type` field decides which value counts; files from before it existed say so by the one value they have.
    ///
    /// - Source: onnx.proto, `AttributeProto.AttributeType`.
    static func decode(_ reader: ONNXReader) throws(ONNXError) -> (name: String, value: ONNXAttribute) {
        var fields = Fields()
        var reader = reader
        while let field = try reader.next() {
            do {
                try fields.take(field, reader)
            } catch {
                throw fields.name.isEmpty ? error : error.inside("'\(fields.name)'")
            }
        }
        guard !fields.name.isEmpty else { throw ONNXError(.missingField("name")) }
        return (fields.name, try naming("'\(fields.name)'", fields.value))
    }

    /// The fields of an `AttributeProto` as they come.
    private struct Fields {
        var name = ""
        var kind: UInt64?
        var float: Float?
        var int: Int64?
        var string: Bytes?
        var tensor: ONNXTensor?
        var floats: [UInt8] = []
        var ints: [Int64] = []
        var strings: [Bytes] = []

        mutating func take(_ field: ONNXReader.Field, _ reader: ONNXReader) throws(ONNXError) {
            switch field.number {
            case 1: name = try naming("name", field.text)
            case 2: float = try naming("f", field.float)
            case 3: int = Int64(bitPattern: try naming("i", field.integer))
            case 4: string = try naming("s", field.bytes)
            case 5:
                tensor = try naming("t") { () throws(ONNXError) in try ONNXTensor.decode(try reader.message(field)) }
            case 7:
                try naming("floats") { () throws(ONNXError) in
                    try field.appendFixedBytes(to: &floats, elementByteCount: 4)
                }
            case 8:
                try naming("ints") { () throws(ONNXError) in
                    try field.appendIntegers(to: &ints, reader: reader) { Int64(bitPattern: $0) }
                }
            case 9: strings.append(try naming("strings", field.bytes))
            case 20: kind = try naming("type", field.integer)
            default: break
            }
        }

        func value() throws(ONNXError) -> ONNXAttribute {
            switch kind ?? impliedKind {
            case 1: return .float(float ?? 0)
            case 2: return .int(int ?? 0)
            case 3: return .string(string ?? Bytes())
            case 4:
                guard let tensor else { throw ONNXError(.missingField("t")) }
                return .tensor(tensor)
            case 6: return .floats(floatValues)
            case 7: return .ints(ints)
            case 8: return .strings(strings)
            case let kind where kind <= 14: return .unsupported(kind: kind)
            case let kind: throw ONNXError(.unknownAttributeType(kind))
            }
        }

        private var impliedKind: UInt64 {
            if float != nil { return 1 }
            if int != nil { return 2 }
            if string != nil { return 3 }
            if tensor != nil { return 4 }
            if !floats.isEmpty { return 6 }
            return strings.isEmpty ? 7 : 8
        }

        private var floatValues: [Float] {
            floats.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map { index in
                    Float(
                        bitPattern: UInt32(
                            littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
                }
            }
        }
    }
}
