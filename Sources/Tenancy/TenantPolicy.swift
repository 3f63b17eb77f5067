package import Vocabulary

/// What one tenant may do, and how much of it.
package struct TenantPolicy: Hashable, Sendable {
    /// The models it may call; nil for all of them.
    package var allowedModels: Set<ModelName>?
    /// Its share where tenants compete: twice the weight, twice the turns; in `weightRange`.
    package var weight: Int
    /// The most calls it may have in progress, nil for no limit of its own; more are answered RESOURCE_EXHAUSTED.
    package var concurrencyMax: Int?

    package static let weightRange = 1...1_000

    /// - Precondition: `weight` is in `weightRange`, and `concurrencyMax` at least 1.
    package init(allowedModels: Set<ModelName>? = nil, weight: Int = 1, concurrencyMax: Int? = nil) {
        precondition(TenantPolicy.weightRange.contains(weight), "weight \(weight)")
        precondition(concurrencyMax.map { $0 >= 1 } ?? true, "concurrencyMax \(concurrencyMax ?? 0)")
        self.allowedModels = allowedModels
        self.weight = weight
        self.concurrencyMax = concurrencyMax
    }
}
