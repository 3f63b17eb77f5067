/// What calls have used: the one measure of budgets, of the trailers that callers read, and of the ledger.
package struct Consumption: Hashable, Sendable {
    package var requestCount: UInt64 = 0
    /// Those of the requests that ended in an error.
    package var failureCount: UInt64 = 0
    package var promptTokenCount: UInt64 = 0
    /// Those of the prompt's tokens that the cache had.
    package var cachedTokenCount: UInt64 = 0
    package var generatedTokenCount: UInt64 = 0
    package var imageCount: UInt64 = 0
    package var nodeCount: UInt64 = 0
    package var edgeCount: UInt64 = 0
    /// Waiting in queues of the engine.
    package var queueMicroseconds: UInt64 = 0
    /// Executions that worked for the calls; one that several requests share counts in full for each.
    package var computeMicroseconds: UInt64 = 0

    package init() {}

    /// The most that one call counts for of anything: more than any call can use, and so little that sums of millions
    /// of calls fit.
    package static let countMax: UInt64 = 1 << 40

    /// With no count beyond `countMax`.
    package var clamped: Consumption {
        var clamped = self
        clamped.combine(Consumption()) { count, _ in min(count, Self.countMax) }
        return clamped
    }

    /// As limits count it.
    package var amounts: MeteredAmounts {
        MeteredAmounts(
            requests: requestCount, tokens: saturatingSum(promptTokenCount, generatedTokenCount), images: imageCount,
            nodes: nodeCount, edges: edgeCount)
    }

    /// Adds what another call, or another part of this one, has used; stays at the end of the range instead of
    /// overflowing.
    package mutating func add(_ other: Consumption) { combine(other, saturatingSum) }

    /// Takes a part away that was added before, at most all there is.
    package mutating func remove(_ part: Consumption) { combine(part) { $0 - min($0, $1) } }

    @inline(__always)
    private mutating func combine(_ other: Consumption, _ combined: (UInt64, UInt64) -> UInt64) {
        requestCount = combined(requestCount, other.requestCount)
        failureCount = combined(failureCount, other.failureCount)
        promptTokenCount = combined(promptTokenCount, other.promptTokenCount)
        cachedTokenCount = combined(cachedTokenCount, other.cachedTokenCount)
        generatedTokenCount = combined(generatedTokenCount, other.generatedTokenCount)
        imageCount = combined(imageCount, other.imageCount)
        nodeCount = combined(nodeCount, other.nodeCount)
        edgeCount = combined(edgeCount, other.edgeCount)
        queueMicroseconds = combined(queueMicroseconds, other.queueMicroseconds)
        computeMicroseconds = combined(computeMicroseconds, other.computeMicroseconds)
    }
}

@inline(__always)
private func saturatingSum(_ first: UInt64, _ second: UInt64) -> UInt64 {
    let (sum, overflow) = first.addingReportingOverflow(second)
    return overflow ? .max : sum
}
