import CZlib
import Vocabulary

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

    func decompress(
        _ bytes: Bytes, _ format: CompressionFormat, byteCountMax: Int
    ) throws(CompressionError) -> Bytes {
        guard inflateReset2(stream, format.windowBits) == Z_OK else { throw .outOfMemory }
        // Most messages shrink to a quarter or less: begin there, and double when it was not enough.
        let output = OutputBuffer(capacity: min(byteCountMax, max(bytes.count * 4, 1024)))
        try bytes.withUnsafeBytes { (input) throws(CompressionError) in
            try run(input, output, byteCountMax: byteCountMax)
        }
        // The output has room for a byte even where none is allowed.
        guard output.count <= byteCountMax else { throw .tooLong(byteCountMax: byteCountMax) }
        return output.finished()
    }

    private func run(
        _ input: UnsafeRawBufferPointer, _ output: OutputBuffer, byteCountMax: Int
    ) throws(CompressionError) {
        var rest = input
        while true {
            // zlib counts in 32 bits; a message may be longer.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
            let (result, takenCount) = step(piece, output)
            rest = UnsafeRawBufferPointer(rebasing: rest[takenCount...])
            switch result {
            case Z_STREAM_END:
                guard rest.isEmpty else { throw .malformed }
                return
            case Z_OK, Z_BUF_ERROR:
                if output.room > 0 {
                    // Room was left, so all the input was read, and the end has not come.
                    guard !rest.isEmpty, takenCount > 0 else { throw .malformed }
                } else if output.capacity < byteCountMax {
                    output.grow(capacityMax: byteCountMax)
                } else {
                    return try checkEnd(rest, byteCountMax: byteCountMax)
                }
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .malformed
            }
        }
    }

    /// The output is as long as it may be: the stream has to end here, which a byte of room tells.
    private func checkEnd(_ input: UnsafeRawBufferPointer, byteCountMax: Int) throws(CompressionError) {
        let spare = OutputBuffer(capacity: 1)
        var rest = input
        while true {
            let (result, takenCount) = step(UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max))), spare)
            rest = UnsafeRawBufferPointer(rebasing: rest[takenCount...])
            guard spare.room > 0 else { throw .tooLong(byteCountMax: byteCountMax) }
            if result == Z_STREAM_END, rest.isEmpty { return }
            guard result == Z_OK, takenCount > 0 else { throw .malformed }
        }
    }

    /// Runs zlib once over the input and the room there is.
    private func step(
        _ input: UnsafeRawBufferPointer, _ output: OutputBuffer
    ) -> (result: Int32, takenCount: Int) {
        // zlib takes a pointer without const and never writes through it.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        let room = UInt32(clamping: output.room)
        stream.pointee.next_out = output.end
        stream.pointee.avail_out = room
        let result = inflate(stream, Z_NO_FLUSH)
        output.count += Int(room - stream.pointee.avail_out)
        return (result, input.count - Int(stream.pointee.avail_in))
    }
}
