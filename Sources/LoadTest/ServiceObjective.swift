/// What a call has to keep to, to be of use to whoever made it (a service level objective, SLO).
///
/// A call without any objective is good when it is answered.
///
/// - Source: Zhong et al. 2024, "DistServe", on goodput: the calls that keep to all of their objectives.
package struct ServiceObjective: Equatable, Sendable {
    /// From when the call is meant to be sent to the end of its answer, at most.
    package var latencyNanoseconds: UInt64?
    /// From when the call is meant to be sent to its first token, at most.
    package var firstTokenNanoseconds: UInt64?
    /// Between the tokens of the call after the first, on average, at most.
    package var betweenTokensNanoseconds: UInt64?

    package init(
        latencyNanoseconds: UInt64? = nil, firstTokenNanoseconds: UInt64? = nil,
        betweenTokensNanoseconds: UInt64? = nil
    ) {
        self.latencyNanoseconds = latencyNanoseconds
        self.firstTokenNanoseconds = firstTokenNanoseconds
        self.betweenTokensNanoseconds = betweenTokensNanoseconds
    }

    /// Whether an answered call kept to all of it.
    ///
    /// A call that gave no token has kept to no objective of tokens; one that gave a single token has no time between
    /// tokens to keep to.
    package func isMet(by times: CallTimes) -> Bool {
        if let latencyNanoseconds, times.latencyNanoseconds > latencyNanoseconds { return false }
        if let firstTokenNanoseconds {
            guard let first = times.firstTokenNanoseconds, first <= firstTokenNanoseconds else { return false }
        }
        if let betweenTokensNanoseconds {
            guard times.firstTokenNanoseconds != nil else { return false }
            if let between = times.betweenTokensNanoseconds, between > betweenTokensNanoseconds { return false }
        }
        return true
    }
}

/// How long the parts of one answered call took.
package struct CallTimes: Equatable, Sendable {
    /// From when the call was meant to be sent to the end of its answer.
    package var latencyNanoseconds: UInt64
    /// From when the call was meant to be sent; nil for answers without tokens.
    package var firstTokenNanoseconds: UInt64?
    /// Between the tokens after the first, on average; nil when there were none.
    package var betweenTokensNanoseconds: UInt64?

    package init(
        latencyNanoseconds: UInt64, firstTokenNanoseconds: UInt64? = nil, betweenTokensNanoseconds: UInt64? = nil
    ) {
        self.latencyNanoseconds = latencyNanoseconds
        self.firstTokenNanoseconds = firstTokenNanoseconds
        self.betweenTokensNanoseconds = betweenTokensNanoseconds
    }
}
