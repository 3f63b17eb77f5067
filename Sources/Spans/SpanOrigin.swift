package import Telemetry

/// Where a new span belongs: its trace, what it is a part of, and whether anybody records it.
package struct SpanOrigin: Hashable, Sendable {
    package let trace: TraceID
    /// What it is a part of; nil for the first span of a trace.
    package let parent: SpanID?
    /// Whether that is a span of another process.
    package let parentIsRemote: Bool
    package let isSampled: Bool
    /// As it came with the parent.
    package let state: String

    init(root trace: TraceID, isSampled: Bool) {
        self.trace = trace
        parent = nil
        parentIsRemote = false
        self.isSampled = isSampled
        state = ""
    }

    /// The same place, of which somebody else decides whether it is recorded.
    package func deciding(isSampled: Bool) -> SpanOrigin { SpanOrigin(self, isSampled: isSampled) }

    private init(_ other: SpanOrigin, isSampled: Bool) {
        trace = other.trace
        parent = other.parent
        parentIsRemote = other.parentIsRemote
        self.isSampled = isSampled
        state = other.state
    }

    init(parent: TraceContext, isRemote: Bool) {
        trace = parent.trace
        self.parent = parent.span
        parentIsRemote = isRemote
        isSampled = parent.isSampled
        state = parent.state
    }
}
