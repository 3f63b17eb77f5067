import Vocabulary

/// How urgent a call is: what its caller says, but no more than its tenant may have.
package struct CallPriority: Hashable, Sendable {
    /// In `TenantShare.priorityRange`, 1 being the most urgent.
    package let level: Int
    /// The most urgent that the tenant may have.
    let ceiling: Int

    /// - Parameters:
    ///   - wanted: by the caller; nil and 0 when it does not say, and the least urgent when it is beyond the range.
    ///   - ceiling: the most urgent that it may have.
    package init(_ wanted: UInt64? = nil, ceiling: Int = TenantShare.priorityRange.lowerBound) {
        let said = wanted.flatMap { $0 == 0 ? nil : Int(clamping: $0) } ?? TenantShare.priorityDefault
        level = max(min(said, TenantShare.priorityRange.upperBound), ceiling)
        self.ceiling = ceiling
    }

    /// As a request of the call says by itself.
    func saying(_ wanted: UInt64?) -> CallPriority { wanted.map { CallPriority($0, ceiling: ceiling) } ?? self }
}
