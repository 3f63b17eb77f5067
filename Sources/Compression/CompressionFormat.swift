import CZlib

/// A way to compress a message, by its name in `grpc-encoding`.
///
/// - Source: grpc/grpc `doc/compression.md`.
package enum CompressionFormat: String, Sendable, CaseIterable {
    /// RFC 1950 (zlib around RFC 1951), as HTTP's content coding of that name.
    case deflate
    /// RFC 1952.
    case gzip

    /// What zlib calls the format: the logarithm of the window, plus 16 for gzip's wrapping.
    var windowBits: Int32 {
        switch self {
        case .deflate: MAX_WBITS
        case .gzip: MAX_WBITS + 16
        }
    }
}

/// Why a compressed message cannot be read.
package enum CompressionError: Error, Hashable, Sendable {
    /// Not in the format, cut short, or followed by something else.
    case malformed
    /// It holds more than `byteCountMax` bytes.
    case tooLong(byteCountMax: Int)
    case outOfMemory
}
