import EventLoops
import HTTP2
import RPCTransport
import Vocabulary

/// One end of a connection that says over HTTP/2 whatever a test wants, right or wrong.
///
/// Its heirs write down what comes back.
class RawPeer: ByteStreamDelegate {
    let session: HTTP2Session
    private let stream: MemoryStream
    private let loop: EventLoop
    private(set) var isClosed = false
    /// Everything that came, before HTTP/2 made sense of it.
    private(set) var received: [UInt8] = []
    /// Whether to keep what comes in `received`.
    var keepsReceived = false
    /// Whether to give received bytes back to the window.
    var consumes = true
    /// A peer that has gone silent: it reads nothing any more, and answers nothing.
    var isDeaf = false

    init(
        _ role: HTTP2Role, _ stream: MemoryStream, loop: EventLoop, configuration: HTTP2Configuration
    ) throws {
        self.stream = stream
        self.loop = loop
        session = try HTTP2Session(role: role, configuration: configuration)
        stream.delegate = self
        stream.start()
    }

    /// Takes what the session has to tell.
    func handle(_ event: HTTP2Event) {}

    /// Sends what the session has for the other end.
    func flush() throws {
        try session.drainOutput { bytes in
            guard case .sent(let count) = stream.send(bytes) else { return bytes.count }
            return count
        }
        takeEvents()
        stream.setWantsWritable(session.wantsWrite)
    }

    /// Sends bytes that the session knows nothing of.
    func send(raw bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            guard case .sent(bytes.count) = stream.send(bytes) else { preconditionFailure("the pipe is full") }
        }
    }

    func close() { stream.close() }

    func streamIsWritable() { try? flush() }

    func streamIsReadable() {
        guard !isDeaf else { return }
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            while true {
                switch stream.receive(into: buffer) {
                case .bytes(let count):
                    if keepsReceived { received += buffer[..<count] }
                    try? session.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: loop.now())
                    takeEvents()
                case .end, .failed:
                    isClosed = true
                    return
                case .wouldBlock: return
                }
            }
        }
        try? flush()
    }

    private func takeEvents() {
        while let event = session.nextEvent() { handle(event) }
    }
}
