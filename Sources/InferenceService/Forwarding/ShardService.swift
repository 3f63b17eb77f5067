import Engine
package import Messages
import Models
package import Routing
import Synchronization
import Vocabulary

/// `apus.shard.v1.Shard`: what routers want to know about this server.
package struct ShardService: Sendable {
    /// How often a router hears of the load; a few times within the age at which it takes a report for none.
    static let intervalNanoseconds: UInt64 = 250_000_000

    private let engine: Engine
    private let servingState: ServingState
    private let watchers = ShardWatchers()

    init(engine: Engine, servingState: ServingState) {
        self.engine = engine
        self.servingState = servingState
        servingState.observe { [watchers] _ in watchers.wakeAll() }
    }

    /// Tells the state until the server drains, which is the last thing it tells.
    func watch(_ request: WatchRequest, to writer: MessageWriter<ShardState>) async throws {
        let (ticks, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watcher = watchers.add(continuation)
        let ticker = Task {
            while !Task.isCancelled {
                continuation.yield()
                try? await Task.sleep(nanoseconds: Self.intervalNanoseconds)
            }
        }
        defer {
            ticker.cancel()
            watchers.remove(watcher)
        }
        var estimates: [ModelSelector: ServiceEstimate] = [:]
        for await _ in ticks {
            let isServing = servingState.isServing
            try await writer.write(ShardState(models: models(&estimates), draining: !isServing))
            guard isServing else { return }
        }
    }

    private func models(_ estimates: inout [ModelSelector: ServiceEstimate]) -> [ShardModel] {
        let before = estimates
        estimates = [:]
        return engine.models.map { description in
            let selector = ModelSelector(name: description.name, version: description.version)
            let counters = (try? engine.counters(of: selector)) ?? EngineCounters()
            var estimate = before[selector] ?? ServiceEstimate()
            let service = estimate.update(
                answerCount: counters.answerCount, computeNanoseconds: counters.computeNanoseconds)
            estimates[selector] = estimate
            return ShardModel(
                name: description.name.name, version: description.version.description,
                expectedWaitMicroseconds: UInt64(clamping: counters.queuedRequestCount) * service / 1000,
                serviceMicroseconds: service / 1000, modality: description.modality.rawValue,
                task: ModelTask(description), runningRequests: UInt64(clamping: counters.runningSequenceCount))
        }
    }
}

/// Those who watch this server, to be woken when it begins to drain.
private final class ShardWatchers: Sendable {
    private let state = Mutex<(continuations: [Int: AsyncStream<Void>.Continuation], last: Int)>(([:], 0))

    func add(_ continuation: AsyncStream<Void>.Continuation) -> Int {
        state.withLock { state in
            state.last += 1
            state.continuations[state.last] = continuation
            return state.last
        }
    }

    func remove(_ watcher: Int) { state.withLock { _ = $0.continuations.removeValue(forKey: watcher) } }

    func wakeAll() { for continuation in state.withLock({ Array($0.continuations.values) }) { continuation.yield() } }
}

extension ReplicaReport {
    /// Reads a state; models whose names or versions are none are left out.
    package init(_ state: ShardState) {
        self.init(
            models: state.models.compactMap { model in
                guard let name = ModelName(model.name), let version = ModelVersion(model.version) else { return nil }
                return Model(
                    name: name, version: version,
                    waitNanoseconds: model.expectedWaitMicroseconds.multipliedClamping(by: 1000),
                    serviceNanoseconds: model.serviceMicroseconds.multipliedClamping(by: 1000),
                    modality: model.modality, task: ServedTask(model.task), runningCount: model.runningRequests)
            }, isDraining: state.draining)
    }
}

extension ModelTask {
    fileprivate init(_ description: ModelDescription) {
        self =
            switch description.modality {
            case .text: description.isEncoder ? .embed : .generate
            case .vision: .classifyPictures
            case .graph: .classifyNodes
            case .tensor: .infer
            }
    }
}

extension ServedTask {
    fileprivate init(_ task: ModelTask) {
        self =
            switch task {
            case .unspecified: .unknown
            case .embed: .embed
            case .generate, .classifyPictures, .classifyNodes, .infer, .unrecognized: .other
            }
    }
}

extension UInt64 {
    fileprivate func multipliedClamping(by factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
