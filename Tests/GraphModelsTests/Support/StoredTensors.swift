/// Tensors by name, to be written as a safetensors file.
struct StoredTensors {
    private struct Stored {
        let type: String
        let shape: [Int]
        let data: [UInt8]
    }

    private var tensors: [String: Stored] = [:]

    /// Adds an F32 tensor.
    mutating func add(_ name: String, _ values: [Float], shape: [Int]) {
        tensors[name] = Stored(
            type: "F32", shape: shape,
            data: values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
    }

    /// Adds an I64 tensor.
    mutating func add(_ name: String, integers values: [Int64], shape: [Int]) {
        tensors[name] = Stored(
            type: "I64", shape: shape, data: values.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) })
    }

    mutating func remove(_ name: String) { tensors[name] = nil }

    var names: [String] { tensors.keys.sorted() }

    /// The file.
    var bytes: [UInt8] {
        var entries: [String] = []
        var data: [UInt8] = []
        for name in names {
            guard let tensor = tensors[name] else { continue }
            let offsets = [data.count, data.count + tensor.data.count]
            entries.append(
                "\"\(name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":\(offsets)}")
            data += tensor.data
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header + data
    }
}
