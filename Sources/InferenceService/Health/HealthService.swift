package import Messages
import Synchronization
package import Vocabulary

/// `grpc.health.v1.Health`: whether the server takes calls.
///
/// All services of a server are healthy together, as soon as its models are loaded and until it drains.
///
/// - Isolation: any thread.
/// - Source: grpc/grpc `doc/health-checking.md`; gRFC A90 for `List`.
package final class HealthService: Sendable {
    private typealias Waiter = CheckedContinuation<Void, Never>

    private struct State {
        var table: HealthTable
        /// Watchers that found nothing to tell.
        var waiters: [HealthTable.WatcherID: Waiter] = [:]

        mutating func takeWaiters(_ watchers: [HealthTable.WatcherID]) -> [Waiter] {
            watchers.compactMap { waiters.removeValue(forKey: $0) }
        }
    }

    /// The most services that `List` answers with.
    private static let listedServiceCountMax = 100

    private let state: Mutex<State>

    /// - Parameter services: full names of the services, besides the server as a whole.
    package init(services: [String]) {
        state = Mutex(State(table: HealthTable(services: services)))
    }

    /// Tells whether the server takes calls, from now on.
    package func setServing(_ isServing: Bool) {
        wake { $0.setAll(isServing ? .serving : .notServing) }
    }

    /// Ends the calls of all who watch, which would keep a server that drains waiting; they hear the last status.
    package func endWatches() {
        wake { $0.close() }
    }

    /// - Throws: NOT_FOUND for a service that is not known.
    package func check(_ request: HealthCheckRequest) throws(ServingError) -> HealthCheckResponse {
        guard let status = state.withLock({ $0.table.status(of: request.service) }) else {
            throw ServingError(.notFound, "there is no service '\(request.service)'")
        }
        return HealthCheckResponse(status: status)
    }

    /// - Throws: RESOURCE_EXHAUSTED when there are too many services to list.
    package func list(_ request: HealthListRequest) throws(ServingError) -> HealthListResponse {
        let statuses = state.withLock { $0.table.all }
        guard statuses.count <= Self.listedServiceCountMax else {
            throw ServingError(
                .resourceExhausted, "\(statuses.count) services; at most \(Self.listedServiceCountMax) are listed")
        }
        return HealthListResponse(statuses: statuses.mapValues { HealthCheckResponse(status: $0) })
    }

    /// Tells the status of a service now and whenever it changes.
    ///
    /// - Parameters:
    ///   - request: names the service, known or not.
    ///   - tell: takes one status; waits while its reader is behind.
    /// - Throws: UNAVAILABLE after `endWatches`, `CancellationError` when the task is cancelled, what `tell` throws.
    package func watch(
        _ request: HealthCheckRequest, tell: (HealthCheckResponse) async throws -> Void
    ) async throws {
        let id = state.withLock { $0.table.beginWatch(of: request.service) }
        defer { endWatch(id) }
        while true {
            switch state.withLock({ $0.table.advance(id) }) {
            case .tell(let status): try await tell(HealthCheckResponse(status: status))
            case .wait: await waitForChange(id)
            case .end:
                try Task.checkCancellation()
                throw ServingError(.unavailable, "the server is shutting down", label: "draining")
            }
        }
    }

    /// Returns when there may be something to do for a watcher.
    private func waitForChange(_ id: HealthTable.WatcherID) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let isDue = state.withLock { state in
                    // What changed since it was asked to wait must not be slept through.
                    guard state.table.hasNothing(for: id) else { return true }
                    state.waiters[id] = waiter
                    return false
                }
                if isDue { waiter.resume() }
            }
        } onCancel: {
            endWatch(id)
        }
    }

    private func endWatch(_ id: HealthTable.WatcherID) {
        wake { table in
            table.endWatch(id)
            return [id]
        }
    }

    /// Changes the table and wakes who has something to do then, outside the lock.
    private func wake(_ change: (inout HealthTable) -> [HealthTable.WatcherID]) {
        let waiters = state.withLock { state in
            let watchers = change(&state.table)
            return state.takeWaiters(watchers)
        }
        for waiter in waiters { waiter.resume() }
    }
}
