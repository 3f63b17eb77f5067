import Ledger
import Logging
import Telemetry
import Tenancy

/// Moves what the ledger's journal holds to its database, again and again, away from every event loop.
///
/// A database that cannot be written loses nothing: the journal goes on adding up, and the next attempt moves it all.
/// Where other servers write to it too, budgets hear at each turn what has been spent there, and what this server may
/// spend further is asked for: at each turn, and at once when calls lack it.
actor LedgerWriter {
    private let ledger: UsageLedger
    private let tenants: TenantGate
    private let logger: Logger
    private let isCurrent: Gauge
    private let dropped: Counter
    private var droppedCount: UInt64 = 0
    private var wasWritten = true

    init(_ ledger: UsageLedger, tenants: TenantGate, metrics: MetricsRegistry, logger: Logger) {
        self.ledger = ledger
        self.tenants = tenants
        self.logger = logger
        isCurrent =
            metrics.gauges(
                "apus_ledger_write_ok", help: "1 while the ledger's database can be written, 0 while it cannot."
            ).series()
        dropped =
            metrics.counters(
                "apus_ledger_calls_dropped_total",
                help: "Calls that are not in the ledger: its journal was full and its database could not be written."
            ).series()
        isCurrent.set(1)
        if ledger.damagedCount > 0 {
            logger.error(
                "usage lost: the disk has spoiled a part of the ledger's journal",
                metadata: ["ledger": "\(ledger.place)", "slots": "\(ledger.damagedCount)"])
        }
    }

    /// Writes until the task is cancelled, and then once more; what is set aside of budgets is given back then.
    func keepWriting(intervalNanoseconds: UInt64) async {
        await withTaskGroup { group in
            if let desk = tenants.desk {
                group.addTask {
                    for await _ in desk.wishes {
                        await self.renewAdvances()
                        // A database that is away is not asked for every call.
                        if !desk.isAnswering { try? await Task.sleep(nanoseconds: desk.retryNanoseconds) }
                    }
                }
            }
            while !Task.isCancelled {
                try? await Task.sleep(nanoseconds: intervalNanoseconds)
                await write()
            }
            group.cancelAll()
        }
        // One that was under way when the task was cancelled has not seen what was recorded meanwhile.
        await write()
        await renewAdvances(isLast: true)
    }

    /// Writes now; an error is logged once for as long as it lasts.
    func write() async {
        let budgets = ledger.isShared ? tenants.budgetPeriods : []
        do throws(LedgerError) {
            let spent = try await ledger.perform { (ledger) throws(LedgerError) in
                try ledger.write()
                return try ledger.spentElsewhere(budgets)
            }
            for (budget, amounts) in spent { tenants.setSpentElsewhere(amounts, of: budget) }
            try await askForAdvances(isLast: false)
            if !wasWritten { logger.notice("ledger written again", metadata: ["ledger": "\(ledger.place)"]) }
            wasWritten = true
        } catch {
            tenants.desk?.didAsk(isAnswering: false)
            if wasWritten { logger.error("ledger not written, kept in its journal", metadata: ["detail": "\(error)"]) }
            wasWritten = false
        }
        for refusal in ledger.takeRefusals() {
            logger.error(
                "usage set aside: the database refuses it",
                metadata: ["file": "\(refusal.place)", "detail": "\(refusal.problem)"])
        }
        isCurrent.set(wasWritten ? 1 : 0)
        let count = ledger.droppedCount
        dropped.increment(by: count - droppedCount)
        droppedCount = count
    }

    /// Asks for what this server may spend of budgets.
    ///
    /// When the database does not answer, the next `write` says so.
    private func renewAdvances(isLast: Bool = false) async {
        do throws(LedgerError) {
            try await askForAdvances(isLast: isLast)
        } catch {
            tenants.desk?.didAsk(isAnswering: false)
        }
    }

    private func askForAdvances(isLast: Bool) async throws(LedgerError) {
        guard let desk = tenants.desk else { return }
        let tenants = tenants
        try await ledger.perform { (ledger) throws(LedgerError) in
            try ledger.renewAdvances(of: tenants, isLast: isLast)
        }
        desk.didAsk(isAnswering: true)
    }
}
