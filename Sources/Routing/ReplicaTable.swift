package import Vocabulary

/// Which replicas there are, what they serve, and which of them gets the next call.
///
/// The one with the least expected wait does: what the replica itself has reported, and for each call that was sent to
/// it since and has not ended, what one request takes there. Of replicas that are equal each gets its turn.
///
/// A replica that has just joined seems to wait longer than it does at first, less and less for `slowStartNanoseconds`:
/// its caches are cold, and everything at once would make it the slowest.
///
/// A value without clock, lock or I/O: who owns it carries out what it says and tells it what came of it.
package struct ReplicaTable: Sendable {
    /// How long a new replica is spared.
    package static let slowStartNanoseconds: UInt64 = 5_000_000_000
    /// The share of its calls that a new replica gets at first.
    fileprivate static let slowStartShareMin = 0.1

    /// A replica that has said nothing for so long gets no calls: somebody pulled a plug, and no packet says so.
    package static let reportAgeNanosecondsMax: UInt64 = 2_000_000_000

    /// A call on its way to a replica.
    package struct Dispatch: Equatable, Sendable {
        package let replica: ReplicaID
        /// Which of those that were added under this address it was.
        fileprivate let additionNumber: Int
        /// Which of the replica's reports it was sent after.
        fileprivate let reportNumber: UInt64
    }

    /// How a call to a replica ended.
    package enum Outcome: Equatable, Sendable {
        /// It answered, with a result or with an error of its own.
        case answered
        /// It could not be reached, or nothing came in time.
        case unreachable
        /// Nobody waited for the end.
        case abandoned
    }

    fileprivate struct Entry {
        let additionNumber: Int
        /// The last one there was; nil until it has said something.
        var report: ReplicaReport?
        /// Whether it has said so on the present connection.
        var isConnected = false
        var readySince = MonotonicTime(nanoseconds: 0)
        var reportTime = MonotonicTime(nanoseconds: 0)
        /// Counts the reports.
        var reportNumber: UInt64 = 0
        var callCount = 0
        /// Those of them that were sent after the last report, which cannot have counted them.
        var newCallCount = 0
        var breaker = CircuitBreaker()
    }

    private var entries: [ReplicaID: Entry] = [:]
    private var additionCount = 0
    private var retries = RetryBudget()
    /// Where the search begins, so that equals take turns.
    private var turn = 0

    package init() {}

    /// Every replica that was added, by address.
    package private(set) var replicas: [ReplicaID] = []

    /// A server that may be a replica, and has not said anything yet; nothing changes when it is there already.
    package mutating func add(_ replica: ReplicaID) {
        guard entries[replica] == nil else { return }
        additionCount += 1
        entries[replica] = Entry(additionNumber: additionCount)
        replicas = entries.keys.sorted()
    }

    /// Forgets a replica; its calls may still end.
    package mutating func remove(_ replica: ReplicaID) {
        entries[replica] = nil
        replicas = entries.keys.sorted()
    }

    /// Takes what a replica says about itself.
    package mutating func update(_ replica: ReplicaID, _ report: ReplicaReport, at now: MonotonicTime) {
        guard var entry = entries[replica] else { return }
        if !entry.isConnected {
            entry.isConnected = true
            entry.readySince = now
            entry.breaker = CircuitBreaker()
        }
        entry.report = report
        entry.reportTime = now
        entry.reportNumber += 1
        entry.newCallCount = 0
        entries[replica] = entry
    }

    /// The connection over which a replica speaks is lost; it gets no calls before it speaks again.
    package mutating func disconnect(_ replica: ReplicaID) { entries[replica]?.isConnected = false }

    /// Whether any replica serves a model or did when it was last heard of, be it that none can take a call now.
    package func knows(_ selector: ModelSelector) -> Bool {
        entries.values.contains { $0.report?.model(selector) != nil }
    }

    /// A version of a model that replicas serve.
    package struct ServedModel: Equatable, Sendable {
        package let name: ModelName
        package let version: ModelVersion
        /// As the replicas say it.
        package let modality: String
        /// Those that take calls for it now, by address; none when all that serve it are away.
        package fileprivate(set) var replicas: [ReplicaID]
    }

    /// The models of all replicas, without repetition, by name and version.
    package func models(at now: MonotonicTime) -> [ServedModel] {
        var models: [ModelSelector: ServedModel] = [:]
        for replica in replicas {
            guard let entry = entries[replica] else { continue }
            for model in entry.report?.models ?? [] {
                models[
                    ModelSelector(name: model.name, version: model.version),
                    default: ServedModel(
                        name: model.name, version: model.version, modality: model.modality, replicas: [])
                ].replicas += entry.openReport(at: now) == nil ? [] : [replica]
            }
        }
        return models.values.sorted { ($0.name.name, $0.version) < ($1.name.name, $1.version) }
    }

    /// Whether any replica takes calls for a model now.
    package func isReady(_ selector: ModelSelector, at now: MonotonicTime) -> Bool {
        entries.values.contains { $0.openReport(at: now)?.model(selector) != nil }
    }

    /// Sends a call to a replica.
    ///
    /// - Parameters:
    ///   - selector: the model.
    ///   - excluded: replicas that were tried for this call already.
    ///   - now: the time.
    /// - Returns: whom to call; `finish` is to follow with it. Nil when no replica can take it.
    package mutating func begin(
        _ selector: ModelSelector, excluding excluded: Set<ReplicaID> = [], at now: MonotonicTime
    ) -> Dispatch? {
        guard !replicas.isEmpty else { return nil }
        turn = (turn + 1) % replicas.count
        var best: (replica: ReplicaID, wait: Double)?
        for index in replicas.indices {
            let replica = replicas[(turn + index) % replicas.count]
            guard !excluded.contains(replica), let entry = entries[replica],
                let wait = entry.expectedWait(selector, at: now)
            else { continue }
            if best.map({ wait < $0.wait }) ?? true { best = (replica, wait) }
        }
        guard let replica = best?.replica, var entry = entries[replica] else { return nil }
        entry.callCount += 1
        entry.newCallCount += 1
        entry.breaker.begin(at: now)
        entries[replica] = entry
        if excluded.isEmpty { retries.earn() }
        return Dispatch(
            replica: replica, additionNumber: entry.additionNumber, reportNumber: entry.reportNumber)
    }

    /// A call that `begin` sent has ended.
    package mutating func finish(_ dispatch: Dispatch, _ outcome: Outcome, at now: MonotonicTime) {
        // Of one that was removed meanwhile nothing is counted any more, nor does its namesake count it.
        guard var entry = entries[dispatch.replica], entry.additionNumber == dispatch.additionNumber else { return }
        entry.callCount -= 1
        if entry.reportNumber == dispatch.reportNumber { entry.newCallCount -= 1 }
        switch outcome {
        case .answered: entry.breaker.succeed()
        case .unreachable: entry.breaker.fail(at: now)
        case .abandoned: entry.breaker.forget(at: now)
        }
        entries[dispatch.replica] = entry
    }

    /// Whether a call that found its replica unreachable may be sent to another one.
    package mutating func takeRetry() -> Bool { retries.take() }

    /// Calls that were sent to a replica and have not ended.
    package func callCount(of replica: ReplicaID) -> Int { entries[replica]?.callCount ?? 0 }

    /// Whether a replica gets calls now.
    package func isReady(_ replica: ReplicaID, at now: MonotonicTime) -> Bool {
        entries[replica]?.openReport(at: now) != nil
    }
}

extension ReplicaTable.Entry {
    /// The report of a replica that takes calls now.
    fileprivate func openReport(at now: MonotonicTime) -> ReplicaReport? {
        guard let report, isConnected, !report.isDraining, breaker.allows(at: now),
            now.nanoseconds(since: reportTime) <= ReplicaTable.reportAgeNanosecondsMax
        else { return nil }
        return report
    }

    /// How long a request would wait here, in nanoseconds; nil when it cannot be sent here.
    fileprivate func expectedWait(_ selector: ModelSelector, at now: MonotonicTime) -> Double? {
        guard let model = openReport(at: now)?.model(selector) else { return nil }
        // At least a microsecond a call, so that calls count where nothing was measured yet.
        let service = Double(max(model.serviceNanoseconds, 1_000))
        let wait = Double(model.waitNanoseconds) + Double(newCallCount + 1) * service
        let age = Double(now.nanoseconds(since: readySince)) / Double(ReplicaTable.slowStartNanoseconds)
        return wait / min(1, max(ReplicaTable.slowStartShareMin, age))
    }
}
