/// A tensor of the Open Inference Protocol, without its name.
public struct InferenceTensor: Hashable, Sendable {
    /// BOOL, UINT8 to UINT64, INT8 to INT64, FP16, BF16, FP32, FP64 or BYTES.
    public var dataType: String
    /// The extents, outermost first.
    public var shape: [Int]
    /// The elements row by row, little-endian; each element of BYTES is its length as four bytes and then its bytes.
    public var contents: [UInt8]

    /// A tensor of any type; what does not fit together is the server's to refuse.
    public init(dataType: String, shape: [Int], contents: [UInt8]) {
        self.dataType = dataType
        self.shape = shape
        self.contents = contents
    }

    /// FP32.
    public init(shape: [Int], _ values: [Float]) {
        self.init(dataType: "FP32", shape: shape, contents: values.withUnsafeBytes { [UInt8]($0) })
    }

    /// INT32.
    public init(shape: [Int], _ values: [Int32]) {
        self.init(dataType: "INT32", shape: shape, contents: values.withUnsafeBytes { [UInt8]($0) })
    }

    /// INT64.
    public init(shape: [Int], _ values: [Int64]) {
        self.init(dataType: "INT64", shape: shape, contents: values.withUnsafeBytes { [UInt8]($0) })
    }

    /// BYTES, each text as UTF-8.
    public init(shape: [Int], _ texts: [String]) {
        var contents: [UInt8] = []
        for text in texts {
            let length = UInt32(text.utf8.count)
            for shift in [0, 8, 16, 24] { contents.append(UInt8(truncatingIfNeeded: length >> UInt32(shift))) }
            contents.append(contentsOf: text.utf8)
        }
        self.init(dataType: "BYTES", shape: shape, contents: contents)
    }

    /// The elements of an FP32 tensor; nil for any other, or when bytes are missing.
    public var floats: [Float]? {
        guard dataType == "FP32", contents.count % 4 == 0 else { return nil }
        return contents.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }
}

/// A tensor and its name.
public struct NamedInferenceTensor: Hashable, Sendable {
    /// As the model's metadata has it.
    public var name: String
    /// Type, shape and elements.
    public var tensor: InferenceTensor

    /// A tensor under a name.
    public init(_ name: String, _ tensor: InferenceTensor) {
        self.name = name
        self.tensor = tensor
    }
}
