package import Tenancy
package import Vocabulary

/// One line of a report about usage.
package struct UsageRow: Equatable, Sendable {
    package let tenant: TenantID
    /// Nil where the report adds up over models; empty for calls that named no model there is.
    package let model: String?
    /// The first second of the hour, since 1970; nil where the report adds up over time.
    package let hour: Int64?
    package let consumption: Consumption
}

/// What a report tells apart, beside tenants.
package struct UsageGrouping: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let models = UsageGrouping(rawValue: 1)
    package static let hours = UsageGrouping(rawValue: 2)
}
