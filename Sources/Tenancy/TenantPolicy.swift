package import Vocabulary

/// What one tenant may do, and how much of it.
package struct TenantPolicy: Hashable, Sendable {
    /// The models it may call; nil for all of them.
    package var allowedModels: Set<ModelName>?
    /// The methods it may call beside health and reflection; nil for all that are for tenants.
    package var allowedMethods: [MethodPattern]?
    /// Its share where tenants compete: twice the weight, twice the turns; in `weightRange`.
    package var weight: Int
    /// The most calls it may have in progress, nil for no limit of its own; more are answered RESOURCE_EXHAUSTED.
    package var concurrencyMax: Int?
    package var requestRate: RateLimit?
    package var tokenRate: RateLimit?
    package var budget: BudgetPolicy?
    /// The bytes of the models that it has called last which other tenants' models do not drive out of memory.
    package var residentByteCount: Int?

    package static let weightRange = 1...1_000

    /// - Precondition: `weight` is in `weightRange`, and `concurrencyMax` at least 1.
    package init(allowedModels: Set<ModelName>? = nil, weight: Int = 1, concurrencyMax: Int? = nil) {
        precondition(TenantPolicy.weightRange.contains(weight), "weight \(weight)")
        precondition(concurrencyMax.map { $0 >= 1 } ?? true, "concurrencyMax \(concurrencyMax ?? 0)")
        self.allowedModels = allowedModels
        self.weight = weight
        self.concurrencyMax = concurrencyMax
    }

    /// Whether anything but the calls in progress is limited.
    package var isMetered: Bool { requestRate != nil || tokenRate != nil || budget != nil }

    /// Whether a method may be called, as far as its name goes.
    func allows(path: String, _ audience: MethodAudience) -> Bool {
        guard audience != .everybody, let allowedMethods else { return true }
        return allowedMethods.contains { $0.matches(path: path) }
    }
}
