import Vocabulary

/// Decides when a peer has caused more work that leads nowhere than the limits allow.
///
/// A pure state machine over frame headers; time comes with the bytes.
struct FloodGuard {
    /// Useless frames that one useful frame pays for.
    ///
    /// A client that answers each message with a WINDOW_UPDATE on its
    /// stream and one on the connection, and pings now and then, stays clear at any rate.
    private static let creditPerUsefulFrame = 4.0
    /// A SETTINGS may touch every open stream, so a hundred of them in one go are too many.
    private static let settingsWeight = 100.0
    /// Window updates below this are not worth a frame.
    private static let windowIncrementMin = 256
    /// A padded DATA this short may hold nothing but padding.
    private static let paddingByteCountMax = 256

    private var walker: FrameWalker
    private var resets: LeakyBucket
    private var useless: LeakyBucket
    private var continuationCount: UInt32 = 0
    private let continuationCountMax: UInt32

    init(limits: HTTP2FloodLimits, role: HTTP2Role) {
        walker = FrameWalker(prefaceByteCount: role == .server ? 24 : 0)
        resets = LeakyBucket(burst: limits.resetBurst, perSecond: limits.resetsPerSecond)
        useless = LeakyBucket(burst: limits.uselessFrameBurst, perSecond: limits.uselessFramesPerSecond)
        continuationCountMax = limits.continuationCountMax
    }

    /// Looks at every frame header in `bytes`, and says which limit they break, if any.
    mutating func inspect(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime) -> HTTP2Flood? {
        resets.leak(until: now)
        useless.leak(until: now)
        var offset = 0
        while let frame = walker.next(in: bytes, from: &offset) {
            if let flood = judge(frame) { return flood }
        }
        return nil
    }

    /// Counts a stream that was reset because of what the peer sent on it.
    mutating func countProvokedReset() -> HTTP2Flood? { resets.pour(1) ? nil : .resets }

    /// Counts a DATA frame sent: the peer may answer it with window updates.
    mutating func countDataSent() { useless.scoop(Self.creditPerUsefulFrame) }

    private mutating func judge(_ frame: FrameHeader) -> HTTP2Flood? {
        switch frame.type {
        case FrameHeader.headers:
            continuationCount = 0
            useless.scoop(Self.creditPerUsefulFrame)
            return nil
        case FrameHeader.continuation:
            continuationCount += 1
            return continuationCount <= continuationCountMax ? nil : .continuations
        case FrameHeader.resetStream:
            return resets.pour(1) ? nil : .resets
        case FrameHeader.data:
            return judgeData(frame)
        case FrameHeader.windowUpdate where frame.windowIncrement >= Self.windowIncrementMin:
            return nil
        case FrameHeader.settings:
            return useless.pour(Self.settingsWeight) ? nil : .uselessFrames
        case FrameHeader.goAway:
            return nil
        default:  // small WINDOW_UPDATE, PING, PRIORITY, PRIORITY_UPDATE, unknown types
            return useless.pour(1) ? nil : .uselessFrames
        }
    }

    private mutating func judgeData(_ frame: FrameHeader) -> HTTP2Flood? {
        if frame.flags & FrameHeader.endStreamFlag != 0 { return nil }
        let mayBeAllPadding =
            frame.flags & FrameHeader.paddedFlag != 0 && frame.byteCount <= Self.paddingByteCountMax
        if frame.byteCount == 0 || mayBeAllPadding { return useless.pour(1) ? nil : .uselessFrames }
        useless.scoop(Self.creditPerUsefulFrame)
        return nil
    }
}
