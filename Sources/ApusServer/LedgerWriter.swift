import Ledger
import Logging
import Telemetry

/// Moves what the ledger's journal holds to its database, again and again, away from every event loop.
///
/// A database that cannot be written loses nothing: the journal goes on adding up, and the next attempt moves it all.
actor LedgerWriter {
    private let ledger: UsageLedger
    private let logger: Logger
    private let isCurrent: Gauge
    private let dropped: Counter
    private var droppedCount: UInt64 = 0
    private var wasWritten = true

    init(_ ledger: UsageLedger, metrics: MetricsRegistry, logger: Logger) {
        self.ledger = ledger
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
    }

    /// Writes until the task is cancelled, and then once more.
    func keepWriting(intervalNanoseconds: UInt64) async {
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: intervalNanoseconds)
            write()
        }
    }

    /// Writes now; an error is logged once for as long as it lasts.
    func write() {
        do throws(LedgerError) {
            try ledger.write()
            if !wasWritten { logger.notice("ledger written again", metadata: ["file": "\(ledger.path)"]) }
            wasWritten = true
        } catch {
            if wasWritten { logger.error("ledger not written, kept in its journal", metadata: ["detail": "\(error)"]) }
            wasWritten = false
        }
        isCurrent.set(wasWritten ? 1 : 0)
        let count = ledger.droppedCount
        dropped.increment(by: count - droppedCount)
        droppedCount = count
    }
}
