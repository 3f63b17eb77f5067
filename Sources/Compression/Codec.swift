package import Vocabulary

/// Compresses and decompresses messages, one at a time, each by itself.
///
/// zlib's states (about 45 KB to decompress, 270 KB a format to compress) are made when first needed and used again for
/// every message after that, so one codec serves all the connections of a loop, and those that never compress cost
/// nothing.
///
/// - Isolation: one event loop; not `Sendable`.
package final class Codec {
    private var decompressor: Decompressor?
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
        let decompressor: Decompressor
        if let existing = self.decompressor {
            decompressor = existing
        } else {
            decompressor = try Decompressor()
            self.decompressor = decompressor
        }
        return try decompressor.decompress(bytes, format, byteCountMax: byteCountMax)
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
