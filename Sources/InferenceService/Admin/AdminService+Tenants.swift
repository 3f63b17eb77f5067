import Ledger
package import Messages
import Tenancy
package import Vocabulary

extension AdminService {
    /// What tenants have used, up to this moment.
    ///
    /// It is read beside the event loop, because it waits for a disk.
    ///
    /// - Throws: FAILED_PRECONDITION without a ledger; INVALID_ARGUMENT naming the field; UNAVAILABLE when the ledger
    ///   cannot be read; RESOURCE_EXHAUSTED when it has more rows than an answer may have.
    package func getUsage(_ request: GetUsageRequest) async throws(ServingError) -> GetUsageResponse {
        guard let ledger else {
            throw ServingError(
                .failedPrecondition, "this server keeps no ledger: name a file under ledger.path in its configuration",
                label: "no_ledger")
        }
        var tenant: TenantID?
        if !request.tenant.isEmpty {
            guard let id = TenantID(request.tenant) else {
                throw ServingError(
                    .invalidArgument, "tenant: expected 1 to 63 characters of a-z 0-9 . _ -, a letter or digit first")
            }
            tenant = id
        }
        let until = request.until ?? .max
        guard request.since <= until else {
            throw ServingError(.invalidArgument, "until: expected \(request.since) or later, got \(until)")
        }
        var grouping: UsageGrouping = []
        if request.byModel { grouping.insert(.models) }
        if request.byHour { grouping.insert(.hours) }
        let rows: [Ledger.UsageRow]
        do {
            rows = try await ledger.performReading { [tenant, grouping] (ledger) throws(LedgerError) in
                try ledger.report(of: tenant, in: request.since..<until, by: grouping)
            }
        } catch {
            throw ServingError(.unavailable, "the ledger cannot be read: \(error.problem)", label: "ledger_unreadable")
        }
        guard rows.count <= UsageLedger.rowCountMax else {
            throw ServingError(
                .resourceExhausted,
                "more than \(UsageLedger.rowCountMax) rows: ask for a shorter time, for one tenant, or not by hour and "
                    + "model",
                label: "too_many_rows", retryAdvice: .never)
        }
        return GetUsageResponse(rows: rows.map(Messages.UsageRow.init))
    }

    /// The tenants that are configured or were seen.
    package func listTenants(_ request: ListTenantsRequest) -> ListTenantsResponse {
        ListTenantsResponse(tenants: tenants.statuses.map(TenantStatus.init))
    }
}

extension Messages.UsageRow {
    fileprivate init(_ row: Ledger.UsageRow) {
        let used = row.consumption
        self.init(
            tenant: row.tenant.name, model: row.model ?? "", hour: row.hour ?? 0, requests: used.requestCount,
            failures: used.failureCount, promptTokens: used.promptTokenCount, cachedTokens: used.cachedTokenCount,
            generatedTokens: used.generatedTokenCount, images: used.imageCount, nodes: used.nodeCount,
            edges: used.edgeCount, queueMicroseconds: used.queueMicroseconds,
            computeMicroseconds: used.computeMicroseconds)
    }
}

extension TenantStatus {
    fileprivate init(_ status: TenantGate.Status) {
        let budget = MeteredUnit.allCases.compactMap { unit -> BudgetStatus? in
            guard let limit = status.policy.budget?.limits[unit] else { return nil }
            return BudgetStatus(
                unit: unit.rawValue, limit: limit, spent: status.budget?.spent[unit] ?? 0,
                reserved: status.budget?.reserved[unit] ?? 0, resetsAt: status.budget?.period.upperBound ?? 0)
        }
        self.init(
            name: status.tenant.name, listed: status.isListed, weight: UInt32(clamping: status.policy.weight),
            callsInProgress: UInt64(clamping: status.inProgressCount),
            maxConcurrency: UInt64(clamping: status.policy.concurrencyMax ?? 0),
            models: status.policy.allowedModels.map { $0.map(\.name).sorted() } ?? [], budget: budget)
    }
}
