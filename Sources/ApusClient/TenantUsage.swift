import Messages

/// What a tenant has used: of one model and in one hour, where the question told them apart.
public struct TenantUsage: Hashable, Sendable {
    /// By the name in its certificate.
    public let tenant: String
    /// Empty for all together, and for calls that named no model there is.
    public let model: String
    /// The first second of the hour, since 1970; nil for all together.
    public let hour: Int64?
    /// Calls that were let in, whatever became of them.
    public let requestCount: UInt64
    /// Those that ended with an error.
    public let failureCount: UInt64
    /// Of prompts.
    public let promptTokenCount: UInt64
    /// Those of the prompts' tokens that the cache had.
    public let cachedTokenCount: UInt64
    /// Of answers.
    public let generatedTokenCount: UInt64
    /// Pictures looked at.
    public let imageCount: UInt64
    /// Nodes of graphs, asked for or sent.
    public let nodeCount: UInt64
    /// Edges of graphs that were sent.
    public let edgeCount: UInt64
    /// Waiting in queues.
    public let queueTime: Duration
    /// Computing; an execution that calls share counts in full for each.
    public let computeTime: Duration
}

/// A tenant as the server sees it now.
public struct TenantInformation: Hashable, Sendable {
    /// What a tenant has of one unit of its budget.
    public struct Budget: Hashable, Sendable {
        /// `requests`, `tokens`, `images`, `nodes` or `edges`.
        public let unit: String
        /// The most in a period.
        public let limit: UInt64
        /// In this period.
        public let spent: UInt64
        /// Promised to calls in progress.
        public let reserved: UInt64
        /// When the next period begins, in seconds since 1970; nil before the first call.
        public let resetsAt: Int64?
    }

    /// By the name in its certificate.
    public let name: String
    /// Whether the configuration names it.
    public let isListed: Bool
    /// Its share where tenants compete.
    public let weight: Int
    /// Calls in progress.
    public let callsInProgress: UInt64
    /// The most calls in progress; nil for no limit.
    public let concurrencyMax: UInt64?
    /// What it may call; nil for all models.
    public let models: [String]?
    /// One entry for each unit that is limited.
    public let budgets: [Budget]
}

extension ApusClient {
    /// What tenants have used from one moment to another, by hours that begin in that time.
    ///
    /// Without `tenant`, of all tenants; without `until`, up to now.
    ///
    /// - Throws: PERMISSION_DENIED unless the client's certificate has the role `admin`; FAILED_PRECONDITION for a
    ///   server that keeps no ledger.
    public func usage(
        of tenant: String? = nil, since: Int64 = 0, until: Int64? = nil, byModel: Bool = false, byHour: Bool = false,
        timeout: Duration? = nil
    ) async throws(ApusError) -> [TenantUsage] {
        let request = GetUsageRequest(
            tenant: tenant ?? "", since: since, until: until, byModel: byModel, byHour: byHour)
        return try await call(AdminMethods.getUsage, request, timeout: timeout).rows.map { row in
            TenantUsage(
                tenant: row.tenant, model: row.model, hour: byHour ? row.hour : nil, requestCount: row.requests,
                failureCount: row.failures, promptTokenCount: row.promptTokens, cachedTokenCount: row.cachedTokens,
                generatedTokenCount: row.generatedTokens, imageCount: row.images, nodeCount: row.nodes,
                edgeCount: row.edges, queueTime: .microseconds(row.queueMicroseconds),
                computeTime: .microseconds(row.computeMicroseconds))
        }
    }

    /// The tenants that are configured or were seen.
    ///
    /// - Throws: PERMISSION_DENIED unless the client's certificate has the role `admin`.
    public func tenants(timeout: Duration? = nil) async throws(ApusError) -> [TenantInformation] {
        try await call(AdminMethods.listTenants, ListTenantsRequest(), timeout: timeout).tenants.map { tenant in
            TenantInformation(
                name: tenant.name, isListed: tenant.listed, weight: Int(tenant.weight),
                callsInProgress: tenant.callsInProgress,
                concurrencyMax: tenant.maxConcurrency == 0 ? nil : tenant.maxConcurrency,
                models: tenant.models.isEmpty ? nil : tenant.models,
                budgets: tenant.budget.map { budget in
                    TenantInformation.Budget(
                        unit: budget.unit, limit: budget.limit, spent: budget.spent, reserved: budget.reserved,
                        resetsAt: budget.resetsAt == 0 ? nil : budget.resetsAt)
                })
        }
    }
}
