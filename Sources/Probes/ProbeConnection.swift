import EventLoops
import RPCTransport

/// One connection of a probe: one request, one answer, the end.
///
/// ```
/// reading ──head complete──▶ answering ──answer known──▶ writing ──all sent──▶ closing ──the peer's end──▶ closed
///     └───────────── malformed ───────────────────────────▲
/// ```
/// Any state ends after `ProbeLimits.connectionNanosecondsMax`, or when the connection is the oldest of too many.
///
/// - Isolation: its loop.
final class ProbeConnection: ByteStreamDelegate {
    private enum Phase {
        case reading
        /// The answer is being made.
        case answering
        case writing
        /// All is sent; the peer is left to close first, so that it can read everything.
        case closing
        case closed
    }

    private let stream: any ByteStream
    private let loop: EventLoop
    private let limits: ProbeLimits
    /// Is asked once, for a request that is complete, and answered by `send`.
    private let didRequest: (ProbeConnection, _ method: String, _ path: String) -> Void
    private let didEnd: (ProbeConnection) -> Void
    private var phase = Phase.reading
    private var head: [UInt8] = []
    private var receivedByteCount = 0
    private var output: [UInt8] = []
    private var sentByteCount = 0
    private var timer: TimerID?

    init(
        stream: any ByteStream, loop: EventLoop, limits: ProbeLimits,
        didRequest: @escaping (ProbeConnection, _ method: String, _ path: String) -> Void,
        didEnd: @escaping (ProbeConnection) -> Void
    ) {
        self.stream = stream
        self.loop = loop
        self.limits = limits
        self.didRequest = didRequest
        self.didEnd = didEnd
    }

    func start() {
        timer = loop.schedule(afterNanoseconds: limits.connectionNanosecondsMax) { [unowned self] in close() }
        stream.delegate = self
        do throws(ByteStreamError) { try stream.start() } catch { close() }
    }

    func streamIsReadable() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while phase != .closed {
                switch stream.receive(into: buffer) {
                case .bytes(let count): take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                case .wouldBlock: return
                case .end:
                    // Half a connection is enough to be answered on, but not to go on asking.
                    if phase == .reading || phase == .closing { close() }
                    return
                case .failed: close()
                }
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        receivedByteCount += bytes.count
        guard receivedByteCount <= limits.receivedByteCountMax else { return close() }
        // What follows the first request is read, so that the kernel does not hold it, and dropped.
        guard phase == .reading else { return }
        head += bytes
        switch ProbeRequest(head) {
        case .incomplete: break
        case .malformed(let answer):
            head = []
            send(answer, withBody: true)
        case .complete(let method, let path):
            head = []
            phase = .answering
            didRequest(self, method, path)
        }
    }

    /// Sends the answer and then closes; does nothing once the connection has ended.
    func send(_ answer: ProbeAnswer, withBody: Bool) {
        guard phase == .reading || phase == .answering else { return }
        phase = .writing
        output = answer.bytes(withBody: withBody)
        write()
    }

    func streamIsWritable() { write() }

    private func write() {
        while phase == .writing, sentByteCount < output.count {
            let result = output.withUnsafeBytes { stream.send(UnsafeRawBufferPointer(rebasing: $0[sentByteCount...])) }
            switch result {
            case .sent(0): return stream.setWantsWritable(true)
            case .sent(let count): sentByteCount += count
            case .failed: return close()
            }
        }
        guard phase == .writing else { return }
        output = []
        phase = .closing
        stream.setWantsWritable(false)
        stream.shutdownSending()
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        if let timer { loop.cancel(timer) }
        timer = nil
        output = []
        stream.close()
        didEnd(self)
    }
}
