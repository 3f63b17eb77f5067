package import Telemetry
package import Tracing

/// What is known of a span; complete once it has ended.
package struct FinishedSpan: Sendable {
    /// Of attributes, events and links each; more are counted and left out.
    package static let partCountMax = 128

    package let context: TraceContext
    package let origin: SpanOrigin
    package let kind: SpanKind
    /// Since 1970, as all times here.
    package let startNanoseconds: UInt64
    package internal(set) var name: String
    package internal(set) var endNanoseconds: UInt64
    package internal(set) var attributes = SpanAttributes()
    package internal(set) var events: [SpanEvent] = []
    package internal(set) var links: [SpanLink] = []
    package internal(set) var status: SpanStatus?
    package internal(set) var droppedAttributeCount = 0
    package internal(set) var droppedEventCount = 0
    package internal(set) var droppedLinkCount = 0

    /// About how much it takes in a message: its texts, and something for each of its numbers.
    ///
    /// - Complexity: O(attributes, events and links).
    package var byteCount: Int {
        let parts = events.reduce(0) { $0 + $1.name.utf8.count + Self.byteCount(of: $1.attributes) }
        let more = links.reduce(0) { $0 + Self.byteCount(of: $1.attributes) }
        return Self.fixedByteCount + name.utf8.count + context.state.utf8.count + (status?.message?.utf8.count ?? 0)
            + Self.byteCount(of: attributes) + parts + more
    }

    /// Of identifiers, times and numbers.
    private static let fixedByteCount = 128

    private static func byteCount(of attributes: SpanAttributes) -> Int {
        var count = 0
        attributes.forEach { key, value in
            count += key.utf8.count + 16
            switch value {
            case .string(let text): count += text.utf8.count
            case .stringArray(let texts): count += texts.reduce(0) { $0 + $1.utf8.count + 4 }
            default: break
            }
        }
        return count
    }

    init(_ context: TraceContext, _ origin: SpanOrigin, name: String, kind: SpanKind, startNanoseconds: UInt64) {
        self.context = context
        self.origin = origin
        self.name = name
        self.kind = kind
        self.startNanoseconds = startNanoseconds
        endNanoseconds = startNanoseconds
    }

    /// Takes over attributes, but no more than there may be of those that are new.
    mutating func set(_ new: SpanAttributes) {
        guard new.count > Self.partCountMax else {
            attributes = new
            return
        }
        var kept = SpanAttributes()
        var names: [String] = []
        new.forEach { name, _ in names.append(name) }
        // In an order of their own, so that the same ones are kept each time.
        for name in names.sorted().prefix(Self.partCountMax) { kept.set(name, value: new.get(name)) }
        droppedAttributeCount = new.count - kept.count
        attributes = kept
    }

    mutating func add(_ event: SpanEvent) {
        if events.count < Self.partCountMax { events.append(event) } else { droppedEventCount += 1 }
    }

    mutating func add(_ link: SpanLink) {
        if links.count < Self.partCountMax { links.append(link) } else { droppedLinkCount += 1 }
    }
}
