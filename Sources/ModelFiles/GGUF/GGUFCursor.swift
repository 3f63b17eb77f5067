import Vocabulary

/// Reads the head of a GGUF file from front to back; never past its end.
struct GGUFCursor {
    let bytes: Bytes
    let file: String
    private(set) var offset = 0

    init(_ bytes: Bytes, file: String) {
        self.bytes = bytes
        self.file = file
    }

    var remainingByteCount: Int { bytes.count - offset }

    /// The next little-endian number; `field` says what is being read, for the error.
    mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type, _ field: @autoclosure () -> String
    ) throws(ModelFileError) -> Number {
        let start = offset
        try skip(byteCount: UInt64(MemoryLayout<Number>.size), field())
        return bytes.withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: Number.self))
        }
    }

    /// A count, of things that take at least `byteCountMin` bytes each: more than the rest of the file has room for is
    /// refused, before anything is allocated for them.
    mutating func count(
        ofAtLeast byteCountMin: Int, _ field: @autoclosure () -> String
    ) throws(ModelFileError) -> Int {
        let count = try number(UInt64.self, field())
        guard count <= UInt64(remainingByteCount / byteCountMin) else {
            throw ModelFileError(
                file: file, field: field(),
                problem: "claims \(count) entries, the file has only \(remainingByteCount) more bytes")
        }
        return Int(count)
    }

    /// A string's bytes: a length of 8 bytes, and as many bytes as it says.
    mutating func string(_ field: @autoclosure () -> String) throws(ModelFileError) -> Bytes {
        let byteCount = try number(UInt64.self, field())
        let start = offset
        try skip(byteCount: byteCount, field())
        return bytes[start..<offset]
    }

    /// A string that is a name: neither empty nor long, and UTF-8.
    mutating func name(
        byteCountMax: Int, _ field: @autoclosure () -> String
    ) throws(ModelFileError) -> String {
        let bytes = try string(field())
        guard (1...byteCountMax).contains(bytes.count) else {
            throw ModelFileError(
                file: file, field: field(), problem: "has a name of \(bytes.count) bytes, expected 1...\(byteCountMax)")
        }
        guard let name = bytes.utf8String else {
            throw ModelFileError(file: file, field: field(), problem: "has a name that is not UTF-8")
        }
        return name
    }

    /// Moves on.
    mutating func skip(byteCount: UInt64, _ field: @autoclosure () -> String) throws(ModelFileError) {
        guard byteCount <= UInt64(remainingByteCount) else {
            throw ModelFileError(
                file: file, field: field(),
                problem: "is truncated: needs \(byteCount) bytes, the file has \(remainingByteCount) more")
        }
        offset += Int(byteCount)
    }
}
