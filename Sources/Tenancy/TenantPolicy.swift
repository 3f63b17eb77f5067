package import Vocabulary

/// What one tenant may do, and how much of it.
package struct TenantPolicy: Hashable, Sendable {
    /// What it may do; any of them will do.
    package var grants: [Grant]
    /// The highest priority that its requests may have, 1 being the highest of all; nil where nobody has said so: then
    /// it is the usual one, or what the front end says that the tenant calls through.
    package var priorityMax: Int?
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
    package init(grants: [Grant] = [Grant()], weight: Int = 1, concurrencyMax: Int? = nil) {
        precondition(TenantPolicy.weightRange.contains(weight), "weight \(weight)")
        precondition(concurrencyMax.map { $0 >= 1 } ?? true, "concurrencyMax \(concurrencyMax ?? 0)")
        self.grants = grants
        self.weight = weight
        self.concurrencyMax = concurrencyMax
    }

    /// Whether anything but the calls in progress is limited.
    package var isMetered: Bool { requestRate != nil || tokenRate != nil || budget != nil }

    /// The models that any of its grants is for; nil for all of them.
    package var allowedModels: Set<ModelName>? {
        grants.reduce(into: Set<ModelName>?.some([])) { all, grant in
            all = grant.models.flatMap { all?.union($0) }
        }
    }

    /// Whether nothing that tenants do by default is left out.
    var isOpen: Bool { grants.contains(where: \.isOpen) }

    /// Whether a method may be called, as far as its name goes.
    func allows(path: String, _ audience: MethodAudience) -> Bool {
        guard let action = audience.action else { return true }
        return grants.contains { $0.allows(path: path, action) }
    }

    /// Whether a method may be called for a model.
    func allows(path: String, _ audience: MethodAudience, model: ModelName) -> Bool {
        guard let action = audience.action else { return true }
        return grants.contains { $0.allows(path: path, action) && $0.models?.contains(model) ?? true }
    }
}
