import CZlib

/// One `z_stream` that decompresses, used again for each message.
///
/// - Source: zlib.h, `inflate`, `inflateReset2`.
final class Decompressor {
    /// In memory that never moves: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard apus_inflateInit2(stream, MAX_WBITS) == Z_OK else {
            stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets the message before.
    func begin(_ format: CompressionFormat) throws(CompressionError) {
        guard inflateReset2(stream, format.windowBits) == Z_OK else { throw .outOfMemory }
    }

    /// Runs zlib once over the input and the room there is, but writes no more than `byteCountMax` bytes.
    func step(
        _ input: UnsafeRawBufferPointer, _ output: OutputBuffer, byteCountMax: Int
    ) -> (result: Int32, readByteCount: Int, writtenByteCount: Int) {
        // zlib takes a pointer without const and never writes through it, and counts in 32 bits.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        let inputCount = UInt32(clamping: input.count)
        stream.pointee.avail_in = inputCount
        let room = UInt32(clamping: min(output.room, byteCountMax))
        stream.pointee.next_out = output.end
        stream.pointee.avail_out = room
        let result = inflate(stream, Z_NO_FLUSH)
        let written = Int(room - stream.pointee.avail_out)
        output.count += written
        return (result, Int(inputCount - stream.pointee.avail_in), written)
    }
}
