import EventLoops
import HTTP2
import TLS
import Vocabulary

/// Is told what happens on a connection, on its loop.
protocol ConnectionDelegate: AnyObject {
    /// Something happened in HTTP/2; data events are valid during the call.
    func handle(_ event: HTTP2Event)
    /// The connection has failed and takes no more commands; what is on its way to the peer still gets a moment.
    /// Its streams are gone; `connectionDidEnd` follows.
    func connectionDidFail(_ end: ConnectionEnd)
    /// The connection is over; nothing more comes. Its streams are gone with it.
    func connectionDidEnd(_ end: ConnectionEnd)
}

/// Why a connection ended.
enum ConnectionEnd: Error, CustomStringConvertible {
    /// Both sides had said all they wanted.
    case finished
    /// The peer closed it, or its host did.
    case closedByPeer
    case stream(ByteStreamError)
    case tls(TLSError)
    case http2(HTTP2Error)
    /// The peer did not complete TLS and the preface of HTTP/2 in time.
    case handshakeTimeout
    /// The peer gave no sign of life when it was asked.
    case keepaliveTimeout
    /// The peer asked for signs of life too often.
    case tooManyPings
    /// The peer took nothing of what waited for it.
    case writeStall
    /// Too many connections were in their handshake, and this one was the oldest.
    case halfOpenLimit
    /// This side closed it.
    case aborted

    var description: String {
        switch self {
        case .finished: "finished"
        case .closedByPeer: "closed by the peer"
        case .stream(let error): error.description
        case .tls(let error): error.description
        case .http2(let error): error.description
        case .handshakeTimeout: "no complete handshake in time"
        case .keepaliveTimeout: "no answer to a PING in time"
        case .tooManyPings: "too many PINGs"
        case .writeStall: "the peer takes no bytes"
        case .halfOpenLimit: "no complete handshake while too many others waited for theirs"
        case .aborted: "closed here"
        }
    }
}

/// Bytes of the wire, one turn at a time, by way of TLS to HTTP/2 and back.
///
/// What a turn produces leaves in one piece at its end. When the wire takes no more, frames stay unmade in the HTTP/2
/// session, whose streams then hold back whoever writes to them.
///
/// - Isolation: its loop.
final class Connection: ByteStreamDelegate, EndOfTurnHandler {
    private enum Phase {
        /// TLS or the preface are not complete.
        case handshaking
        case open
        /// All is sent; waiting for the peer's end, so that closing does not destroy what is on its way to it.
        case lingering
        case closed
    }

    /// Ciphertext that may wait for the wire before frames are held back.
    static let ciphertextByteCountMax = 256 << 10
    /// Reads one connection gets in a turn, so that a fast peer leaves time for the others.
    static let readsPerTurnMax = 4
    static let lingerTimeoutNanoseconds: UInt64 = 1_000_000_000

    let loop: EventLoop
    let session: HTTP2Session
    let tls: TLSSession?
    var peerName: String { stream.peerName }
    /// Kept until the end, as is the connection by its delegate.
    ///
    /// Why not weak: an object that was ever referred to weakly pays for it at every retain.
    var delegate: (any ConnectionDelegate)?
    /// What was heard of the peer, in ciphertext or plaintext.
    private(set) var activity: PeerActivity
    /// Whether bytes wait for the wire, and how many it has taken so far.
    private(set) var isOutputBlocked = false
    private(set) var wireByteCount: UInt64 = 0
    /// Whether it holds memory for bytes on their way only while they are: at first, and after a while without any.
    private(set) var isQuiet = true
    private let stream: any ByteStream
    private let buffers: LoopBuffers
    private let timeouts: HandshakeTimeouts
    private let userTimeoutMilliseconds: UInt32
    private var phase = Phase.handshaking
    private var timer: TimerID?
    private var flushIsScheduled = false
    private var readPace = ReadPace()
    private(set) var tlsIsComplete: Bool
    /// Close behind what is queued, and say this was why.
    private var endBehindOutput: ConnectionEnd?
    private var lingerReason = ConnectionEnd.finished

    /// A connection that is not started yet; without `tls` it is in plaintext.
    init(
        stream: any ByteStream, tls: TLSSession?, session: HTTP2Session, loop: EventLoop, buffers: LoopBuffers,
        timeouts: HandshakeTimeouts = HandshakeTimeouts(), keepalive: KeepalivePolicy
    ) {
        self.stream = stream
        self.tls = tls
        self.session = session
        self.loop = loop
        self.buffers = buffers
        self.timeouts = timeouts
        userTimeoutMilliseconds = keepalive.userTimeoutMilliseconds
        tlsIsComplete = tls == nil
        activity = PeerActivity(lastReceived: loop.now())
    }

    /// Begins; both sides' first words are on their way.
    func start() {
        stream.delegate = self
        do throws(ByteStreamError) {
            try stream.start()
        } catch {
            return end(.stream(error))
        }
        if userTimeoutMilliseconds > 0 { stream.setUserTimeout(milliseconds: userTimeoutMilliseconds) }
        startTimer(
            tlsIsComplete ? timeouts.prefaceNanoseconds : timeouts.tlsNanoseconds, thenEnd: .handshakeTimeout)
        if let tls { advanceHandshake(tls) }
        outputIsReady()
    }

    var isClosed: Bool { phase == .closed }

    /// Whether commands still reach the peer.
    var isOpen: Bool { phase == .handshaking || phase == .open }

    /// Ends the connection now.
    func abort(_ reason: ConnectionEnd = .aborted) { end(reason) }

    /// Ends the connection behind a GOAWAY; streams end unfinished.
    ///
    /// Why not `abort`: the GOAWAY is what makes the peer change its ways, so it must reach it.
    func close(_ code: HTTP2ErrorCode, debugData: Bytes, _ reason: ConnectionEnd) {
        guard isOpen, endBehindOutput == nil else { return }
        session.goAway(code, debugData: debugData)
        endBehindOutput = reason
        // A peer that does not read does not get to hear it.
        startTimer(Self.lingerTimeoutNanoseconds, thenEnd: reason)
        outputIsReady()
    }

    // MARK: In

    func streamIsReadable() {
        readPace.beginTurn()
        for _ in 0..<Self.readsPerTurnMax {
            guard phase != .closed else { return }
            let buffer = UnsafeMutableRawBufferPointer(rebasing: buffers.wire[..<readPace.readByteCount])
            switch stream.receive(into: buffer) {
            case .wouldBlock: return
            case .end: return receiveEnd()
            case .failed(let error): return end(phase == .lingering ? lingerReason : .stream(error))
            case .bytes(let count):
                activity.bytesDidArrive(at: loop.now())
                let hasTimeLeft =
                    phase == .lingering || receiveMeasured(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                // A short read means that the wire is empty: no need to hear that again.
                if count < buffer.count || !hasTimeLeft { return }
            }
        }
    }

    /// Takes what came, and says whether this turn has time for more of it.
    private func receiveMeasured(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard phase != .lingering else { return true }
        guard ReadPace.isMeasured(byteCount: bytes.count) else {
            receive(bytes)
            return true
        }
        let begin = loop.measuredNow()
        receive(bytes)
        return readPace.didRead(byteCount: bytes.count, nanoseconds: loop.measuredNow().nanoseconds(since: begin))
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return receivePlaintext(bytes) }
        do throws(TLSError) {
            try tls.receive(bytes) { () throws(TLSError) in
                if !tlsIsComplete { advanceHandshake(tls) }
                try receiveEncrypted(tls)
            }
        } catch {
            fail(.tls(error))
        }
    }

    private func receiveEncrypted(_ tls: TLSSession) throws(TLSError) {
        while tlsIsComplete, phase == .handshaking || phase == .open {
            switch try tls.read(into: buffers.plaintext) {
            case .wouldBlock: return
            case .closed: return receiveEnd()
            case .bytes(let count):
                receivePlaintext(UnsafeRawBufferPointer(rebasing: buffers.plaintext[..<count]))
            }
        }
    }

    private func advanceHandshake(_ tls: TLSSession) {
        do throws(TLSError) {
            if case .complete = try tls.handshake() {
                tlsIsComplete = true
                startTimer(timeouts.prefaceNanoseconds, thenEnd: .handshakeTimeout)
            }
            outputIsReady()
        } catch {
            fail(.tls(error))
        }
    }

    private func receivePlaintext(_ bytes: UnsafeRawBufferPointer) {
        do throws(HTTP2Error) {
            try session.receive(bytes, at: loop.now())
            takeEvents()
            // Window updates, acknowledgements and answers may be waiting.
            if session.wantsWrite || session.isFinished { outputIsReady() }
        } catch {
            takeEvents()
            fail(.http2(error))
        }
    }

    private func takeEvents() {
        guard phase != .closed else { return }
        session.handEvents { event in
            if case .settings = event, phase == .handshaking { handshakeIsComplete() }
            delegate?.handle(event)
            return phase != .closed
        }
    }

    /// The peer's SETTINGS are the last part of the handshake.
    private func handshakeIsComplete() {
        phase = .open
        if endBehindOutput == nil { stopTimer() }
    }

    private func receiveEnd() {
        end(phase == .lingering ? lingerReason : .closedByPeer)
    }

    // MARK: Out

    /// Asks for a flush at the end of this turn.
    func outputIsReady() {
        guard !flushIsScheduled, phase != .closed else { return }
        flushIsScheduled = true
        loop.callAtEndOfTurn(self)
    }

    func turnDidEnd() {
        flushIsScheduled = false
        if isQuiet, session.openStreamCount > 0 { becomeBusy() }
        flush()
        if isQuiet { releaseBuffers() }
    }

    func streamIsWritable() { flush() }

    private func flush() {
        guard isOpen else { return }
        do throws(FlushFailure) {
            let tookAll = try flushToWire()
            isOutputBlocked = !tookAll
            takeEvents()
            guard phase != .closed else { return }
            stream.setWantsWritable(!tookAll)
            guard tookAll else { return }
            if let endBehindOutput {
                delegate?.connectionDidFail(endBehindOutput)
                linger(thenEnd: endBehindOutput)
            } else if tlsIsComplete, session.isFinished {
                linger(thenEnd: .finished)
            }
        } catch {
            end(error.end)
        }
    }

    /// Wraps the two kinds of errors of a flush for typed throws.
    private struct FlushFailure: Error {
        let end: ConnectionEnd
    }

    /// Whether the wire took everything.
    private func flushToWire() throws(FlushFailure) -> Bool {
        guard let tls else { return try flushPlaintext() }
        return try flushEncrypted(tls)
    }

    private func flushPlaintext() throws(FlushFailure) -> Bool {
        var wire = WireProgress()
        defer { wireByteCount &+= UInt64(wire.byteCount) }
        do throws(HTTP2Error) {
            try session.drainPieces { pieces in wire.send(pieces, to: stream) }
        } catch {
            throw FlushFailure(end: .http2(error))
        }
        if let failure = wire.failure { throw FlushFailure(end: .stream(failure)) }
        return !wire.isBlocked
    }

    private func flushEncrypted(_ tls: TLSSession) throws(FlushFailure) -> Bool {
        var wire = WireProgress()
        defer { wireByteCount &+= UInt64(wire.byteCount) }
        var failure: TLSError?
        var isFull = true
        while isFull {
            isFull = false
            if tlsIsComplete {
                do throws(HTTP2Error) {
                    try session.drainPieces { pieces in
                        guard failure == nil, tls.outputByteCount < Self.ciphertextByteCountMax else {
                            isFull = true
                            return 0
                        }
                        do throws(TLSError) { return try tls.write(pieces) } catch { failure = error }
                        return 0
                    }
                } catch {
                    throw FlushFailure(end: .http2(error))
                }
            }
            tls.drainOutput { bytes in wire.send(bytes, to: stream) }
            if let failure { throw FlushFailure(end: .tls(failure)) }
            if let failure = wire.failure { throw FlushFailure(end: .stream(failure)) }
            if wire.isBlocked { return false }
        }
        return true
    }

    /// What became of the bytes of a flush.
    private struct WireProgress {
        var isBlocked = false
        var byteCount = 0
        var failure: ByteStreamError?

        mutating func send(_ bytes: UnsafeRawBufferPointer, to stream: any ByteStream) -> Int {
            guard !isBlocked, failure == nil else { return 0 }
            return note(stream.send(bytes), of: bytes.count)
        }

        mutating func send(_ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>, to stream: any ByteStream) -> Int {
            guard !isBlocked, failure == nil else { return 0 }
            return note(stream.send(pieces), of: pieces.reduce(0) { $0 + $1.count })
        }

        private mutating func note(_ result: ByteStreamSendResult, of offeredByteCount: Int) -> Int {
            switch result {
            case .sent(let count):
                if count < offeredByteCount { isBlocked = true }
                byteCount += count
                return count
            case .failed(let error):
                failure = error
                return 0
            }
        }
    }

    // MARK: Memory

    /// Differs from what it was before when bytes have moved in between.
    var movement: UInt64 { activity.receiveCount &+ wireByteCount }

    private func becomeBusy() {
        isQuiet = false
        tls?.keepsBuffers = true
        buffers.quietWatch.add(self)
    }

    /// Holds memory for bytes on their way only while they are, until the next call.
    func becomeQuiet() {
        isQuiet = true
        tls?.keepsBuffers = false
        releaseBuffers()
    }

    private func releaseBuffers() {
        session.releaseBuffers()
        tls?.releaseBuffers()
    }

    // MARK: The end

    /// Tells the peer why, as far as the wire takes it at once, and ends.
    func fail(_ reason: ConnectionEnd) {
        guard isOpen else { return }
        _ = try? flushToWire()
        guard session.role == .server else { return end(reason) }
        delegate?.connectionDidFail(reason)
        linger(thenEnd: reason)
    }

    /// Everything is said and sent: close our direction, and wait a moment for the peer to close its own.
    ///
    /// Why wait: closing a socket with unread bytes resets it, and the reset overtakes the last answers, or the GOAWAY
    /// or alert that says what was wrong.
    private func linger(thenEnd reason: ConnectionEnd) {
        phase = .lingering
        lingerReason = reason
        tls?.shutdown()
        tls?.drainOutput { bytes in
            if case .sent(let count) = stream.send(bytes) { return count }
            return 0
        }
        stream.setWantsWritable(false)
        stream.shutdownSending()
        startTimer(Self.lingerTimeoutNanoseconds, thenEnd: reason)
    }

    private func end(_ reason: ConnectionEnd) {
        guard phase != .closed else { return }
        phase = .closed
        stopTimer()
        if !isQuiet { buffers.quietWatch.remove(self) }
        stream.close()
        let delegate = self.delegate
        self.delegate = nil
        delegate?.connectionDidEnd(reason)
    }

    /// Starts the one timer of the connection, in place of the one that ran.
    private func startTimer(_ nanoseconds: UInt64, thenEnd reason: ConnectionEnd) {
        stopTimer()
        timer = loop.schedule(afterNanoseconds: nanoseconds) {
            self.timer = nil
            self.end(reason)
        }
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }
}

/// How long a peer may take to begin.
struct HandshakeTimeouts {
    /// From the connection to the end of the TLS handshake.
    var tlsNanoseconds: UInt64 = 10_000_000_000
    /// From there to the peer's SETTINGS, the last part of HTTP/2's preface.
    var prefaceNanoseconds: UInt64 = 5_000_000_000
}
