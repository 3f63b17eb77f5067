package import Vocabulary

/// Which replicas there are, what they serve, and which of them gets the next call.
///
/// The one with the least expected wait does: what the replica itself has reported, and for each call that it runs or
/// that was sent to it since and has not ended, what one request takes there. Of replicas that are equal each gets its
/// turn.
///
/// A call with an affinity goes to the replica that its key prefers, as long as that is not busier than the least busy
/// one by more than `affinityLead` requests; then to the key's next choice of which this holds. So a key that is asked
/// for more than one replica can answer spreads over as many as it needs, and others do not notice.
///
/// A replica that has just joined, or was away for long, is asked less often than the others at first, more and more
/// for `slowStartNanoseconds`: its caches are cold, and everything at once would make it the slowest. It is counted for
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
        /// The replica's place in the table, as `slot(of:)` gave it.
        package let slot: Int
        /// Which of those that were added under this address it was.
        fileprivate let additionNumber: Int
        /// Which of the connections to it the call went to.
        fileprivate let connectionNumber: Int
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
        /// The connection to it was lost, or could not be made: other calls on it ended with this one.
        case lost
        /// Nobody waited for the end.
        case abandoned

        /// How a call has ended whose caller cancelled it before anything of an answer came.
        ///
        /// Why the last tenth of its time counts as all of it: callers cancel at their deadline, and their clock began
        /// to run before the call came here.
        package init(cancelledAt now: MonotonicTime, arrival: MonotonicTime, deadline: Deadline) {
            let rest = deadline.time.nanoseconds(since: now)
            let isAtItsEnd = rest <= deadline.time.nanoseconds(since: arrival) / 10
            self = deadline.isFinite && isAtItsEnd ? .timedOut : .abandoned
        }
    }

    /// How busy a replica is with a version of a model, in nanoseconds.
    struct Load: Sendable {
        let version: ModelVersion
        let wait: Double
        let service: Double

        init(_ model: ReplicaReport.Model) {
            version = model.version
            // At least a microsecond a call, so that calls count where nothing was measured yet.
            service = Double(max(model.serviceNanoseconds, 1_000))
            // Those that run count as those that wait: a machine that writes sixty texts is not as good as an idle one.
            wait = Double(model.waitNanoseconds) + Double(model.runningCount) * service
        }
    }

    /// What is known of a replica; the place of one that was removed waits for the next.
    struct Entry: Sendable {
        let replica: ReplicaID
        /// 0 for a place that nobody has.
        var additionNumber: Int
        /// Where it is among all, for calls with an affinity.
        let affinityPlace: UInt64
        let additionTime: MonotonicTime
        /// The last one there was; nil until it has said something.
        var report: ReplicaReport?
        /// Of the models of the report, in its order.
        var loads: [Load] = []
        var isDraining = false
        /// Whether it has said so on the present connection.
        var isConnected = false
        /// Counts its connections, as far as calls notice: what becomes of those on an older one tells nothing.
        var connectionNumber = 0
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
        let slot: Int
        let affinityPlace: UInt64
        let wait: Double
        let service: Double
        /// How often it is asked for each time of one that is not new.
        let share: Double
        var isItsTurn = true
        /// Whether it comes before its equals: it is asked less often, and has waited for this call.
        var isDue = false
    }

    /// By place: who is in one stays there, so that a call finds it without looking for its address.
    private(set) var entries: [Entry] = []
    private var slots: [ReplicaID: Int] = [:]
    var offers = OfferIndex()
    /// Nil when it has to be made anew.
    private var catalogMade: [KnownModel]?
    /// Of the call that begins; kept for its memory.
    private var candidates: [Candidate] = []
    private var additionCount = 0
    private(set) var memory = ModelMemory()
    private var retries = RetryBudget()
    private(set) var outliers = OutlierWatch()
    private let affinityLead: Double

    /// - Parameter affinityLead: see `affinityLeadDefault`; 0 prefers a replica among equals only.
    package init(affinityLead: Double = Self.affinityLeadDefault) { self.affinityLead = affinityLead }

    // MARK: Replicas

    /// Every replica that was added, by address.
    package private(set) var replicas: [ReplicaID] = []

    /// The place of a replica, which is its own until it is removed; nil for one that is not there.
    package func slot(of replica: ReplicaID) -> Int? { slots[replica] }

    /// A server that may be a replica, and has not said anything yet; nothing changes when it is there already.
    package mutating func add(_ replica: ReplicaID, at now: MonotonicTime) {
        guard slots[replica] == nil else { return }
        additionCount += 1
        let entry = Entry(
            replica: replica, additionNumber: additionCount, affinityPlace: AffinityKey.place(of: replica),
            additionTime: now)
        let slot = entries.firstIndex { $0.additionNumber == 0 } ?? entries.count
        if slot == entries.count { entries.append(entry) } else { entries[slot] = entry }
        slots[replica] = slot
        replicas = slots.keys.sorted()
    }

    /// Forgets a replica, but for what it served; its calls may still end.
    package mutating func remove(_ replica: ReplicaID) {
        guard let slot = slots.removeValue(forKey: replica) else { return }
        if let report = entries[slot].report { memory.remember(report.models, until: entries[slot].reportTime) }
        entries[slot] = Entry(
            replica: replica, additionNumber: 0, affinityPlace: 0, additionTime: entries[slot].additionTime)
        outliers.remove(slot)
        replicas = slots.keys.sorted()
        modelsDidChange()
    }

    /// Takes what a replica says about itself.
    package mutating func update(_ replica: ReplicaID, _ report: ReplicaReport, at now: MonotonicTime) {
        guard let slot = slots[replica] else { return }
        if !entries[slot].isConnected {
            // One that was away for a moment has its caches still.
            let isNew = entries[slot].report == nil
            if isNew || now.nanoseconds(since: entries[slot].reportTime) > Self.reportAgeNanosecondsMax {
                entries[slot].readySince = now
            }
            // What it had and does not name any more may be on its way to another one. Of one that speaks all the time,
            // it was unloaded.
            let lost = entries[slot].report?.models.filter { model in
                !report.models.contains { $0.name == model.name && $0.version == model.version }
            }
            memory.remember(lost ?? [], until: entries[slot].reportTime)
            entries[slot].isConnected = true
            beginAnew(slot)
        }
        let isSame = entries[slot].report?.hasSameModels(as: report) ?? false
        entries[slot].report = report
        entries[slot].loads = report.models.map(Load.init)
        entries[slot].isDraining = report.isDraining
        entries[slot].reportTime = now
        entries[slot].reportNumber += 1
        entries[slot].newCallCount = 0
        if !isSame { modelsDidChange() }
    }

    /// The connection over which a replica speaks is lost; it gets no calls before it speaks again.
    package mutating func disconnect(_ replica: ReplicaID) {
        if let slot = slots[replica] { entries[slot].isConnected = false }
    }

    /// The connection to a replica was lost, and there is another one before anybody has called it away.
    package mutating func reconnect(_ replica: ReplicaID) { if let slot = slots[replica] { beginAnew(slot) } }

    /// Calls to a replica go to another connection from now on, and those that are there end on the old one.
    package mutating func changeConnection(of replica: ReplicaID) {
        if let slot = slots[replica] { entries[slot].connectionNumber += 1 }
    }

    private mutating func beginAnew(_ slot: Int) {
        entries[slot].connectionNumber += 1
        entries[slot].breaker = CircuitBreaker()
        outliers.remove(slot)
    }

    private mutating func modelsDidChange() {
        offers = OfferIndex(
            entries.enumerated().compactMap { slot, entry in entry.report.map { (slot: slot, report: $0) } })
        catalogMade = nil
    }

    /// A version of a model that replicas serve, or did when they were last heard of.
    package struct KnownModel: Hashable, Sendable {
        package let name: ModelName
        package let version: ModelVersion
        /// As the replicas say it.
        package let modality: String
        package let task: ServedTask
    }

    /// The models of all replicas, by name and version; made once for each change.
    package mutating func catalog() -> [KnownModel] {
        if let catalogMade { return catalogMade }
        let known = Set(
            entries.lazy.flatMap { entry in
                (entry.report?.models ?? []).map {
                    KnownModel(name: $0.name, version: $0.version, modality: $0.modality, task: $0.task)
                }
            })
        let catalog = known.sorted {
            ($0.name.name, $0.version, $0.modality) < ($1.name.name, $1.version, $1.modality)
        }
        catalogMade = catalog
        return catalog
    }

    // MARK: Calls

    /// Sends a call to a replica.
    ///
    /// - Parameters:
    ///   - selector: the model.
    ///   - affinity: which calls it would like to follow; nil for none.
    ///   - excluded: replicas that were tried for this call already.
    ///   - now: the time.
    /// - Returns: whom to call; `finish` is to follow with it. Nil when no replica can take it.
    /// - Complexity: O(replicas that serve the model); nothing is allocated once as many were there before.
    package mutating func begin(
        _ selector: ModelSelector, affinity: AffinityKey? = nil, excluding excluded: Set<ReplicaID> = [],
        at now: MonotonicTime
    ) -> Dispatch? {
        guard let row = offers.rowAgain(of: selector.name) else { return nil }
        let turn = offers.takeTurn(in: row)
        outliers.compare(replicaCount: replicas.count, at: now)
        findCandidates(in: row, selector.version, from: turn, excluding: excluded, areOut: false, at: now)
        // Better one that fails often than none.
        if candidates.isEmpty {
            findCandidates(in: row, selector.version, from: turn, excluding: excluded, areOut: true, at: now)
        }
        giveTurns()
        guard let chosen = choose(affinity) else { return nil }
        let slot = candidates[chosen].slot
        entries[slot].turnShare = max(0, entries[slot].turnShare - 1)
        entries[slot].callCount += 1
        entries[slot].newCallCount += 1
        entries[slot].breaker.begin(at: now)
        if excluded.isEmpty { retries.earn() }
        return Dispatch(
            replica: entries[slot].replica, slot: slot, additionNumber: entries[slot].additionNumber,
            connectionNumber: entries[slot].connectionNumber, reportNumber: entries[slot].reportNumber, time: now,
            expectedNanoseconds: candidates[chosen].wait)
    }

    /// Fills `candidates`, beginning with the one whose turn it is among equals.
    private mutating func findCandidates(
        in row: Int, _ version: ModelVersion?, from turn: Int, excluding excluded: Set<ReplicaID>, areOut: Bool,
        at now: MonotonicTime
    ) {
        candidates.removeAll(keepingCapacity: true)
        let row = offers.offers(in: row)
        var index = turn
        for _ in row.indices {
            let offer = row[index]
            index = index + 1 < row.count ? index + 1 : 0
            let slot = offer.slot
            guard outliers.isOut(slot, at: now) == areOut, entries[slot].state(at: now) == .ready,
                excluded.isEmpty || !excluded.contains(entries[slot].replica),
                let load = entries[slot].load(version, offer.places)
            else { continue }
            let start = max(entries[slot].readySince, outliers.returnTime(of: slot) ?? entries[slot].readySince)
            candidates.append(
                Candidate(
                    slot: slot, affinityPlace: entries[slot].affinityPlace, wait: load.wait, service: load.service,
                    share: Self.share(atAgeOf: now.nanoseconds(since: start))))
        }
    }

    private static func share(atAgeOf nanoseconds: UInt64) -> Double {
        min(1, max(slowStartShareMin, Double(nanoseconds) / Double(slowStartNanoseconds)))
    }

    /// Counts the call towards the turns of those that are asked less often than the oldest one.
    private mutating func giveTurns() {
        guard candidates.contains(where: { $0.share < 1 }) else { return }
        let most = candidates.reduce(0) { max($0, $1.share) }
        let sum = candidates.reduce(0) { $0 + $1.share }
        for index in candidates.indices where candidates[index].share < most {
            let slot = candidates[index].slot
            // Up to two, so that one that waits while another one's turn has come at the same time loses nothing.
            let turnShare = min(2, entries[slot].turnShare + candidates[index].share / sum)
            entries[slot].turnShare = turnShare
            candidates[index].isItsTurn = turnShare >= 1
            candidates[index].isDue = turnShare >= 1
        }
    }

    /// The place among the candidates of the one with the least wait, of equals one that is due; or of one that is
    /// preferred and not much busier.
    private func choose(_ affinity: AffinityKey?) -> Int? {
        var least: Int?
        for index in candidates.indices where candidates[index].isItsTurn {
            guard let best = least.map({ candidates[$0] }) else {
                least = index
                continue
            }
            let other = candidates[index]
            if other.wait < best.wait || other.wait == best.wait && other.isDue && !best.isDue { least = index }
        }
        guard let affinity, let least else { return least }
        var best = least
        var preference = affinity.preference(for: candidates[least].affinityPlace)
        for index in candidates.indices where candidates[index].isItsTurn && index != least {
            let bound = candidates[least].wait + affinityLead * candidates[index].service
            guard candidates[index].wait <= bound else { continue }
            let other = affinity.preference(for: candidates[index].affinityPlace)
            if other > preference { (best, preference) = (index, other) }
        }
        return best
    }

    /// Something of an answer has come to a call that `begin` sent, be it that its end is hours away.
    package mutating func heard(_ dispatch: Dispatch) {
        if tells(dispatch) { entries[dispatch.slot].breaker.succeed() }
    }

    /// A call that `begin` sent has ended.
    package mutating func finish(_ dispatch: Dispatch, _ outcome: Outcome, at now: MonotonicTime) {
        let slot = dispatch.slot
        // Of one that was removed meanwhile nothing is counted any more, nor does its namesake count it.
        guard entries[slot].additionNumber == dispatch.additionNumber else { return }
        entries[slot].callCount -= 1
        if entries[slot].reportNumber == dispatch.reportNumber { entries[slot].newCallCount -= 1 }
        guard tells(dispatch) else { return }
        guard let verdict = verdict(on: dispatch, outcome, at: now) else {
            return entries[slot].breaker.forget(at: now)
        }
        switch verdict {
        case .isThere: entries[slot].breaker.succeed()
        case .isAway: entries[slot].breaker.fail(isShared: outcome == .lost, at: now)
        }
        outliers.count(slot, hasFailed: verdict == .isAway, at: now)
    }

    /// Whether what becomes of a call says anything about its replica: not when it went to a connection that is none
    /// any more, on which calls may hang for many seconds after another one was made.
    private func tells(_ dispatch: Dispatch) -> Bool {
        entries[dispatch.slot].additionNumber == dispatch.additionNumber
            && entries[dispatch.slot].connectionNumber == dispatch.connectionNumber
    }

    private enum Verdict { case isThere, isAway }

    /// What the end of a call says about its replica; nil for nothing.
    private func verdict(on dispatch: Dispatch, _ outcome: Outcome, at now: MonotonicTime) -> Verdict? {
        switch outcome {
        case .answered: return .isThere
        case .unreachable, .lost: return .isAway
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
}
