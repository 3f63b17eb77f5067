package import Configuration
import Vocabulary

extension TenantTable {
    /// Reads the section `tenancy` of a configuration file; what is absent keeps its default.
    ///
    /// ```yaml
    /// tenancy:
    ///   trust_domain: apus.local
    ///   unlisted: allow            # or deny: only the tenants below
    ///   unlisted_limits: {…}       # of each tenant that is not listed: what a tenant below can have but a name
    ///   roles:                     # what several tenants may do
    ///     - name: editors
    ///       models: [storyteller]
    ///       actions: [infer, inspect, manage]
    ///   tenants:
    ///     - name: acme
    ///       models: [digits, storyteller]   # all when absent, unless roles are there
    ///       methods: [apus.text.v1.Text/*, inference.GRPCInferenceService/ModelInfer]
    ///       actions: [infer, inspect]       # the default; manage lets it load and unload these models
    ///       roles: [editors]       # what these say is allowed too
    ///       highest_priority: 3    # of its requests, 1 (the most urgent) to 9; 5, the usual one, when absent
    ///       weight: 4
    ///       max_concurrency: 64
    ///       requests_per_second: 100        # calls of any kind, those that only look too
    ///       request_burst: 200     # at once after a pause; as many as a second gives when absent
    ///       tokens_per_second: 5000
    ///       token_burst: 20000
    ///       resident_memory: 2GiB  # of the models it has called last: others' models do not drive them out of memory
    ///       # Of calls for what models do; a look, such as ModelMetadata or ModelReady, costs nothing.
    ///       budget: {period: day, tokens: 10000000, requests: 100000, images: 5000, nodes: 1000000, edges: 5000000}
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
        let roles = try Self.roles(in: map)
        if let limits = try map.map("unlisted_limits") {
            unlistedPolicy = try TenantPolicy(reading: limits, roles: roles)
        }
        if try map.choice("unlisted", of: UnlistedTenants.self) == .deny {
            guard !map.contains("unlisted_limits") else {
                throw map.error(at: "unlisted_limits", "unlisted tenants are denied above")
            }
            unlistedPolicy = nil
        }
        for tenant in try map.maps("tenants") {
            let name = try tenant.requiredString("name")
            guard let id = TenantID(name) else {
                throw tenant.error(
                    at: "name", "expected 1 to 63 characters of a-z 0-9 . _ -, a letter or digit first")
            }
            guard policies.updateValue(try TenantPolicy(reading: tenant, roles: roles), forKey: id) == nil else {
                throw tenant.error(at: "name", "a tenant called \(id) stands above already")
            }
        }
    }

    private static func roles(in map: ConfigurationMap) throws(ConfigurationError) -> [String: Grant] {
        var roles: [String: Grant] = [:]
        for role in try map.maps("roles") {
            let name = try role.requiredString("name")
            guard roles.updateValue(try Grant(reading: role), forKey: name) == nil else {
                throw role.error(at: "name", "a role called \(name) stands above already")
            }
        }
        return roles
    }

    private enum UnlistedTenants: String, CaseIterable {
        case allow
        case deny
    }
}

extension TenantPolicy {
    fileprivate init(reading map: ConfigurationMap, roles: [String: Grant]) throws(ConfigurationError) {
        self.init(
            grants: try TenantPolicy.grants(in: map, roles),
            weight: try map.integer("weight", in: TenantPolicy.weightRange) ?? 1,
            concurrencyMax: try map.integer("max_concurrency", in: 1...1_000_000))
        priorityMax = try map.integer("highest_priority", in: TenantShare.priorityRange)
        requestRate = try TenantPolicy.rate("requests_per_second", burst: "request_burst", in: map)
        tokenRate = try TenantPolicy.rate("tokens_per_second", burst: "token_burst", in: map)
        residentByteCount = try map.byteCount("resident_memory", in: 1...(1 << 50))
        budget = try map.map("budget").map { section throws(ConfigurationError) in
            try BudgetPolicy(reading: section)
        }
    }

    private static func rate(
        _ key: String, burst burstKey: String, in map: ConfigurationMap
    ) throws(ConfigurationError) -> RateLimit? {
        let perSecond = try map.double(key, in: RateLimit.perSecondRange)
        let burst = try map.integer(burstKey, in: 1...1_000_000_000)
        guard let perSecond else {
            guard burst == nil else { throw map.error(at: burstKey, "means nothing without \(key)") }
            return nil
        }
        return RateLimit(perSecond: perSecond, burst: burst.map(UInt64.init) ?? max(1, UInt64(perSecond.rounded(.up))))
    }

    /// Its own, when it says anything about them or has no role, and those of its roles.
    private static func grants(
        in map: ConfigurationMap, _ roles: [String: Grant]
    ) throws(ConfigurationError) -> [Grant] {
        var grants: [Grant] = []
        let names = try map.strings("roles") ?? []
        for name in names {
            guard let grant = roles[name] else {
                throw map.error(
                    at: "roles",
                    "no role is called \(name); there are: \(roles.keys.sorted().joined(separator: ", "))")
            }
            grants.append(grant)
        }
        let hasOwn = ["models", "methods", "actions"].contains { map.contains($0) }
        if hasOwn || names.isEmpty { grants.append(try Grant(reading: map)) }
        return grants
    }
}

extension Grant {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init(models: try Grant.models(in: map), methods: try Grant.methods(in: map))
        guard let words = try map.strings("actions") else { return }
        actions = []
        for word in words {
            guard let action = ModelAction(rawValue: word) else {
                throw map.error(
                    at: "actions",
                    "expected some of \(ModelAction.allCases.map(\.rawValue).joined(separator: ", ")), got \(word)")
            }
            actions.insert(action)
        }
    }

    private static func methods(in map: ConfigurationMap) throws(ConfigurationError) -> [MethodPattern]? {
        guard let texts = try map.strings("methods") else { return nil }
        var patterns: [MethodPattern] = []
        for text in texts {
            guard let pattern = MethodPattern(text) else {
                throw map.error(
                    at: "methods", "expected SERVICE/METHOD or SERVICE/*, got \"\(text.shown())\"")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    private static func models(in map: ConfigurationMap) throws(ConfigurationError) -> Set<ModelName>? {
        guard let names = try map.strings("models") else { return nil }
        var models: Set<ModelName> = []
        for name in names {
            guard let model = ModelName(name) else {
                throw map.error(at: "models", "\"\(name.shown())\" cannot be the name of a model")
            }
            models.insert(model)
        }
        return models
    }
}

extension BudgetPolicy {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        guard let period = try map.choice("period", of: BudgetPeriod.self) else {
            throw map.error(
                at: "period", "is required: \(BudgetPeriod.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var limits: [MeteredUnit: UInt64] = [:]
        for unit in MeteredUnit.allCases {
            guard let limit = try map.integer(unit.rawValue, in: 0...1_000_000_000_000_000) else { continue }
            limits[unit] = UInt64(limit)
        }
        guard !limits.isEmpty else {
            throw map.error(
                at: "period",
                "expected a limit beside it: \(MeteredUnit.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.init(period: period, limits: limits)
    }
}
