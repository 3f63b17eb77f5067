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
    /// What a byte of DATA pays for; a message of a few bytes already pays for the window updates that follow it.
    private static let creditPerByte = 1.0
    /// DATA below this counts until somebody takes it: cut up small, a megabyte is a million frames.
    private static let dataByteCountMin = 1024
    private static let smallDataWeight = 0.5
    /// Window updates below this are not worth a frame.
    private static let windowIncrementMin = 256
    /// Even a large one may be for a stream that is gone, or one in a thousand for the same.
    private static let windowUpdateWeight = 0.1
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

    /// Counts a header block that has reached an open stream.
    ///
    /// Not counted where the frame is seen: a block for a stream that is gone helps nobody.
    mutating func countHeadersTaken() { useless.scoop(1 + Self.creditPerUsefulFrame) }

    /// Counts a DATA frame that has ended an open stream.
    mutating func countEndTaken() { useless.scoop(1) }

    /// Counts payload of DATA that has reached an open stream.
    mutating func countDataTaken(byteCount: Int) {
        useless.scoop(min(Double(byteCount) * Self.creditPerByte, Self.creditPerUsefulFrame))
    }

    /// Counts a stream that both sides have ended in good order: a peer that waits for most of its answers may cancel
    /// the others at any rate.
    mutating func countAnswer() { resets.scoop(1) }

    private mutating func judge(_ frame: FrameHeader) -> HTTP2Flood? {
        switch frame.type {
        case FrameHeader.headers:
            continuationCount = 0
            return count(useless: 1)
        case FrameHeader.continuation:
            continuationCount += 1
            return continuationCount <= continuationCountMax ? nil : .continuations
        case FrameHeader.resetStream:
            return resets.pour(1) ? nil : .resets
        case FrameHeader.data:
            return count(useless: weight(ofData: frame))
        case FrameHeader.windowUpdate where frame.windowIncrement >= Self.windowIncrementMin:
            return count(useless: Self.windowUpdateWeight)
        case FrameHeader.settings:
            return count(useless: Self.settingsWeight)
        case FrameHeader.goAway:
            return count(useless: 1)
        default:  // small WINDOW_UPDATE, PING, PRIORITY, PRIORITY_UPDATE, unknown types
            return count(useless: 1)
        }
    }

    private mutating func count(useless weight: Double) -> HTTP2Flood? {
        useless.pour(weight) ? nil : .uselessFrames
    }

    /// What a DATA frame counts for before it is known whether anybody wants it.
    private func weight(ofData frame: FrameHeader) -> Double {
        if frame.flags & FrameHeader.endStreamFlag != 0 { return 1 }
        let mayBeAllPadding =
            frame.flags & FrameHeader.paddedFlag != 0 && frame.byteCount <= Self.paddingByteCountMax
        if frame.byteCount == 0 || mayBeAllPadding { return 1 }
        return frame.byteCount < Self.dataByteCountMin ? Self.smallDataWeight : 0
    }
}
