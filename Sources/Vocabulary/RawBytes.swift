import Glibc

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes.
    @usableFromInline
    package func holdsSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let left = baseAddress, let right = other.baseAddress else { return true }
        return memcmp(left, right, count) == 0
    }

    /// Whether these are the bytes of `text`.
    @inlinable
    package func equals(_ text: StaticString) -> Bool {
        holdsSameBytes(as: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether all bytes are below 128.
    @inlinable
    package var isASCII: Bool {
        var index = 0
        var bits: UInt64 = 0
        while index + 8 <= count {
            bits |= loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < count {
            bits |= UInt64(self[index])
            index += 1
        }
        return bits & 0x8080_8080_8080_8080 == 0
    }
}

extension String {
    /// The text of these bytes; nil when they are not valid UTF-8.
    ///
    /// As `String(validating:as:)`, but short texts of ASCII, which most names are, take a tenth of the instructions:
    /// that one looks up the metadata of its generic types at each call.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard bytes.isASCII else {
            self.init(validating: bytes, as: UTF8.self)
            return
        }
        self = bytes.withMemoryRebound(to: UInt8.self) { String(decoding: $0, as: UTF8.self) }
    }
}
