package import Vocabulary

/// The element type of a tensor, by the names of the Open Inference Protocol.
package enum DataType: Sendable, Hashable, CaseIterable {
    case bool
    case uint8, uint16, uint32, uint64
    case int8, int16, int32, int64
    case float16, bfloat16, float32, float64
    /// Elements of varying length; in memory each is a little-endian UInt32 byte count and then the bytes.
    case bytes

    /// The name on the wire, such as `FP32`.
    package var wireName: String {
        switch self {
        case .bool: "BOOL"
        case .uint8: "UINT8"
        case .uint16: "UINT16"
        case .uint32: "UINT32"
        case .uint64: "UINT64"
        case .int8: "INT8"
        case .int16: "INT16"
        case .int32: "INT32"
        case .int64: "INT64"
        case .float16: "FP16"
        case .bfloat16: "BF16"
        case .float32: "FP32"
        case .float64: "FP64"
        case .bytes: "BYTES"
        }
    }

    /// The type of that wire name, nil for any other text.
    package init?(wireName: String) {
        guard let type = Self.allCases.first(where: { $0.wireName == wireName }) else { return nil }
        self = type
    }

    /// The type of that wire name, nil for any other bytes.
    package init?(wireName: UnsafeRawBufferPointer) {
        guard let found = Self.wireNames.first(where: { wireName.equals($0.name) }) else { return nil }
        self = found.type
    }

    private static let wireNames: [(name: StaticString, type: DataType)] = [
        ("FP32", .float32), ("INT64", .int64), ("UINT8", .uint8), ("BYTES", .bytes), ("INT32", .int32),
        ("BOOL", .bool), ("FP16", .float16), ("BF16", .bfloat16), ("FP64", .float64), ("INT8", .int8),
        ("INT16", .int16), ("UINT16", .uint16), ("UINT32", .uint32), ("UINT64", .uint64),
    ]

    /// Bytes per element; nil for `.bytes`.
    package var elementByteCount: Int? {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .bytes: nil
        }
    }
}

/// An immutable dense tensor: type, shape and row-major little-endian elements.
package struct Tensor: Sendable, Equatable {
    package let dataType: DataType
    /// Non-negative extents, outermost first; empty for a scalar.
    package let shape: [Int]
    /// `elementCount · elementByteCount` bytes, or for `.bytes` the length-prefixed elements.
    package let data: Bytes

    /// Checks that `data` is as long as `shape` and `dataType` say.
    ///
    /// - Throws: `TensorError.shapeOverflow`, `.negativeExtent`, `.byteCountMismatch` or `.malformedBytesElement`.
    package init(_ dataType: DataType, shape: [Int], data: Bytes) throws(TensorError) {
        let elementCount = try Self.elementCount(of: shape)
        if let size = dataType.elementByteCount {
            let (expected, overflow) = elementCount.multipliedReportingOverflow(by: size)
            guard !overflow else { throw .shapeOverflow(shape) }
            guard expected == data.count else { throw .byteCountMismatch(expected: expected, actual: data.count) }
        } else {
            try Self.checkBytesElements(data, count: elementCount)
        }
        self.dataType = dataType
        self.shape = shape
        self.data = data
    }

    /// A float32 tensor holding a copy of `values`.
    package init(_ values: [Float], shape: [Int]) throws(TensorError) {
        try self.init(.float32, shape: shape, data: values.withUnsafeBytes { Bytes(copying: $0) })
    }

    /// An int64 tensor holding a copy of `values`.
    package init(_ values: [Int64], shape: [Int]) throws(TensorError) {
        try self.init(.int64, shape: shape, data: values.withUnsafeBytes { Bytes(copying: $0) })
    }

    /// A `.bytes` tensor of `elements`, each written with its length prefix.
    package init(elements: [Bytes], shape: [Int]) throws(TensorError) {
        var data: [UInt8] = []
        data.reserveCapacity(elements.reduce(0) { $0 + 4 + $1.count })
        for element in elements {
            guard let length = UInt32(exactly: element.count) else { throw .malformedBytesElement(index: 0) }
            withUnsafeBytes(of: length.littleEndian) { data.append(contentsOf: $0) }
            element.withUnsafeBytes { data.append(contentsOf: $0) }
        }
        try self.init(.bytes, shape: shape, data: Bytes(data))
    }

    /// The number of elements.
    package var elementCount: Int { shape.reduce(1, *) }

    /// The product of the extents.
    ///
    /// - Throws: `TensorError.negativeExtent` or `.shapeOverflow`.
    package static func elementCount(of shape: [Int]) throws(TensorError) -> Int {
        var count = 1
        for extent in shape {
            guard extent >= 0 else { throw .negativeExtent(shape) }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw .shapeOverflow(shape) }
            count = product
        }
        return count
    }

    /// The elements as an array of `Element`.
    ///
    /// - Precondition: `Element` has the size of this tensor's element type.
    package func array<Element: BitwiseCopyable>(of type: Element.Type) -> [Element] {
        precondition(MemoryLayout<Element>.size == dataType.elementByteCount, "\(Element.self) from \(dataType)")
        return data.withUnsafeBytes { source in
            [Element](unsafeUninitializedCapacity: elementCount) { destination, count in
                UnsafeMutableRawBufferPointer(destination).copyMemory(from: source)
                count = elementCount
            }
        }
    }

    /// The elements of a `.bytes` tensor, without their length prefixes.
    ///
    /// - Precondition: the type is `.bytes`.
    package var byteElements: [Bytes] {
        precondition(dataType == .bytes, "byte elements of \(dataType)")
        var elements: [Bytes] = []
        var offset = 0
        while offset < data.count {
            let length = Self.elementLength(data, at: offset)
            elements.append(data[offset + 4..<offset + 4 + length])
            offset += 4 + length
        }
        return elements
    }

    private static func elementLength(_ data: Bytes, at offset: Int) -> Int {
        data.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) }
    }

    private static func checkBytesElements(_ data: Bytes, count: Int) throws(TensorError) {
        var offset = 0
        var index = 0
        while offset < data.count {
            guard index < count, data.count - offset >= 4 else { throw .malformedBytesElement(index: index) }
            let length = elementLength(data, at: offset)
            guard length <= data.count - offset - 4 else { throw .malformedBytesElement(index: index) }
            offset += 4 + length
            index += 1
        }
        guard index == count else { throw .malformedBytesElement(index: index) }
    }
}

/// A tensor and the name a model knows it by.
package struct NamedTensor: Sendable, Equatable {
    package let name: String
    package let tensor: Tensor

    package init(_ name: String, _ tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}

/// Why bytes do not make a tensor.
package enum TensorError: Error, Equatable, CustomStringConvertible {
    case negativeExtent([Int])
    case shapeOverflow([Int])
    case byteCountMismatch(expected: Int, actual: Int)
    case malformedBytesElement(index: Int)

    package var description: String {
        switch self {
        case .negativeExtent(let shape): "shape \(shape) has a negative extent"
        case .shapeOverflow(let shape): "shape \(shape) has too many elements"
        case .byteCountMismatch(let expected, let actual): "expected \(expected) bytes, got \(actual)"
        case .malformedBytesElement(let index):
            "element \(index): its length prefix disagrees with the data or the shape"
        }
    }
}
