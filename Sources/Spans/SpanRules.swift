package import Vocabulary

/// Which calls of models are recorded, as somebody says it while the server runs: for all models, and for some.
///
/// What is not said about a model is as it is for all of them, and what is said about neither is as configured. So
/// without any rule this decides nothing. A caller that brings a trace of its own decides as ever, whatever the rate
/// and the count, unless recording is off.
///
/// A value: calls in, verdicts out. `SharedSpanRules` holds the one of a server.
///
/// - Source: Triton's trace extension and "Triton Server Trace", for the meaning of each part.
package struct SpanRules: Sendable {
    /// How many calls are still to be recorded.
    package enum Count: Hashable, Sendable {
        case unlimited
        case left(UInt32)
    }

    /// What is said about a model, or about all; nil says nothing.
    package struct Rule: Sendable {
        /// Whether calls are recorded at all.
        package var isOn: Bool?
        /// Of so many calls one is recorded; 0 for none but those whose callers want it.
        package var rate: UInt32? { didSet { passedCount = 0 } }
        /// Calls whose callers want it do not count.
        package var count: Count?
        /// Calls that the rate has passed over since one was recorded.
        fileprivate var passedCount: UInt32 = 0

        /// Whether nothing is said.
        var isEmpty: Bool { isOn == nil && rate == nil && count == nil }
    }

    /// What becomes of a call.
    package enum Verdict: Hashable, Sendable {
        /// What the caller says, or else the configuration, decides.
        case asConfigured
        case record
        case skip
    }

    /// What holds where no rule says anything, as far as it can be said in one.
    package let configured: (isOn: Bool, rate: UInt32)
    /// For all models.
    private var common = Rule()
    private var ofModel: [ModelName: Rule] = [:]

    /// Models that may have rules of their own, so that their number has a bound.
    package static let modelCountMax = 4096

    /// - Parameter sampleRatio: of the calls whose callers say nothing, as configured.
    package init(sampleRatio: Double) {
        let rate = sampleRatio > 0 ? UInt32(clamping: Int((1 / sampleRatio).rounded())) : 1000
        configured = (sampleRatio > 0, rate)
    }

    /// Whether there is any rule.
    package var isEmpty: Bool { common.isEmpty && ofModel.isEmpty }

    /// What is said about a model itself, or about all.
    package subscript(model model: ModelName?) -> Rule {
        get {
            guard let model else { return common }
            return ofModel[model] ?? Rule()
        }
        set {
            guard let model else { return common = newValue }
            ofModel[model] = newValue.isEmpty ? nil : newValue
        }
    }

    /// Whether a model could get a rule of its own.
    package func hasRoom(for model: ModelName) -> Bool {
        ofModel[model] != nil || ofModel.count < Self.modelCountMax
    }

    /// What holds for a model, or for all, with what is configured in the gaps.
    package func effective(of model: ModelName?) -> (isOn: Bool, rate: UInt32, count: Count) {
        let own = self[model: model]
        return (
            own.isOn ?? common.isOn ?? configured.isOn, own.rate ?? common.rate ?? configured.rate,
            own.count ?? common.count ?? .unlimited
        )
    }

    /// Decides about one call of a model, and counts it.
    ///
    /// - Parameters:
    ///   - model: as the caller names it.
    ///   - hasParent: whether the caller says itself if it is recorded.
    /// - Returns: what becomes of it.
    package mutating func decide(_ model: ModelName, hasParent: Bool) -> Verdict {
        let own = ofModel[model]
        let isOn = own?.isOn ?? common.isOn
        if isOn == false { return .skip }
        // A rate or a count alone does not switch on what the configuration has off.
        guard !hasParent, isOn ?? configured.isOn,
            isOn != nil || own?.rate ?? common.rate != nil || own?.count ?? common.count != nil
        else { return .asConfigured }
        let effective = effective(of: model)
        guard effective.count != .left(0), isNext(model, rate: effective.rate) else { return .skip }
        if case .left(let left) = effective.count {
            // Models without a count of their own share that of all.
            if own?.count != nil { ofModel[model]?.count = .left(left - 1) } else { common.count = .left(left - 1) }
        }
        return .record
    }

    /// Whether the rate comes to a call; those of all models without a rate of their own are counted together.
    private mutating func isNext(_ model: ModelName, rate: UInt32) -> Bool {
        guard rate > 0 else { return false }
        let hasOwnRate = ofModel[model]?.rate != nil
        let passedCount = (hasOwnRate ? ofModel[model]?.passedCount : common.passedCount) ?? 0
        let isNext = passedCount >= rate - 1
        let following = isNext ? 0 : passedCount + 1
        if hasOwnRate { ofModel[model]?.passedCount = following } else { common.passedCount = following }
        return isNext
    }
}
