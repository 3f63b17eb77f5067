package import HTTP2

/// Finds what stands still because a peer has stopped taking or sending; a value: looks at even intervals in, stalls
/// out.
///
/// Why looks and not a timer for each stream: nearly every stream lives for less than a millisecond, and pays nothing
/// for this but two sums. The price is that a stall is found up to a quarter of the timeout late.
package struct StallWatch: Sendable {
    /// What has stood still for the timeout.
    package enum Stall: Hashable, Sendable {
        /// The wire takes no bytes at all.
        case wire
        /// The peer opens no window for the data that waits on this stream.
        case output(HTTP2Stream)
        /// The peer has begun a request on this stream and does not go on.
        case request(HTTP2Stream)
    }

    /// A stream as a look finds it.
    package struct Sight: Sendable {
        package var progress: HTTP2StreamProgress
        /// Whether the peer is to send the rest of something.
        package var owesRequest: Bool

        package init(_ progress: HTTP2StreamProgress, owesRequest: Bool) {
            self.progress = progress
            self.owesRequest = owesRequest
        }
    }

    /// Looks in the time after which standing still is a stall.
    package static let looksPerTimeout = 4

    /// One thing that may stand still.
    private struct Standstill {
        private var progress: UInt64 = 0
        private var lookCount = 0

        /// Whether it has waited, without progress, through a whole timeout of looks.
        mutating func look(isWaiting: Bool, progress: UInt64) -> Bool {
            let hasMoved = progress != self.progress
            self.progress = progress
            guard isWaiting else {
                lookCount = 0
                return false
            }
            lookCount = hasMoved ? 1 : lookCount + 1
            return lookCount > looksPerTimeout
        }
    }

    private struct Halves {
        var output = Standstill()
        var request = Standstill()
    }

    private var wire = Standstill()
    /// The streams of the last look, and no others.
    private var streams: [HTTP2Stream: Halves] = [:]

    package init() {}

    /// Looks once more, a quarter of the timeout after the last time.
    ///
    /// - Parameters:
    ///   - wireIsBlocked: whether bytes wait for the wire.
    ///   - wireByteCount: bytes the wire has taken so far.
    ///   - sights: every open stream.
    /// - Returns: what has stood still for too long; `.wire` alone, since everything else waits for it.
    package mutating func look(wireIsBlocked: Bool, wireByteCount: UInt64, _ sights: [Sight]) -> [Stall] {
        let wireStalls = wire.look(isWaiting: wireIsBlocked, progress: wireByteCount)
        var stalls: [Stall] = []
        var found: [HTTP2Stream: Halves] = [:]
        for sight in sights {
            let stream = sight.progress.stream
            var halves = streams[stream] ?? Halves()
            if halves.output.look(isWaiting: sight.progress.isOutOfWindow, progress: sight.progress.sentByteCount) {
                stalls.append(.output(stream))
            } else if halves.request.look(isWaiting: sight.owesRequest, progress: sight.progress.receivedByteCount) {
                stalls.append(.request(stream))
            }
            found[stream] = halves
        }
        streams = found
        return wireStalls ? [.wire] : stalls
    }
}
