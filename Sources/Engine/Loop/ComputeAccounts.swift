import Scheduling
import Vocabulary

/// What tenants have had of the engine: what the engine thread decides by, kept up to date in one place.
///
/// - Isolation: engine thread only.
final class ComputeAccounts {
    private(set) var shares = TenantShares()
    private var meter: FairnessMeter
    private let report: FairnessReport
    private let clock: any MonotonicClock

    init(clock: any MonotonicClock, report: FairnessReport) {
        self.clock = clock
        self.report = report
        meter = FairnessMeter(at: clock.now())
    }

    /// A request has come to a scheduler.
    func enter(_ share: TenantShare) {
        if shares.enter(share.tenant) { meter.begin(share.tenant, at: clock.now()) }
    }

    /// A request that entered is done with, and what it cost is charged.
    func leave(_ share: TenantShare) {
        if shares.leave(share.tenant) { meter.end(share.tenant, at: clock.now()) }
    }

    /// A model is about to run.
    func beginTurn(at now: MonotonicTime) {
        shares.beginTurn()
        if let index = meter.close(at: now) { report.set(index: index, at: now) }
    }

    /// Nothing is left to run.
    func rest() { shares.rest() }

    /// Divides the time of an execution among those it was for.
    func charge(_ bill: ComputeBill, nanoseconds: UInt64) {
        let charges = bill.charges(of: nanoseconds)
        for (share, nanoseconds) in charges {
            shares.charge(share, nanoseconds: nanoseconds)
            meter.charge(share, nanoseconds: nanoseconds)
        }
        report.add(charges)
    }
}
