import Compute
package import Models
package import Routing
import Scheduling
import Synchronization
package import Vocabulary

/// How an engine runs.
package struct EngineConfiguration: Sendable {
    /// Threads that compute, the engine thread included; at least 1.
    package var threadCount: Int
    /// Most pieces of work on their way to the engine thread, all models together.
    package var mailboxCapacity: Int
    /// Generated tokens that may wait for a reader before its sequence is paused.
    package var bufferedTokenCountMax: Int
    /// How long requests of a model that is unloaded may take to be answered.
    package var unloadNanosecondsMax: UInt64 = 30_000_000_000

    package init(threadCount: Int, mailboxCapacity: Int = 65_536, bufferedTokenCountMax: Int = 32) {
        precondition(threadCount >= 1 && mailboxCapacity >= 1 && bufferedTokenCountMax >= 1)
        self.threadCount = threadCount
        self.mailboxCapacity = mailboxCapacity
        self.bufferedTokenCountMax = bufferedTokenCountMax
    }
}

/// Runs models: one thread that schedules and computes, and a door to it that any thread may use.
///
/// A failure of one request or one model never disturbs another. Callers wait without holding a thread; cancelling the
/// waiting task takes the request out of the engine before the next execution.
package final class Engine: Sendable {
    /// Why a call failed whose model has just left, or has not come yet: nothing else is wrong.
    package static let modelUnloadedLabel = "model_unloaded"

    let clock: any MonotonicClock
    let configuration: EngineConfiguration
    let mailbox: Mailbox<EngineMessage>
    let loaded = Mutex(LoadedModels())
    /// Brings models back that rest; nil where none does.
    let waker = Mutex(WeakWaker())
    /// Who waits for models that are being brought back.
    let awakenings = Mutex(Awakenings())
    private let report = FairnessReport()
    /// For those who prepare models beside it.
    let service = ServiceNote()
    private let lastTicket = Atomic<UInt64>(0)

    package init(configuration: EngineConfiguration, clock: any MonotonicClock = SystemClock()) {
        self.configuration = configuration
        self.clock = clock
        let mailbox = Mailbox<EngineMessage>(capacity: configuration.mailboxCapacity)
        self.mailbox = mailbox
        let threadCount = configuration.threadCount
        startThread(name: "apus-engine") { [report, service] in
            EngineLoop(
                mailbox: mailbox, clock: clock, threadCount: threadCount, report: report, service: service
            ).run()
        }
    }

    deinit { mailbox.close(with: .stop(Completion())) }

    /// Stops the engine: every request that waits or runs is answered with UNAVAILABLE, later ones too.
    ///
    /// An execution that has begun is finished and answered. A second call returns at once.
    package func shutdown() async {
        let stopped = Completion<Void>()
        if mailbox.close(with: .stop(stopped)) { await stopped.value() }
    }

    // MARK: Models

    /// Serves `model` from now on, after warming it up; a model of the same name and version is replaced.
    ///
    /// - Parameters:
    ///   - model: not used by the caller any more.
    ///   - occasion: why it comes, by which it is prepared in haste or at leisure.
    /// - Throws: FAILED_PRECONDITION when it cannot be warmed up, or an alias of it is taken; nothing has changed then.
    package func load(_ model: EngineModel, on occasion: LoadOccasion = .change) async throws(ServingError) {
        let loaded = LoadedModel(model, at: clock.now())
        // Before it is in the table, where whoever needs memory next would find it called by nobody.
        if case .call(let tenant) = occasion { loaded.noteUse(by: tenant, at: clock.now()) }
        try await prepare(loaded, pace: pace(of: occasion))
        let installed = Completion<Result<Void, ServingError>>()
        guard mailbox.send(notice: .install(loaded, installed)) else { throw .engineStopped }
        try await installed.value().get()
        do throws(ServingError) {
            for request in model.warmUp { try await warmUp(loaded, with: request) }
            let replaced: Result<LoadedModel?, ServingError> = self.loaded.withLock { models in
                if let objection = models.objection(to: model, name: loaded.description.name) {
                    return .failure(objection)
                }
                let replaced = models.insert(loaded, aliases: model.aliases)
                if let replaced { loaded.takeUses(from: replaced) }
                if let replaced, replaced.isResting { loaded.takeCounts(from: replaced) }
                return .success(replaced)
            }
            let description = loaded.description
            awakenings.withLock { $0.forget(.init(name: description.name, version: description.version)) }
            // One that rests has nothing on the engine thread, only callers who wait for this one.
            if let replaced = try replaced.get(), !replaced.isResting { await remove(replaced) }
        } catch {
            await remove(loaded)
            throw error
        }
    }

    /// Stops serving a version of a model.
    ///
    /// Requests that it has are answered first, but for those that would take longer than `unloadNanosecondsMax`:
    /// UNAVAILABLE. Returns when the model is gone.
    ///
    /// - Throws: NOT_FOUND.
    package func unload(name: ModelName, version: ModelVersion) async throws(ServingError) {
        let selector = ModelSelector(name: name, version: version)
        let found: Result<LoadedModel, ServingError> = loaded.withLock { loaded in
            Result { () throws(ServingError) in
                let model = try loaded.target(of: selector)
                loaded.remove(name: name, version: version)
                return model
            }
        }
        let removed = try found.get()
        // One that rests has only callers who wait for it, and they find it gone as soon as they look.
        if !removed.isResting { await remove(removed) }
    }

    /// Every model and version there is, by name and then by version.
    package var models: [ModelDescription] { loaded.withLock { $0.table.targets.map(\.description) } }

    /// What a model takes and gives.
    ///
    /// - Throws: NOT_FOUND naming the model and the ones there are.
    package func description(of selector: ModelSelector) throws(ServingError) -> ModelDescription {
        try find(selector).description
    }

    /// The versions of a model, ascending; empty for one that is not there.
    package func versions(of name: ModelName) -> [ModelVersion] { loaded.withLock { $0.versions(of: name) } }

    /// Whether a model would answer.
    package func isReady(_ selector: ModelSelector) -> Bool { loaded.withLock { $0.contains(selector) } }

    /// What has happened to a model so far.
    ///
    /// - Throws: NOT_FOUND naming the model and the ones there are.
    package func counters(of selector: ModelSelector) throws(ServingError) -> ModelCounters {
        try find(selector).counters
    }

    /// How its time has been divided among tenants so far; what models answer on calling threads is not counted.
    package var fairness: EngineFairness { report.fairness(at: clock.now()) }

    /// How a model is served.
    ///
    /// - Throws: NOT_FOUND naming the model and the ones there are.
    package func terms(of selector: ModelSelector) throws(ServingError) -> ServingTerms { try find(selector).terms }

    func find(_ selector: ModelSelector) throws(ServingError) -> LoadedModel {
        let found: Result<LoadedModel, ServingError> = loaded.withLock { loaded in
            Result { () throws(ServingError) in try loaded.target(of: selector) }
        }
        return try found.get()
    }

    /// The model, when it is there and answers on the calling thread.
    func findImmediate(_ selector: ModelSelector) -> LoadedModel? {
        loaded.withLock { $0.immediate[selector] }
    }

    func newTicket() -> Ticket {
        Ticket(lastTicket.add(1, ordering: .relaxed).newValue)
    }

    /// Warms a model up beside the engine thread, so that neither those that run nor its first caller wait for it.
    ///
    /// - Throws: FAILED_PRECONDITION saying what the model does not have.
    private func prepare(_ model: LoadedModel, pace: ThreadPace) async throws(ServingError) {
        // Where others run, on one thread, so that they have the other processors.
        let threadCount = pace == .usual ? configuration.threadCount : 1
        let result: Result<Void, ServingError> = await onThread(name: "apus-loader", pace: pace, while: service) {
            do {
                try model.prepare(on: ComputeGang(threadCount: threadCount))
                return .success(())
            } catch {
                return .failure(model.warmUpFailure(error))
            }
        }
        try result.get()
    }

    /// Takes a model away from the engine thread once it has answered what it has.
    func remove(_ model: LoadedModel) async {
        model.leave()
        let removed = Completion<Void>()
        let until = clock.now().advanced(byNanoseconds: configuration.unloadNanosecondsMax)
        if mailbox.send(notice: .remove(model, until: until, removed)) { await removed.value() }
    }
}
