/// Writes GGUF files for tests, also wrong ones: nothing is checked.
package struct GGUFWriter {
    /// A value as it stands in the file: its type and its bytes.
    package struct Value: Sendable {
        let type: UInt32
        let bytes: [UInt8]

        package init(type: UInt32, bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
        }

        package static func uint32(_ value: UInt32) -> Value { Value(type: 4, bytes: little(value)) }
        package static func float(_ value: Float) -> Value { Value(type: 6, bytes: little(value.bitPattern)) }
        package static func bool(_ value: Bool) -> Value { Value(type: 7, bytes: [value ? 1 : 0]) }
        package static func string(_ value: String) -> Value { Value(type: 8, bytes: counted(Array(value.utf8))) }
        package static func int32s(_ values: [Int32]) -> Value {
            Value(type: 9, bytes: little(UInt32(5)) + little(UInt64(values.count)) + values.flatMap { little($0) })
        }
        package static func strings(_ values: [String]) -> Value {
            Value(
                type: 9,
                bytes: little(UInt32(8)) + little(UInt64(values.count)) + values.flatMap { counted(Array($0.utf8)) })
        }
    }

    /// What the head says about a tensor.
    package struct Tensor {
        package var name: [UInt8]
        /// Innermost extent first, as in the file.
        package var extents: [UInt64]
        /// The number of the element type.
        package var type: UInt32
        package var offset: UInt64

        package init(_ name: String, _ extents: [UInt64], type: UInt32 = 0, offset: UInt64) {
            self.name = Array(name.utf8)
            self.extents = extents
            self.type = type
            self.offset = offset
        }
    }

    package var version: UInt32 = 3
    package var values: [(key: String, value: Value)] = []
    package var tensors: [Tensor] = []
    package var data: [UInt8] = []

    package init() {}

    /// Adds a tensor of F32, with its data, on the default alignment.
    package mutating func add(_ name: String, shape: [Int], _ elements: [Float]) {
        data += [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
        tensors.append(Tensor(name, shape.reversed().map(UInt64.init), offset: UInt64(data.count)))
        data += elements.flatMap { little($0.bitPattern) }
    }

    /// What stands before the padding and the data.
    package var head: [UInt8] {
        var bytes = Array("GGUF".utf8) + little(version)
        bytes += little(UInt64(tensors.count)) + little(UInt64(values.count))
        for (key, value) in values { bytes += counted(Array(key.utf8)) + little(value.type) + value.bytes }
        for tensor in tensors {
            bytes += counted(tensor.name) + little(UInt32(tensor.extents.count))
            bytes += tensor.extents.flatMap(little) + little(tensor.type) + little(tensor.offset)
        }
        return bytes
    }

    /// The whole file.
    package var file: [UInt8] {
        let head = head
        return head + [UInt8](repeating: 0, count: (32 - head.count % 32) % 32) + data
    }
}

private func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

private func counted(_ bytes: [UInt8]) -> [UInt8] { little(UInt64(bytes.count)) + bytes }
