import Vocabulary

/// What a callback notes down; becomes an `HTTP2Event` when it is taken.
struct RecordedEvent {
    enum Kind: UInt8 {
        case headers, data, trailers, writable, closed, settings, goAway, ping, pingAcknowledged
    }

    var kind: Kind
    var stream = HTTP2Stream(id: 0, slot: 0)
    var continuation = HTTP2Continuation.more
    var origin = HTTP2CloseOrigin.finished
    var code = HTTP2ErrorCode.noError
    var lastStreamID: Int32 = 0
    var payload: UInt64 = 0
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    /// A `HeaderStorage` or a `DebugData`, retained once for this event.
    var object: Unmanaged<AnyObject>?
}

/// The debug text of a GOAWAY.
final class DebugData {
    let bytes: Bytes
    init(_ bytes: Bytes) { self.bytes = bytes }
}

/// Recorded events in order; first in, first out.
///
/// The owner calls `deallocate`.
struct EventQueue {
    private var events: [RecordedEvent] = []
    private var head = 0

    /// Events that point into the bytes given to the last receive.
    private(set) var dataCount = 0

    mutating func append(_ event: RecordedEvent) {
        events.append(event)
        if event.kind == .data { dataCount += 1 }
    }

    /// Marks the last event as the end of the peer's half if it is data of `stream`.
    mutating func endLastData(of stream: HTTP2Stream) -> Bool {
        guard head < events.count else { return false }
        let last = events.count - 1
        guard events[last].kind == .data && events[last].stream == stream else { return false }
        events[last].continuation = .end
        return true
    }

    mutating func popFirst() -> RecordedEvent? {
        guard head < events.count else { return nil }
        let event = events[head]
        head += 1
        if event.kind == .data { dataCount -= 1 }
        if head == events.count {
            events.removeAll(keepingCapacity: true)
            head = 0
        }
        return event
    }

    /// Gives back all memory, unless events wait in it.
    mutating func releaseIfEmpty() {
        if events.isEmpty { events = [] }
    }

    mutating func deallocate() {
        while let event = popFirst() { event.object?.release() }
    }
}
