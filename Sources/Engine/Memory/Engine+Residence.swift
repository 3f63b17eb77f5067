import Models
import Routing
import Synchronization
package import Vocabulary

/// Brings back models that rest.
package protocol ModelWaker: AnyObject, Sendable {
    /// Loads a version of a model that rests; returns at once when it does not rest any more.
    ///
    /// - Parameters:
    ///   - name: the model.
    ///   - version: its version.
    ///   - tenant: who calls it.
    /// - Throws: RESOURCE_EXHAUSTED when there is no memory for it; FAILED_PRECONDITION when it cannot be loaded.
    func wake(_ name: ModelName, _ version: ModelVersion, for tenant: TenantID?) async throws(ServingError)
}

/// Keeps an engine from keeping the repository that keeps the engine.
struct WeakWaker: Sendable {
    weak var waker: (any ModelWaker)?
}

extension Engine {
    /// A version of a model that is in memory.
    package struct Resident: Equatable, Sendable {
        package let name: ModelName
        package let version: ModelVersion
        package let byteCount: Int
        /// Who has called it, also before it rested, and when last.
        package let lastUses: [TenantID?: MonotonicTime]
        /// When it came into memory.
        package var loadTime = MonotonicTime(nanoseconds: 0)
        /// Whether it has nothing to do, so that its memory would be free at once.
        package var isIdle = true
    }

    /// Every version that is in memory, by name and then by version; those that answer on calling threads hold nothing
    /// worth counting.
    package var residents: [Resident] {
        loaded.withLock { $0.table.targets }.filter { !$0.isResting && $0.immediateModel == nil }.map {
            Resident(
                name: $0.description.name, version: $0.description.version, byteCount: $0.terms.residentByteCount,
                lastUses: $0.lastUses, loadTime: $0.loadTime, isIdle: $0.isIdle)
        }
    }

    /// Whether there is a model in memory that may have something to do.
    var hasModels: Bool { !residents.isEmpty }

    /// Whether a version of a model rests.
    package func isResting(_ name: ModelName, _ version: ModelVersion) -> Bool {
        (try? find(ModelSelector(name: name, version: version)))?.isResting ?? false
    }

    /// Who brings back models that rest; kept weakly.
    package func setWaker(_ waker: any ModelWaker) { self.waker.withLock { $0.waker = waker } }

    /// Takes a model out of memory; the next request brings it back.
    ///
    /// What there is to know about it can be asked all the time. Requests that it has are answered first, as by
    /// `unload`. Returns when its memory is free.
    ///
    /// - Throws: NOT_FOUND.
    package func rest(_ name: ModelName, _ version: ModelVersion) async throws(ServingError) {
        let model = try find(ModelSelector(name: name, version: version))
        guard !model.isResting else { return }
        let resting = LoadedModel(resting: model)
        let isThere = loaded.withLock { $0.replace(model, by: resting) }
        // Somebody else has put another one in its place.
        guard isThere else { return }
        await remove(model)
        resting.takeCounts(from: model)
    }

    /// Runs `body` with a model that stays where it is until then; one that rests is brought back first.
    ///
    /// - Throws: NOT_FOUND; what `body` throws; RESOURCE_EXHAUSTED or FAILED_PRECONDITION when it cannot be brought
    ///   back; CANCELLED.
    func holding<Answer>(
        _ selector: ModelSelector, for tenant: TenantID?,
        _ body: (LoadedModel) async throws(ServingError) -> Answer
    ) async throws(ServingError) -> Answer {
        let model = try await take(selector, for: tenant)
        defer { if model.release() { mailbox.send(notice: .letGo) } }
        return try await body(model)
    }

    /// A model that is held.
    private func take(_ selector: ModelSelector, for tenant: TenantID?) async throws(ServingError) -> LoadedModel {
        while true {
            let found: Result<LoadedModel, ServingError> = loaded.withLock { models in
                Result { () throws(ServingError) in
                    let model = try models.target(of: selector)
                    model.hold()
                    return model
                }
            }
            let model = try found.get()
            guard model.isResting else {
                if waker.withLock({ $0.waker != nil }) { model.noteUse(by: tenant, at: clock.now()) }
                return model
            }
            _ = model.release()
            try await wake(model, for: tenant)
        }
    }

    /// Waits for a model to come back; as many requests may do so as may wait for it when it is there.
    private func wake(_ model: LoadedModel, for tenant: TenantID?) async throws(ServingError) {
        guard let waker = waker.withLock({ $0.waker }) else { throw model.notReady }
        let share = TenantShare(tenant: tenant)
        try model.enterRest(share)
        defer { model.leaveRest(share) }
        let key = Awakenings.Key(name: model.description.name, version: model.description.version)
        let waiter = Awakenings.Waiter(for: tenant)
        switch awakenings.withLock({ $0.join(key, waiter, at: clock.now()) }) {
        case .refuse(let error): throw error
        case .wait: break
        case .begin: bringBack(key, for: tenant, by: waker)
        }
        let answer = await withTaskCancellationHandler {
            await waiter.answer.value()
        } onCancel: {
            awakenings.withLock { $0.leave(key, waiter) }
            waiter.answer.complete(.ended(.failure(.cancelledByCaller)))
        }
        // Whoever is to ask again does so by looking for the model anew.
        if case .ended(let outcome) = answer { try outcome.get() }
    }

    /// Has a model loaded, in a task of its own: loading goes on for the next caller when this one has no time left.
    private func bringBack(_ key: Awakenings.Key, for tenant: TenantID?, by waker: any ModelWaker) {
        Task {
            let outcome: Result<Void, ServingError>
            do throws(ServingError) {
                outcome = .success(try await waker.wake(key.name, key.version, for: tenant))
            } catch {
                outcome = .failure(error)
            }
            let now = clock.now()
            for (waiter, answer) in awakenings.withLock({ $0.end(key, for: tenant, outcome, at: now) }) {
                waiter.answer.complete(answer)
            }
        }
    }
}
