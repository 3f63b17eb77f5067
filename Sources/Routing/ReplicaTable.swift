package import Vocabulary

/// Which replicas there are, what they serve, and which of them gets the next call.
///
/// The one with the least expected wait does: what the replica itself has reported, and for each call that was sent to
/// it since and has not ended, what one request takes there. Of replicas that are equal each gets its turn.
///
/// A call with an affinity goes to the replica that its key prefers, as long as that is not busier than the least busy
/// one by more than `affinityLead` requests; then to the key's next choice of which this holds. So a key that is asked
/// for more than one replica can answer spreads over as many as it needs, and others do not notice.
///
/// A replica that has just joined is asked less often than the others at first, more and more for
/// `slowStartNanoseconds`: its caches are cold, and everything at once would make it the slowest. It is counted for
/// which calls it may be asked, so that it has its part of few calls as of many.
///
/// A value without clock, lock or I/O: who owns it carries out what it says and tells it what came of it.
package struct ReplicaTable: Sendable {
    /// How long a new replica is spared.
    package static let slowStartNanoseconds: UInt64 = 5_000_000_000
    /// How many calls a new replica gets at first for each one of the others.
    fileprivate static let slowStartShareMin = 0.1

    /// A replica that has said nothing for so long gets no calls: somebody pulled a plug, and no packet says so.
    package static let reportAgeNanosecondsMax: UInt64 = 2_000_000_000

    /// A caller that gave less time than this, or than several times what was expected, says nothing about a replica
    /// by not getting an answer in it.
    package static let timeoutNanosecondsMin: UInt64 = 1_000_000_000
    fileprivate static let timeoutExpectationFactor = 4.0

    /// How many requests busier than the least busy replica the one that a call prefers may be.
    package static let affinityLeadDefault = 4.0

    /// A call on its way to a replica.
    package struct Dispatch: Equatable, Sendable {
        package let replica: ReplicaID
        /// Which of those that were added under this address it was.
        fileprivate let additionNumber: Int
        /// Which of the replica's reports it was sent after.
        fileprivate let reportNumber: UInt64
        fileprivate let time: MonotonicTime
        fileprivate let expectedNanoseconds: Double
    }

    /// How a call to a replica ended.
    package enum Outcome: Equatable, Sendable {
        /// It answered, with a result or with an error of its own.
        case answered
        /// It could not be reached.
        case unreachable
        /// Nothing came in the time that the caller had.
        case timedOut
        /// Nobody waited for the end.
        case abandoned
    }

    fileprivate struct Entry {
        let additionNumber: Int
        /// Where it is among all, for calls with an affinity.
        let place: UInt64
        let additionTime: MonotonicTime
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
        /// What it has of the next call, while it is asked less often than others; it may be asked when it has one.
        var turnShare = 0.0
        var breaker = CircuitBreaker()
    }

    /// A replica that can take the call in question.
    private struct Candidate {
        let replica: ReplicaID
        let place: UInt64
        let wait: Double
        let service: Double
        /// How often it is asked for each time of one that is not new.
        let share: Double
        var isItsTurn = true
    }

    private var entries: [ReplicaID: Entry] = [:]
    /// Of the call that begins; kept for its memory.
    private var candidates: [Candidate] = []
    private var additionCount = 0
    private var memory = ModelMemory()
    private var retries = RetryBudget()
    private var outliers = OutlierWatch()
    private let affinityLead: Double
    /// Where the search begins, so that equals take turns.
    private var turn = 0

    /// - Parameter affinityLead: see `affinityLeadDefault`; 0 prefers a replica among equals only.
    package init(affinityLead: Double = Self.affinityLeadDefault) { self.affinityLead = affinityLead }

    /// Every replica that was added, by address.
    package private(set) var replicas: [ReplicaID] = []

    /// A server that may be a replica, and has not said anything yet; nothing changes when it is there already.
    package mutating func add(_ replica: ReplicaID, at now: MonotonicTime) {
        guard entries[replica] == nil else { return }
        additionCount += 1
        entries[replica] = Entry(
            additionNumber: additionCount, place: AffinityKey.place(of: replica), additionTime: now)
        replicas = entries.keys.sorted()
    }

    /// Forgets a replica, but for what it served; its calls may still end.
    package mutating func remove(_ replica: ReplicaID) {
        if let entry = entries[replica], let report = entry.report {
            memory.remember(report.models, until: entry.reportTime)
        }
        entries[replica] = nil
        outliers.remove(replica)
        replicas = entries.keys.sorted()
    }

    /// Takes what a replica says about itself.
    package mutating func update(_ replica: ReplicaID, _ report: ReplicaReport, at now: MonotonicTime) {
        guard var entry = entries[replica] else { return }
        if !entry.isConnected {
            // It was away: what it had and does not name any more may be on its way to another one. Of one that speaks
            // all the time, it was unloaded.
            let lost = entry.report?.models.filter {
                report.model(ModelSelector(name: $0.name, version: $0.version)) == nil
            }
            memory.remember(lost ?? [], until: entry.reportTime)
            entry.isConnected = true
            entry.readySince = now
            entry.breaker = CircuitBreaker()
            outliers.remove(replica)
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

    /// Whether a model is a replica's, or may well be: then nobody can say that there is no such model.
    ///
    /// It may be for `awaitNanosecondsMax` after a replica that served it was last heard of, or a replica was added
    /// that has not said yet what it serves; and as long as no replica has said anything.
    package func expects(_ selector: ModelSelector, at now: MonotonicTime) -> Bool {
        knows(selector) || awaitsReports(at: now) || memory.knows(selector, at: now)
    }

    /// Whether there may be models that nobody knows of yet.
    package func awaitsReports(at now: MonotonicTime) -> Bool {
        isSilent
            || entries.values.contains {
                $0.report == nil && now.nanoseconds(since: $0.additionTime) <= Self.awaitNanosecondsMax
            }
    }

    /// For how long callers of a model that nobody serves any more, or yet, are told to come again.
    package static let awaitNanosecondsMax = ModelMemory.nanosecondsMax

    /// Whether no replica has said yet what it serves: then nobody knows which models there are.
    package var isSilent: Bool { !entries.values.contains { $0.report != nil } }

    /// A version of a model that replicas serve.
    package struct ServedModel: Equatable, Sendable {
        package let name: ModelName
        package let version: ModelVersion
        /// As the replicas say it.
        package let modality: String
        /// As the first replica says it that says it.
        package fileprivate(set) var task: ServedTask
        /// Those that take calls for it now, by address; none when all that serve it are away.
        package fileprivate(set) var replicas: [ReplicaID]
    }

    /// The models of all replicas, without repetition, by name and version.
    package func models(at now: MonotonicTime) -> [ServedModel] {
        var models: [ModelSelector: ServedModel] = [:]
        for replica in replicas {
            guard let entry = entries[replica] else { continue }
            let ready = entry.state(at: now) == .ready ? [replica] : []
            for model in entry.report?.models ?? [] {
                let selector = ModelSelector(name: model.name, version: model.version)
                var served =
                    models[selector]
                    ?? ServedModel(
                        name: model.name, version: model.version, modality: model.modality, task: model.task,
                        replicas: [])
                served.replicas += ready
                if served.task == .unknown { served.task = model.task }
                models[selector] = served
            }
        }
        return models.values.sorted { ($0.name.name, $0.version) < ($1.name.name, $1.version) }
    }

    /// Whether any replica takes calls for a model now.
    package func isReady(_ selector: ModelSelector, at now: MonotonicTime) -> Bool {
        entries.values.contains { $0.state(at: now) == .ready && $0.report?.model(selector) != nil }
    }

    /// Sends a call to a replica.
    ///
    /// - Parameters:
    ///   - selector: the model.
    ///   - affinity: which calls it would like to follow; nil for none.
    ///   - excluded: replicas that were tried for this call already.
    ///   - now: the time.
    /// - Returns: whom to call; `finish` is to follow with it. Nil when no replica can take it.
    package mutating func begin(
        _ selector: ModelSelector, affinity: AffinityKey? = nil, excluding excluded: Set<ReplicaID> = [],
        at now: MonotonicTime
    ) -> Dispatch? {
        guard !replicas.isEmpty else { return nil }
        turn = (turn + 1) % replicas.count
        outliers.compare(replicaCount: replicas.count, at: now)
        findCandidates(selector, excluding: excluded, areOut: false, at: now)
        // Better one that fails often than none.
        if candidates.isEmpty { findCandidates(selector, excluding: excluded, areOut: true, at: now) }
        giveTurns()
        guard let chosen = choose(affinity), var entry = entries[chosen.replica] else { return nil }
        entry.turnShare = max(0, entry.turnShare - 1)
        entry.callCount += 1
        entry.newCallCount += 1
        entry.breaker.begin(at: now)
        entries[chosen.replica] = entry
        if excluded.isEmpty { retries.earn() }
        return Dispatch(
            replica: chosen.replica, additionNumber: entry.additionNumber, reportNumber: entry.reportNumber, time: now,
            expectedNanoseconds: chosen.wait)
    }

    /// Fills `candidates`, beginning with the one whose turn it is among equals.
    private mutating func findCandidates(
        _ selector: ModelSelector, excluding excluded: Set<ReplicaID>, areOut: Bool, at now: MonotonicTime
    ) {
        candidates.removeAll(keepingCapacity: true)
        for index in replicas.indices {
            let replica = replicas[(turn + index) % replicas.count]
            guard !excluded.contains(replica), outliers.isOut(replica, at: now) == areOut, let entry = entries[replica],
                let load = entry.load(selector, at: now)
            else { continue }
            let start = max(entry.readySince, outliers.returnTime(of: replica) ?? entry.readySince)
            candidates.append(
                Candidate(
                    replica: replica, place: entry.place, wait: load.wait, service: load.service,
                    share: Self.share(atAgeOf: now.nanoseconds(since: start))))
        }
    }

    private static func share(atAgeOf nanoseconds: UInt64) -> Double {
        min(1, max(slowStartShareMin, Double(nanoseconds) / Double(slowStartNanoseconds)))
    }

    /// Counts the call towards the turns of those that are asked less often than the oldest one.
    private mutating func giveTurns() {
        let most = candidates.reduce(0) { max($0, $1.share) }
        let sum = candidates.reduce(0) { $0 + $1.share }
        for index in candidates.indices where candidates[index].share < most {
            let replica = candidates[index].replica
            let turnShare = min(1, (entries[replica]?.turnShare ?? 0) + candidates[index].share / sum)
            entries[replica]?.turnShare = turnShare
            candidates[index].isItsTurn = turnShare >= 1
        }
    }

    /// The replica with the least wait, or one that is preferred and not much busier.
    private func choose(_ affinity: AffinityKey?) -> Candidate? {
        var least: Candidate?
        for candidate in candidates where candidate.isItsTurn {
            if least.map({ candidate.wait < $0.wait }) ?? true { least = candidate }
        }
        guard let affinity, let least else { return least }
        var best = least
        for candidate in candidates
        where candidate.isItsTurn && candidate.wait <= least.wait + affinityLead * candidate.service
            && affinity.preference(for: candidate.place) > affinity.preference(for: best.place)
        {
            best = candidate
        }
        return best
    }

    /// A call that `begin` sent has ended.
    package mutating func finish(_ dispatch: Dispatch, _ outcome: Outcome, at now: MonotonicTime) {
        // Of one that was removed meanwhile nothing is counted any more, nor does its namesake count it.
        guard var entry = entries[dispatch.replica], entry.additionNumber == dispatch.additionNumber else { return }
        entry.callCount -= 1
        if entry.reportNumber == dispatch.reportNumber { entry.newCallCount -= 1 }
        let verdict = verdict(on: dispatch, outcome, at: now)
        switch verdict {
        case .isThere: entry.breaker.succeed()
        case .isAway: entry.breaker.fail(at: now)
        case nil: entry.breaker.forget(at: now)
        }
        entries[dispatch.replica] = entry
        if let verdict { outliers.count(dispatch.replica, hasFailed: verdict == .isAway, at: now) }
    }

    private enum Verdict { case isThere, isAway }

    /// What the end of a call says about its replica; nil for nothing.
    private func verdict(on dispatch: Dispatch, _ outcome: Outcome, at now: MonotonicTime) -> Verdict? {
        switch outcome {
        case .answered: return .isThere
        case .unreachable: return .isAway
        case .abandoned: return nil
        case .timedOut:
            // Otherwise one caller with deadlines that nobody can meet would take every replica from everybody.
            let patience = max(
                Double(Self.timeoutNanosecondsMin), Self.timeoutExpectationFactor * dispatch.expectedNanoseconds)
            return Double(now.nanoseconds(since: dispatch.time)) >= patience ? .isAway : nil
        }
    }

    /// Whether a call that found its replica unreachable may be sent to another one.
    package mutating func takeRetry() -> Bool { retries.take() }

    /// Calls that were sent to a replica and have not ended.
    package func callCount(of replica: ReplicaID) -> Int { entries[replica]?.callCount ?? 0 }

    /// Whether a replica gets calls, or why not.
    package enum ReplicaState: String, Hashable, Sendable, CaseIterable {
        case ready
        /// It takes no new calls, and says so.
        case draining
        /// It has not said anything yet, or not for too long.
        case away
        /// Too many calls in a row came to nothing.
        case broken
        /// More calls came to nothing than with the others; it gets some when no other can take them.
        case outlier
    }

    /// What there is to say about a replica now; nil for one that is not there.
    package func state(of replica: ReplicaID, at now: MonotonicTime) -> ReplicaState? {
        guard let state = entries[replica]?.state(at: now) else { return nil }
        return state == .ready && outliers.isOut(replica, at: now) ? .outlier : state
    }

    /// Whether a replica gets calls now.
    package func isReady(_ replica: ReplicaID, at now: MonotonicTime) -> Bool { state(of: replica, at: now) == .ready }
}

extension ReplicaTable.Entry {
    fileprivate func state(at now: MonotonicTime) -> ReplicaTable.ReplicaState {
        guard let report, isConnected, now.nanoseconds(since: reportTime) <= ReplicaTable.reportAgeNanosecondsMax
        else { return .away }
        if report.isDraining { return .draining }
        return breaker.allows(at: now) ? .ready : .broken
    }

    /// How long a request would wait here, and what one takes, in nanoseconds; nil when it cannot be sent here.
    fileprivate func load(_ selector: ModelSelector, at now: MonotonicTime) -> (wait: Double, service: Double)? {
        guard state(at: now) == .ready, let model = report?.model(selector) else { return nil }
        // At least a microsecond a call, so that calls count where nothing was measured yet.
        let service = Double(max(model.serviceNanoseconds, 1_000))
        return (Double(model.waitNanoseconds) + Double(newCallCount + 1) * service, service)
    }
}
