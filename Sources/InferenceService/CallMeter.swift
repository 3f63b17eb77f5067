import Engine
package import Tenancy
package import Vocabulary

/// Counts what one call uses, and asks for it beforehand.
///
/// - Isolation: the handler of the call, on the loop of its connection.
package protocol CallMeter: AnyObject, Sendable {
    /// Asks whether the tenant may use so much more, before the work begins; what is not used is given back at the
    /// call's end.
    ///
    /// - Throws: RESOURCE_EXHAUSTED.
    func reserve(_ amounts: MeteredAmounts) throws(ServingError)

    /// Notes that a piece of a text is there, of which the first tells how long a prompt took.
    func noteGeneratedPiece()

    /// Adds what was used: for the tenant's budget, the call's trailers and the ledger.
    func add(_ consumption: Consumption, answeredBy version: ModelVersion)
}

extension CallContext {
    /// Asks for tokens, see `CallMeter.reserve`.
    func reserve(tokens: Int) throws(ServingError) {
        try meter?.reserve(MeteredAmounts(tokens: UInt64(clamping: tokens)))
    }

    /// Adds what the engine has counted.
    func add(
        _ usage: EngineUsage, answeredBy version: ModelVersion, images: Int = 0, nodes: Int = 0, edges: Int = 0
    ) {
        var consumption = Consumption()
        consumption.promptTokenCount = UInt64(clamping: usage.promptTokenCount)
        consumption.cachedTokenCount = UInt64(clamping: usage.cachedPromptTokenCount)
        consumption.generatedTokenCount = UInt64(clamping: usage.generatedTokenCount)
        consumption.imageCount = UInt64(clamping: images)
        consumption.nodeCount = UInt64(clamping: nodes)
        consumption.edgeCount = UInt64(clamping: edges)
        consumption.queueMicroseconds = usage.queueNanoseconds / 1000
        consumption.computeMicroseconds = usage.computeNanoseconds / 1000
        meter?.add(consumption, answeredBy: version)
    }
}
