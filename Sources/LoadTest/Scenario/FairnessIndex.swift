/// How evenly something is shared among tenants: 1 when all have as much, 1/n when one of n has everything.
///
/// ```
/// J(x) = (Σ xᵢ)² / (n · Σ xᵢ²)
/// ```
///
/// - Source: Jain, Chiu and Hawe 1984, "A quantitative measure of fairness and discrimination for resource allocation
///   in shared computer systems", DEC TR-301.
package enum FairnessIndex {
    /// Nil for nobody, and when nobody had anything.
    package static func jain(_ shares: [Double]) -> Double? {
        let sum = shares.reduce(0, +)
        let squares = shares.reduce(0) { $0 + $1 * $1 }
        guard !shares.isEmpty, squares > 0 else { return nil }
        return min(1, sum * sum / (Double(shares.count) * squares))
    }
}

/// What fairness index a measurement has, and of what.
package struct Fairness: Codable, Equatable, Sendable {
    /// Jain's index of each tenant's service divided by its weight; nil with fewer than two tenants, or no service.
    ///
    /// It is 1 where tenants that always have something to ask get what their weights say. A tenant that asks for less
    /// than its share makes it smaller, and that is no injustice: `ofGoodput` tells whether it got what it asked for.
    package var ofService: Double?
    /// What `ofService` counts: `compute_seconds`, as the server says in its trailers, or `answers` where it says none.
    package var service: String
    /// Jain's index of the share of each tenant's calls that kept to their objectives; nil with fewer than two tenants
    /// that called.
    package var ofGoodput: Double?

    package init(_ tenants: [TenantResult]) {
        let compute = tenants.map { Double($0.figures.measuredUsage.computeMicroseconds) / $0.weight }
        let hasCompute = compute.contains { $0 > 0 }
        service = hasCompute ? "compute_seconds" : "answers"
        let answers = tenants.map { Double($0.figures.answersInWindow) / $0.weight }
        ofService = tenants.count < 2 ? nil : FairnessIndex.jain(hasCompute ? compute : answers)
        let shares = tenants.compactMap(\.figures.goodputShare)
        ofGoodput = shares.count < 2 ? nil : FairnessIndex.jain(shares)
    }
}
