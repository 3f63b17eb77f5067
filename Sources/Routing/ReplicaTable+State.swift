package import Vocabulary

/// What a table says about its replicas and their models.
extension ReplicaTable {
    /// Whether any replica serves a model or did when it was last heard of, be it that none can take a call now.
    package func knows(_ selector: ModelSelector) -> Bool {
        guard let row = offers.row(of: selector.name) else { return false }
        guard let version = selector.version else { return true }
        return offers.offers(in: row).contains { entries[$0.slot].load(version, $0.places) != nil }
    }

    /// What the table knows of a model that a request names.
    package enum Knowledge: Equatable, Sendable {
        /// Replicas serve it, or did when they were last heard of: as many as there are of the model in any version.
        case known(replicaCount: Int)
        /// See `expects`.
        case expected
    }

    /// Whether a model is a replica's, or may well be; nil for neither.
    package mutating func knowledge(of selector: ModelSelector, at now: MonotonicTime) -> Knowledge? {
        guard let row = offers.rowAgain(of: selector.name) else { return expects(selector, at: now) ? .expected : nil }
        let offers = offers.offers(in: row)
        guard let version = selector.version else { return .known(replicaCount: offers.count) }
        for offer in offers where entries[offer.slot].load(version, offer.places) != nil {
            return .known(replicaCount: offers.count)
        }
        return expects(selector, at: now) ? .expected : nil
    }

    /// How many replicas serve a model or did when they were last heard of, be it that they cannot take a call now.
    package func replicaCount(of selector: ModelSelector) -> Int {
        guard let row = offers.row(of: selector.name) else { return 0 }
        return offers.offers(in: row).count { entries[$0.slot].load(selector.version, $0.places) != nil }
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
            || entries.contains {
                $0.additionNumber > 0 && $0.report == nil
                    && now.nanoseconds(since: $0.additionTime) <= Self.awaitNanosecondsMax
            }
    }

    /// For how long callers of a model that nobody serves any more, or yet, are told to come again.
    package static var awaitNanosecondsMax: UInt64 { ModelMemory.nanosecondsMax }

    /// Whether no replica has said yet what it serves: then nobody knows which models there are.
    package var isSilent: Bool { !entries.contains { $0.report != nil } }

    /// Whether any replica takes calls for a model now.
    package func isReady(_ selector: ModelSelector, at now: MonotonicTime) -> Bool {
        guard let row = offers.row(of: selector.name) else { return false }
        return offers.offers(in: row).contains { offer in
            entries[offer.slot].state(at: now) == .ready
                && entries[offer.slot].load(selector.version, offer.places) != nil
        }
    }

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
            guard let slot = slot(of: replica) else { continue }
            let ready = entries[slot].state(at: now) == .ready ? [replica] : []
            for model in entries[slot].report?.models ?? [] {
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

    /// Calls that were sent to a replica and have not ended.
    package func callCount(of replica: ReplicaID) -> Int { slot(of: replica).map { entries[$0].callCount } ?? 0 }

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
        guard let slot = slot(of: replica) else { return nil }
        let state = entries[slot].state(at: now)
        return state == .ready && outliers.isOut(slot, at: now) ? .outlier : state
    }

    /// Whether a replica gets calls now.
    package func isReady(_ replica: ReplicaID, at now: MonotonicTime) -> Bool { state(of: replica, at: now) == .ready }
}

extension ReplicaTable.Entry {
    func state(at now: MonotonicTime) -> ReplicaTable.ReplicaState {
        guard isConnected, now.nanoseconds(since: reportTime) <= ReplicaTable.reportAgeNanosecondsMax
        else { return .away }
        if isDraining { return .draining }
        return breaker.allows(at: now) ? .ready : .broken
    }

    /// How long a request would wait here for a version of the model whose versions these are, or for the latest, and
    /// what one takes, in nanoseconds; nil for a version that is not here.
    func load(_ version: ModelVersion?, _ places: Range<Int>) -> (wait: Double, service: Double)? {
        var place = places.upperBound - 1
        if let version {
            while loads[place].version != version {
                guard place > places.lowerBound else { return nil }
                place -= 1
            }
        }
        return (loads[place].wait + Double(newCallCount + 1) * loads[place].service, loads[place].service)
    }
}
