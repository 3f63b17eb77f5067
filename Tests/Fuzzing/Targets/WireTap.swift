import EventLoops
import RPCTransport

/// The far end of a connection of ours: says the bytes of an input, and keeps what comes back.
///
/// - Isolation: the loop both ends share, which the fuzzing thread turns by hand.
final class WireTap: ByteStreamDelegate {
    private let stream: MemoryStream
    private(set) var output: [UInt8] = []
    /// Whether our side has closed the connection.
    private(set) var hasEnded = false
    /// A peer that does not read lets what is sent to it pile up.
    var reads: Bool {
        didSet { if reads { streamIsReadable() } }
    }

    init(_ stream: MemoryStream, reads: Bool) {
        self.stream = stream
        self.reads = reads
        stream.delegate = self
        stream.start()
    }

    /// How many of the bytes fit the pipe.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard case .sent(let count) = stream.send(bytes) else { return 0 }
        return count
    }

    func shutdownSending() { stream.shutdownSending() }

    func close() { stream.close() }

    func streamIsWritable() {}

    func streamIsReadable() {
        guard reads, !hasEnded else { return }
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
            while true {
                switch stream.receive(into: buffer) {
                case .bytes(let count): output.append(contentsOf: buffer[..<count])
                case .end, .failed: return hasEnded = true
                case .wouldBlock: return
                }
            }
        }
    }
}
