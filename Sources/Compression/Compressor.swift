import CZlib
import Vocabulary

/// One `z_stream` that compresses to one format, used again for each message.
///
/// - Source: zlib.h, `deflate`, `deflateBound`, `deflateReset`.
final class Compressor {
    /// The fastest level: a loop that compresses serves nobody else meanwhile, and the higher levels take several times
    /// as long for a tenth fewer bytes.
    private static let level: Int32 = 1
    private static let memoryLevel: Int32 = 8

    /// In memory that never moves: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>

    init?(_ format: CompressionFormat) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard apus_deflateInit2(stream, Self.level, format.windowBits, Self.memoryLevel) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The stream of `bytes`, or nil when it would not be shorter than they are.
    func compress(_ bytes: Bytes) -> Bytes? {
        // A single step of zlib counts in 32 bits; nothing that long is worth a loop's time.
        guard bytes.count > 1, bytes.count <= Int(UInt32.max), deflateReset(stream) == Z_OK else { return nil }
        // Less room than the input has: what does not fit is not wanted.
        let output = OutputBuffer(capacity: min(Int(deflateBound(stream, UInt(bytes.count))), bytes.count - 1))
        let result = bytes.withUnsafeBytes { input in
            // zlib takes a pointer without const and never writes through it.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(input.count)
            stream.pointee.next_out = output.end
            stream.pointee.avail_out = UInt32(output.room)
            return deflate(stream, Z_FINISH)
        }
        guard result == Z_STREAM_END else { return nil }
        output.count = output.capacity - Int(stream.pointee.avail_out)
        return output.finished()
    }
}
