import Models
import Scheduling
import Synchronization
import TextModels
import Vocabulary

/// A model that the engine serves, and what any thread may know and count about it.
final class LoadedModel: @unchecked Sendable {
    // @unchecked: of the model itself, other threads than the engine's use only what its protocol allows on any thread.
    let description: ModelDescription
    let kind: Kind
    /// The model, if it answers on the calling thread.
    let immediateModel: (any ImmediateModel)?
    let terms: ServingTerms
    private let counted: Mutex<Counted>
    /// Those who wait for a place in its queue.
    let room = QueueRoom()

    enum Kind {
        case batch(any BatchModel, BatchLimits)
        case text(TextPipeline, TokenLimits)
        /// Its samples are tokens.
        case encoder(EncoderPipeline, BatchLimits)
        /// Not in memory, until the next request.
        case resting
    }

    /// Callers that have found it and may still send it something.
    private let holderCount = Atomic<Int>(0)
    /// Whether it goes once nobody holds it.
    private let isLeaving = Atomic<Bool>(false)
    /// Who has called it last, and when; empty where nobody asks for it.
    private let uses = Mutex<[TenantID?: MonotonicTime]>([:])
    /// When it came into memory.
    let loadTime: MonotonicTime

    init(_ model: EngineModel, at now: MonotonicTime) {
        loadTime = now
        kind = model.kind
        switch kind {
        case .batch(let model, _):
            description = model.description
            immediateModel = model as? any ImmediateModel
        case .text(let pipeline, _):
            description = pipeline.model.description
            immediateModel = nil
        case .encoder(let pipeline, _):
            description = pipeline.model.description
            immediateModel = nil
        case .resting: preconditionFailure("a model that rests is made of one that does not")
        }
        terms = ServingTerms(model, description: description, isImmediate: immediateModel != nil)
        counted = Mutex(Counted(capacity: terms.queueCapacity))
    }

    /// What is left of a model when its weights are gone: what it takes and gives, and what it has done.
    init(resting model: LoadedModel) {
        kind = .resting
        description = model.description
        immediateModel = nil
        terms = model.terms
        counted = Mutex(Counted(capacity: terms.queueCapacity))
        loadTime = model.loadTime
        takeCounts(from: model)
        takeUses(from: model)
    }

    var isResting: Bool { if case .resting = kind { true } else { false } }

    /// Requests that may wait.
    private var queueCapacity: Int { terms.queueCapacity }

    private struct Counted {
        var counters = ModelCounters()
        private(set) var places: QueuePlaces

        init(capacity: Int) { places = QueuePlaces(capacity: capacity) }

        mutating func take(_ placeCount: Int, for share: TenantShare) -> QueuePlaces.Refusal? {
            defer { counters.queuedRequestCount = places.count }
            return places.take(placeCount, for: share)
        }

        mutating func leave(_ tenant: TenantID?) {
            places.leave(tenant)
            counters.queuedRequestCount = places.count
        }
    }

    /// What has happened so far.
    var counters: ModelCounters { counted.withLock { $0.counters } }

    /// Counts something.
    func count(_ body: (inout ModelCounters) -> Void) { counted.withLock { body(&$0.counters) } }

    /// Takes places in the queue for requests of a tenant, before they are sent to the engine thread.
    ///
    /// Why here: a caller learns at once that the queue is full, not when the running batch is done; and every piece of
    /// work in the mailbox has a place, so that the mailbox is bounded too.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when `queueCapacity` requests wait, or too many of this tenant's.
    func enterQueue(_ share: TenantShare, requests: Int = 1) throws(ServingError) {
        let refusal = counted.withLock { counted in
            counted.counters.requestCount += UInt64(requests)
            let refusal = counted.take(requests, for: share)
            if refusal != nil { counted.counters.failureCount += UInt64(requests) }
            return refusal
        }
        if let refusal { throw queueRefusal(refusal, of: share.tenant) }
    }

    /// Takes a place among those who wait for a model to come back, which is going to count the request.
    ///
    /// - Throws: as `enterQueue`.
    func enterRest(_ share: TenantShare) throws(ServingError) {
        if let refusal = counted.withLock({ $0.take(1, for: share) }) { throw queueRefusal(refusal, of: share.tenant) }
    }

    /// Gives back what `enterRest` took.
    func leaveRest(_ share: TenantShare) { counted.withLock { $0.leave(share.tenant) } }

    /// Gives back places in the queue, those of them that were not given back before.
    func leaveQueue(_ places: [QueuePlace]) {
        let leaving = places.filter { $0.leave() }
        guard !leaving.isEmpty else { return }
        counted.withLock { counted in for place in leaving { counted.leave(place.tenant) } }
        room.wake(leaving.count, mayEnter: mayEnterQueue)
    }

    /// Takes a place in the queue as soon as one is free that the tenant may have.
    ///
    /// - Throws: CANCELLED.
    func enterQueueWhenFree(_ share: TenantShare) async throws(ServingError) {
        var hasWaited = false
        while true {
            let turn = room.wait(share, isFirst: hasWaited)
            let isTaken = counted.withLock { counted in
                guard counted.take(1, for: share) == nil else { return false }
                counted.counters.requestCount += 1
                return true
            }
            if isTaken { return room.leave(turn, mayEnter: mayEnterQueue) }
            hasWaited = true
            let mayEnter = { @Sendable [self] in mayEnterQueue($0) }
            guard await room.value(of: turn, mayEnter: mayEnter) else { throw .cancelledByCaller }
        }
    }

    private func mayEnterQueue(_ share: TenantShare) -> Bool {
        counted.withLock { $0.places.refusal(of: 1, for: share) == nil }
    }

    /// The model, if it answers in batches.
    ///
    /// - Throws: INVALID_ARGUMENT for a model of another kind.
    func batchModel() throws(ServingError) -> any BatchModel {
        guard case .batch(let model, _) = kind else {
            guard !isResting else { throw notReady }
            throw ServingError(
                .invalidArgument,
                "model '\(description.name)' (platform \(description.platform)) takes text, not tensors",
                label: "wrong_modality")
        }
        return model
    }

    /// The pipeline and the limits of a model that continues texts.
    ///
    /// - Throws: INVALID_ARGUMENT for a model of another kind.
    func text() throws(ServingError) -> (pipeline: TextPipeline, limits: TokenLimits) {
        if case .encoder = kind {
            throw ServingError(
                .invalidArgument,
                "model '\(description.name)' (platform \(description.platform)) turns texts into vectors, it does not "
                    + "continue them", label: "wrong_modality")
        }
        guard case .text(let pipeline, let limits) = kind else {
            guard !isResting else { throw notReady }
            throw ServingError(
                .invalidArgument,
                "model '\(description.name)' (platform \(description.platform)) takes tensors, not text",
                label: "wrong_modality")
        }
        return (pipeline, limits)
    }

    /// The pipeline of a model that turns texts into vectors, and most tokens of an execution.
    ///
    /// - Throws: FAILED_PRECONDITION for a model of another kind.
    func encoder() throws(ServingError) -> (pipeline: EncoderPipeline, limits: BatchLimits) {
        guard case .encoder(let pipeline, let limits) = kind else {
            guard !isResting else { throw notReady }
            throw ServingError(
                .failedPrecondition,
                "model '\(description.name)' (platform \(description.platform)) is no encoder, which turns texts into "
                    + "vectors", label: "wrong_modality")
        }
        return (pipeline, limits)
    }

    /// The answer of a model that cannot be warmed up.
    func warmUpFailure(_ error: any Error) -> ServingError {
        ServingError(
            .failedPrecondition, "model '\(description.name)' failed to warm up: \(error)", label: "warm_up_failed")
    }

    /// Whether nothing is sent to it, waits or runs.
    ///
    /// Holders first: who lets go has counted what it has sent before, so that without holders the counters are those
    /// of everything that was ever sent. The other way around a request could be counted, and its holder be gone, in
    /// between.
    var isIdle: Bool { holderCount.load(ordering: .sequentiallyConsistent) == 0 && counters.isIdle }

    /// Keeps it from being removed until `release`; under the lock of the table, so that nobody holds what has left it.
    func hold() { holderCount.add(1, ordering: .sequentiallyConsistent) }

    /// - Returns: whether the engine thread waits to hear of this.
    func release() -> Bool {
        // Sequentially consistent, as are `leave` and `isIdle`: either we see that it leaves, or it sees us gone.
        holderCount.subtract(1, ordering: .sequentiallyConsistent).newValue == 0
            && isLeaving.load(ordering: .sequentiallyConsistent)
    }

    /// Tells the engine thread from now on when the last holder lets go.
    func leave() { isLeaving.store(true, ordering: .sequentiallyConsistent) }

    /// Notes who calls it.
    func noteUse(by tenant: TenantID?, at now: MonotonicTime) { uses.withLock { $0[tenant] = now } }

    /// Takes over who has called another one of the same name and version, unless that is known better here.
    func takeUses(from other: LoadedModel) {
        let before = other.lastUses
        uses.withLock { $0.merge(before) { max($0, $1) } }
    }

    /// Who has called it, also before it rested, and when last.
    var lastUses: [TenantID?: MonotonicTime] { uses.withLock { $0 } }

    /// The answer of a model that is not there any more, or not yet.
    var notReady: ServingError {
        ServingError(
            .unavailable, "'\(description.name)' version \(description.version) is not at ready state",
            label: Engine.modelUnloadedLabel)
    }

    private func queueRefusal(_ refusal: QueuePlaces.Refusal, of tenant: TenantID?) -> ServingError {
        guard case .share(let count) = refusal, let tenant else { return queueFull }
        return ServingError(
            .resourceExhausted,
            "tenant \(tenant) may have no more than \(count) of the \(queueCapacity) places in the queue of model "
                + "'\(description.name)' while others wait or the queue is nearly full",
            label: "queue_full", retryAdvice: .after(nanoseconds: placeNanoseconds))
    }

    /// The answer of a full queue.
    var queueFull: ServingError {
        ServingError(
            .resourceExhausted, "Exceeds maximum queue size (\(queueCapacity)) of model '\(description.name)'",
            label: "queue_full", retryAdvice: .after(nanoseconds: placeNanoseconds))
    }

    /// After how long it is worth asking for a place again: as long as one answer has taken of the engine so far, and
    /// something that callers of a model without answers can live with.
    private var placeNanoseconds: UInt64 {
        let counters = counters
        guard counters.answerCount > 0 else { return 100_000_000 }
        return min(max(counters.answerTimes.computeNanoseconds / counters.answerCount, 10_000_000), 5_000_000_000)
    }
}

extension ServingError {
    static let deadlineInQueue = ServingError(.deadlineExceeded, "Request timeout expired", label: "deadline_in_queue")
    static let deadlineUnreachable = ServingError(
        .deadlineExceeded, "the deadline is sooner than the prompt can be read", label: "deadline_unreachable")
    static let deadlineTooSoon = ServingError(
        .deadlineExceeded, "the deadline is sooner than the model can answer", label: "deadline_unreachable")
    static let noTokenGoesOn = ServingError(
        .failedPrecondition,
        "no token of the model's vocabulary goes on as the answer has to, or too many ways are open at once",
        label: "constraint_stuck")
    static let cancelledByCaller = ServingError(.cancelled, "the caller cancelled the request")
    static let engineStopped = ServingError(
        .unavailable, "the engine is shutting down and has stopped accepting new requests", label: "shutting_down")
}
