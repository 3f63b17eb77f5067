package import Vocabulary

/// Compresses and decompresses messages, one at a time, each by itself.
///
/// zlib's states (about 45 KB for each message that is being decompressed, 270 KB a format to compress) are made when
/// first needed and used again for every message after that, so one codec serves all the connections of a loop, and
/// those that never compress cost nothing.
///
/// - Isolation: one event loop; not `Sendable`.
package final class Codec {
    /// Not in use now.
    private var spareDecompressor: Decompressor?
    private var compressors: [CompressionFormat: Compressor] = [:]

    package init() {}

    /// What `bytes` hold.
    ///
    /// Memory is taken as output appears, and never more than `byteCountMax` bytes of it: a few kilobytes that stand
    /// for gigabytes cost no more than the longest message allowed.
    ///
    /// - Parameters:
    ///   - bytes: one whole stream.
    ///   - format: what they are in.
    ///   - byteCountMax: the longest output accepted.
    /// - Returns: all that they hold.
    /// - Throws: `CompressionError`; the codec can be used again.
    package func decompress(
        _ bytes: Bytes, _ format: CompressionFormat, byteCountMax: Int
    ) throws(CompressionError) -> Bytes {
        let decompression = try begin(bytes, format, byteCountMax: byteCountMax)
        defer { end(decompression) }
        while true {
            if case .finished(let whole) = try decompression.advance(byteCountMax: .max) { return whole }
        }
    }

    /// Begins to decompress a message, as `decompress` does in one go; `end` follows.
    package func begin(
        _ bytes: Bytes, _ format: CompressionFormat, byteCountMax: Int
    ) throws(CompressionError) -> Decompression {
        let decompressor: Decompressor
        if let spare = spareDecompressor.take() { decompressor = spare } else { decompressor = try Decompressor() }
        try decompressor.begin(format)
        return Decompression(bytes, decompressor, byteCountMax: byteCountMax)
    }

    /// Takes zlib's state back from a message that is done or given up.
    package func end(_ decompression: Decompression) {
        spareDecompressor = decompression.decompressor
    }

    /// `bytes` as one stream of `format`; nil when that is no shorter, or memory is short: they are then better sent as
    /// they are.
    package func compress(_ bytes: Bytes, _ format: CompressionFormat) -> Bytes? {
        let compressor: Compressor
        if let existing = compressors[format] {
            compressor = existing
        } else {
            guard let made = Compressor(format) else { return nil }
            compressor = made
            compressors[format] = made
        }
        return compressor.compress(bytes)
    }
}
