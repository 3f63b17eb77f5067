package import Engine
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

    /// Follows work of the call until `end`: what it has used is charged however it ends, be it in the middle.
    ///
    /// - Parameters:
    ///   - work: says what it costs.
    ///   - count: what is charged for that.
    func begin(_ work: any UsageSource, charging count: @escaping @Sendable (EngineUsage) -> Consumption)

    /// Ends work that has been followed: adds what it has used, for the tenant's budget, the call's trailers and the
    /// ledger.
    ///
    /// - Parameters:
    ///   - work: that has begun.
    ///   - reserved: of several requests that run at the same time, what this one alone has reserved; nil for the only
    ///     one.
    func end(_ work: any UsageSource, settling reserved: MeteredAmounts?)

    /// What the call has answered, where its caller asked for a digest of that.
    var digest: OutputDigest? { get }

    /// Tells a front end how many tokens a prompt has, in front of the answer.
    ///
    /// Why: trailers say it too, but a call that is cancelled, or whose server dies, has none.
    func announce(promptTokenCount: Int)
}

extension CallMeter {
    /// Notes a piece of a text.
    func note(_ piece: GenerationPiece) {
        noteGeneratedPiece()
        digest?.add(piece)
    }
}

extension CallContext {
    /// Asks for tokens, see `CallMeter.reserve`.
    func reserve(tokens: Int) throws(ServingError) {
        try meter?.reserve(MeteredAmounts(tokens: UInt64(clamping: tokens)))
    }

    /// Charges for tokens and times of work, until `end`.
    func begin(_ work: any UsageSource) { meter?.begin(work) { Consumption($0) } }

    /// Ends work, see `CallMeter.end`.
    func end(_ work: any UsageSource) { meter?.end(work, settling: nil) }
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
