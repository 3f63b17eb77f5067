import Compression
import Vocabulary

extension FuzzTarget {
    /// A compressed message from a peer into the decompressor, and what came out back through the compressor.
    ///
    /// The first byte says how: bit 0 the format, the others the longest output accepted, by 64 bytes.
    static let compression = FuzzTarget("compression", seeds: { CompressionSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let control = cursor.byte()
        let format = CompressionFormat.of(control)
        let bench = CompressionBench(format: format, byteCountMax: Int(control >> 1) * 64)
        try bench.play(Bytes(copying: cursor.rest))
    }
}

extension CompressionFormat {
    fileprivate static func of(_ control: UInt8) -> CompressionFormat { control & 1 == 0 ? .gzip : .deflate }
}

/// One stream, read twice, and written again.
private struct CompressionBench {
    /// RFC 1951 makes at most 1032 bytes of one; there can be no more output than that, whatever is allowed.
    private static let ratioMax = 1032

    let format: CompressionFormat
    let byteCountMax: Int

    func play(_ stream: Bytes) throws {
        let codec = Codec()
        let outcome = read(stream, codec, byteCountMax: byteCountMax)
        let generous = read(stream, codec, byteCountMax: stream.count * Self.ratioMax + Self.ratioMax)
        switch (outcome, generous) {
        case (.success(let some), .success(let all)):
            try require(
                some == all && all.count <= byteCountMax, "\(some.count) bytes under a limit, \(all.count) without")
        case (.failure(.tooLong), .success(let all)):
            try require(all.count > byteCountMax, "\(all.count) bytes are too many for \(byteCountMax)")
        case (.failure(.tooLong), .failure(.malformed)), (.failure(.malformed), .failure(.malformed)): break
        default:
            throw FuzzFinding(description: "\(outcome) under the limit \(byteCountMax), \(generous) without")
        }
        // The codec is used again after everything that was wrong.
        guard case .success(let message) = generous else { return }
        let longer = read(Bytes(stream.array + [0]), codec, byteCountMax: byteCountMax + Self.ratioMax)
        try require(longer != .success(message), "a byte behind the end went unnoticed")
        try writeAgain(message, codec)
    }

    private func read(_ stream: Bytes, _ codec: Codec, byteCountMax: Int) -> Result<Bytes, CompressionError> {
        Result { () throws(CompressionError) in
            try codec.decompress(stream, format, byteCountMax: byteCountMax)
        }
    }

    private func writeAgain(_ message: Bytes, _ codec: Codec) throws {
        for format in CompressionFormat.allCases {
            guard let written = codec.compress(message, format) else { continue }
            try require(written.count < message.count, "\(message.count) bytes grew to \(written.count)")
            let again = try codec.decompress(written, format, byteCountMax: message.count)
            try require(again == message, "\(message.count) bytes came back from \(format) as others")
        }
    }
}

private enum CompressionSeeds {
    static let all: [(name: String, bytes: [UInt8])] = CompressionFormat.allCases.flatMap { format in
        let bit: UInt8 = format == .gzip ? 0 : 1
        let repeated = stream([UInt8](repeating: 7, count: 8000), format)
        let text = stream(Array("a line of text, and another line of text, and one more line".utf8), format)
        return [
            ("\(format)-text", [0xFE | bit] + text), ("\(format)-cut", [0xFE | bit] + text.dropLast(3)),
            ("\(format)-repeated", [0xFE | bit] + repeated), ("\(format)-bomb", [0x02 | bit] + repeated),
            ("\(format)-behind", [0xFE | bit] + text + [0]), ("\(format)-twice", [0xFE | bit] + text + text),
        ]
    }

    private static func stream(_ message: [UInt8], _ format: CompressionFormat) -> [UInt8] {
        Codec().compress(Bytes(message), format)?.array ?? []
    }
}
