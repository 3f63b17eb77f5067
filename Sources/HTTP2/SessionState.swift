import Vocabulary

/// Everything a session knows beside nghttp2's own state; nghttp2 holds a pointer to it as the session's user data.
///
/// Why a struct behind a raw pointer and not the session object: callbacks reach it without reference counting and
/// without exclusivity checks. `HTTP2Session` owns the memory and outlives every callback.
struct SessionState {
    let role: HTTP2Role
    let outboundLowWaterByteCount: Int
    let outputByteCountMax: Int
    let sentDataFrameByteCountMax: Int
    let headerListByteCountMax: Int
    var streams = StreamPool()
    var events = EventQueue()
    /// Frames ready for the transport.
    var output = OutputQueue()
    /// Where nghttp2 serialises frames; nil when that is not a run of pages.
    var frameBuffer: UInt?
    /// Memory that nghttp2 will want again.
    var freeBlocks = FreeBlocks()
    var headerScratch: HeaderScratch
    /// The last headers and the last trailers that came: peers send the same ones again and again.
    private var lastHeaders: HeaderStorage?
    private var lastTrailers: HeaderStorage?
    private var arrivingAreTrailers = false
    /// Longer lists are not kept to be compared with the next one.
    private static let lastByteCountMax = 2 << 10
    var floodGuard: FloodGuard
    /// DATA payload that arrived since connection window was last given back.
    var arrivedByteCount = 0
    /// Bytes submitted on all streams that are not in frames yet.
    var queuedByteCount = 0
    /// Streams that nghttp2 has not closed.
    var openStreamCount = 0
    /// HEADERS and DATA frames that nghttp2 has sent.
    var sentFrameCount: UInt64 = 0
    /// Why the connection cannot go on; nothing is received after it is set.
    var failure: HTTP2Error?
    /// nghttp2 can make no more frames; what is in `output` is all that will ever leave.
    var isSendingBroken = false
    var shutdown = ShutdownPhase.none

    /// How far the end of the connection has come.
    enum ShutdownPhase {
        case none
        /// The shutdown notice and a PING are queued or sent; the peer may still open streams.
        case noticeSent
        /// The PING came back, so every stream opened before the notice arrived has been seen.
        case noticeAcknowledged
        /// The final GOAWAY is queued or sent.
        case final
        /// The owner called `terminate`.
        case terminated
    }

    init(role: HTTP2Role, configuration: HTTP2Configuration) {
        self.role = role
        outboundLowWaterByteCount = configuration.outboundLowWaterByteCount
        outputByteCountMax = configuration.outputByteCountMax
        sentDataFrameByteCountMax = configuration.sentDataFrameByteCountMax
        headerListByteCountMax = configuration.headerListByteCountMax
        headerScratch = HeaderScratch(listByteCountMax: configuration.headerListByteCountMax)
        floodGuard = FloodGuard(limits: configuration.floodLimits, role: role)
    }

    /// A list begins to arrive, which is most likely the same as the last one of its kind.
    mutating func beginHeaders(areTrailers: Bool) {
        arrivingAreTrailers = areTrailers
        headerScratch.begin(like: (areTrailers ? lastTrailers : lastHeaders)?.fields)
    }

    /// The list that has arrived, which is the last one now.
    mutating func takeHeaders() -> HeaderStorage {
        if headerScratch.isRepetition, let last = arrivingAreTrailers ? lastTrailers : lastHeaders {
            last.isRepeated = true
            return last
        }
        let storage = headerScratch.takeStorage()
        let isKept = !storage.isTruncated && storage.listByteCount <= Self.lastByteCountMax
        if arrivingAreTrailers {
            lastTrailers = isKept ? storage : nil
        } else {
            lastHeaders = isKept ? storage : nil
        }
        return storage
    }

    /// Gives back what only the next lists would need.
    mutating func releaseHeaders() {
        headerScratch.deallocate()
        lastHeaders = nil
        lastTrailers = nil
    }

    /// Forgets what a stream still had to send.
    mutating func dropOutbound(of record: UnsafeMutablePointer<StreamRecord>) {
        queuedByteCount -= record.pointee.outbound.byteCount
        record.pointee.outbound.removeAll()
    }

    mutating func deallocate() {
        streams.deallocate()
        events.deallocate()
        output.deallocate()
        freeBlocks.deallocate()
        releaseHeaders()
    }
}
