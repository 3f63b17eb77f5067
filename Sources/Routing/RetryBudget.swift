/// How many calls may be tried again: a tenth of all calls, and a few in any case.
///
/// Why: when replicas fail because there is too much to do, trying everything again doubles it.
///
/// - Source: Google SRE Book, chapter 21, "Handling Overload"; Finagle's `RetryBudget`.
package struct RetryBudget: Equatable, Sendable {
    /// What a retry costs, in the unit in which calls earn 1.
    private static let retryCost = 10
    /// Earned and not used, at most: so many retries may come at once.
    private static let balanceMax = 100 * retryCost

    private var balance: Int

    /// A budget for `reserve` retries before any call.
    package init(reserve: Int = 10) { balance = reserve * Self.retryCost }

    /// Counts a call that was not a retry.
    package mutating func earn() { balance = min(balance + 1, Self.balanceMax) }

    /// Whether a call may be tried again; it is counted if so.
    package mutating func take() -> Bool {
        guard balance >= Self.retryCost else { return false }
        balance -= Self.retryCost
        return true
    }
}
