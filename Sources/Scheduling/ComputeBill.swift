package import Vocabulary

/// For whom an execution was, and how much of it each had: samples of a batch, or tokens of a step.
package struct ComputeBill: Sendable {
    private var parts: [(share: TenantShare, amount: Int)] = []
    private var amount = 0

    package init() {}

    /// Adds what was in the execution for one request.
    package mutating func add(_ share: TenantShare, amount: Int) {
        self.amount += amount
        // Neighbours are often of one tenant.
        if let last = parts.indices.last, parts[last].share == share {
            parts[last].amount += amount
        } else {
            parts.append((share, amount))
        }
    }

    /// The time of the execution, divided among them; a share may be there more than once.
    package func charges(of nanoseconds: UInt64) -> [(share: TenantShare, nanoseconds: Double)] {
        guard amount > 0 else { return [] }
        let nanosecondsEach = Double(nanoseconds) / Double(amount)
        return parts.map { ($0.share, Double($0.amount) * nanosecondsEach) }
    }
}
