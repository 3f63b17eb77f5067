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

    /// As limits count it.
    package var amounts: MeteredAmounts {
        MeteredAmounts(
            requests: requestCount, tokens: promptTokenCount &+ generatedTokenCount, images: imageCount,
            nodes: nodeCount, edges: edgeCount)
    }

    /// Adds what another call, or another part of this one, has used.
    package mutating func add(_ other: Consumption) {
        requestCount &+= other.requestCount
        failureCount &+= other.failureCount
        promptTokenCount &+= other.promptTokenCount
        cachedTokenCount &+= other.cachedTokenCount
        generatedTokenCount &+= other.generatedTokenCount
        imageCount &+= other.imageCount
        nodeCount &+= other.nodeCount
        edgeCount &+= other.edgeCount
        queueMicroseconds &+= other.queueMicroseconds
        computeMicroseconds &+= other.computeMicroseconds
    }

    /// Takes a part away that was added before.
    package mutating func remove(_ part: Consumption) {
        requestCount &-= part.requestCount
        failureCount &-= part.failureCount
        promptTokenCount &-= part.promptTokenCount
        cachedTokenCount &-= part.cachedTokenCount
        generatedTokenCount &-= part.generatedTokenCount
        imageCount &-= part.imageCount
        nodeCount &-= part.nodeCount
        edgeCount &-= part.edgeCount
        queueMicroseconds &-= part.queueMicroseconds
        computeMicroseconds &-= part.computeMicroseconds
    }
}
