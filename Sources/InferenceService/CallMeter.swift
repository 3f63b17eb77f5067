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

    /// What the call has used so far.
    var usedSoFar: Consumption { get }

    /// Notes that a piece of a text is there, of which the first tells how long a prompt took.
    func noteGeneratedPiece()

    /// Adds what was used: for the tenant's budget, the call's trailers and the ledger.
    func add(_ consumption: Consumption, answeredBy version: ModelVersion)

    /// Adds what one of several requests has used that run at the same time, and gives back what it alone reserved.
    func add(_ consumption: Consumption, answeredBy version: ModelVersion, settling reserved: MeteredAmounts)

    /// Tells a front end how many tokens a prompt has, in front of the answer.
    ///
    /// Why: trailers say it too, but a call that is cancelled, or whose server dies, has none.
    func announce(promptTokenCount: Int)
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
        var consumption = Consumption(usage)
        consumption.imageCount = UInt64(clamping: images)
        consumption.nodeCount = UInt64(clamping: nodes)
        consumption.edgeCount = UInt64(clamping: edges)
        meter?.add(consumption, answeredBy: version)
    }
}

extension Consumption {
    /// What the engine has counted.
    init(_ usage: EngineUsage) {
        self.init()
        promptTokenCount = UInt64(clamping: usage.promptTokenCount)
        cachedTokenCount = UInt64(clamping: usage.cachedPromptTokenCount)
        generatedTokenCount = UInt64(clamping: usage.generatedTokenCount)
        queueMicroseconds = usage.queueNanoseconds / 1000
        computeMicroseconds = usage.computeNanoseconds / 1000
    }
}
