import Compression
import EventLoops
import RPC

/// What all connections of a loop share: memory for one read, since what arrives is consumed within its turn, and what
/// compresses and decompresses their messages.
final class LoopBuffers {
    let codec: Codec
    let unfolder: Unfolder
    let wire: UnsafeMutableRawBufferPointer
    let plaintext: UnsafeMutableRawBufferPointer
    let quietWatch = QuietWatch()

    init(loop: EventLoop) {
        codec = Codec()
        unfolder = Unfolder(loop: loop, codec: codec)
        wire = .allocate(byteCount: 64 << 10, alignment: 64)
        plaintext = .allocate(byteCount: 64 << 10, alignment: 64)
    }

    deinit {
        wire.deallocate()
        plaintext.deallocate()
    }
}
