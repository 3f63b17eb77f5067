package import Configuration
import Vocabulary

extension TenantTable {
    /// Reads the section `tenancy` of a configuration file; what is absent keeps its default.
    ///
    /// ```yaml
    /// tenancy:
    ///   trust_domain: apus.local
    ///   unlisted: allow            # or deny: only the tenants below
    ///   tenants:
    ///     - name: acme
    ///       models: [digits, storyteller]
    ///       weight: 4
    ///       max_concurrency: 64
    /// ```
    ///
    /// - Throws: `ConfigurationError` with the line and key.
    package init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init()
        if let domain = try map.string("trust_domain") {
            guard PeerIdentity(spiffeURI: "spiffe://\(domain)/role/admin") != nil else {
                throw map.error(
                    at: "trust_domain", "expected 1 to 255 lower-case letters, digits, dots, hyphens or underscores")
            }
            trustDomain = domain
        }
        if try map.choice("unlisted", of: UnlistedTenants.self) == .deny { unlistedPolicy = nil }
        for tenant in try map.maps("tenants") {
            let name = try tenant.requiredString("name")
            guard let id = TenantID(name) else {
                throw tenant.error(
                    at: "name", "expected 1 to 63 characters of a-z 0-9 . _ -, a letter or digit first")
            }
            guard policies.updateValue(try TenantPolicy(reading: tenant), forKey: id) == nil else {
                throw tenant.error(at: "name", "a tenant called \(id) stands above already")
            }
        }
    }

    private enum UnlistedTenants: String, CaseIterable {
        case allow
        case deny
    }
}

extension TenantPolicy {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init(
            allowedModels: try TenantPolicy.models(in: map),
            weight: try map.integer("weight", in: TenantPolicy.weightRange) ?? 1,
            concurrencyMax: try map.integer("max_concurrency", in: 1...1_000_000))
    }

    private static func models(in map: ConfigurationMap) throws(ConfigurationError) -> Set<ModelName>? {
        guard let names = try map.strings("models") else { return nil }
        var models: Set<ModelName> = []
        for name in names {
            guard let model = ModelName(name) else {
                throw map.error(at: "models", "\"\(name.prefix(80))\" cannot be the name of a model")
            }
            models.insert(model)
        }
        return models
    }
}
