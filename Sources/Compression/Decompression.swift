import CZlib
package import Vocabulary

/// One message while it is decompressed, a slice at a time.
///
/// Why in slices: 64 MiB take a tenth of a second or more, in which a loop would serve nobody else.
///
/// - Isolation: one event loop; not `Sendable`.
package final class Decompression {
    /// How far a slice has brought it.
    package enum Progress {
        case unfinished
        case finished(Bytes)
    }

    let decompressor: Decompressor
    private let input: Bytes
    private let byteCountMax: Int
    private let output: OutputBuffer
    /// Made when the output is as long as it may be: the stream has to end there, which a byte of room tells.
    private var spare: OutputBuffer?
    /// Bytes of `input` read.
    private var readByteCount = 0

    init(_ input: Bytes, _ decompressor: Decompressor, byteCountMax: Int) {
        self.input = input
        self.decompressor = decompressor
        self.byteCountMax = byteCountMax
        // Most messages shrink to a quarter or less: begin there, and double when it was not enough.
        output = OutputBuffer(capacity: min(byteCountMax, max(input.count * 4, 1024)))
    }

    /// Bytes that have come out so far.
    package var outputByteCount: Int { output.count }

    /// Bytes read and written so far: what it has cost.
    package var workByteCount: Int { readByteCount + output.count }

    /// Goes on for a slice.
    ///
    /// Why input counts too: a stream may be long and hold next to nothing.
    ///
    /// - Parameter sliceByteCount: bytes to read and to write; exceeded by no more than itself, and one is always done.
    /// - Returns: all that the message holds, once it has ended.
    /// - Throws: `CompressionError`; there is nothing more to do then.
    package func advance(byteCountMax sliceByteCount: Int) throws(CompressionError) -> Progress {
        var left = max(1, sliceByteCount)
        while left > 0 {
            let before = workByteCount
            if try step(byteCountMax: left) { return .finished(output.finished()) }
            left -= workByteCount - before
        }
        return .unfinished
    }

    /// Runs zlib once over the input there is and the room there is, at most so many bytes of each; true at the end.
    private func step(byteCountMax sliceByteCount: Int) throws(CompressionError) -> Bool {
        makeRoom()
        let (result, read, written) = input.withUnsafeBytes { bytes in
            let piece = bytes[readByteCount...].prefix(sliceByteCount)
            return decompressor.step(
                UnsafeRawBufferPointer(rebasing: piece), spare ?? output, byteCountMax: sliceByteCount)
        }
        readByteCount += read
        if spare != nil, written > 0 { throw .tooLong(byteCountMax: byteCountMax) }
        switch result {
        case Z_STREAM_END:
            guard readByteCount == input.count else { throw .malformed }
            return true
        case Z_OK, Z_BUF_ERROR:
            // There was room, so what was missing is input.
            guard read > 0 || written > 0 else { throw .malformed }
            return false
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .malformed
        }
    }

    private func makeRoom() {
        if output.count >= byteCountMax {
            if spare == nil { spare = OutputBuffer(capacity: 1) }
        } else if output.room == 0 {
            output.grow(capacityMax: byteCountMax)
        }
    }
}
