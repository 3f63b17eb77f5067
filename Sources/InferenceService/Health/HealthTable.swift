package import Messages

/// The health of each service and who waits for it to change: decisions only, in a value.
///
/// A watcher is a call of `Watch`. It is owed the status that holds, not every status that held: one that is slow to
/// take them skips what changed in between, so nothing queues up.
package struct HealthTable {
    package typealias Status = HealthCheckResponse.ServingStatus

    /// Names a watcher.
    package struct WatcherID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    /// What a watcher does next.
    package enum Step: Equatable {
        /// Tell its caller.
        case tell(Status)
        /// Wait to be woken.
        case wait
        /// End the call.
        case end
    }

    private struct Watcher {
        let service: String
        var told: Status?
    }

    private var statuses: [String: Status]
    private var watchers: [WatcherID: Watcher] = [:]
    private var watcherCount: UInt64 = 0
    private var isClosed = false

    /// Every one of `services`, and the server as a whole by the empty name, does not take calls yet.
    package init(services: [String]) {
        statuses = Dictionary(uniqueKeysWithValues: services.map { ($0, .notServing) })
        statuses[""] = .notServing
    }

    /// The status of every service.
    package var all: [String: Status] { statuses }

    /// The status of a service; nil for one that is not known.
    package func status(of service: String) -> Status? {
        statuses[service]
    }

    /// Gives every service the same status.
    ///
    /// - Returns: the watchers to wake.
    package mutating func setAll(_ status: Status) -> [WatcherID] {
        statuses = statuses.mapValues { _ in status }
        return watchers.keys.filter { !hasNothing(for: $0) }
    }

    /// Ends the calls of all watchers, once they have told the last status.
    ///
    /// - Returns: the watchers to wake.
    package mutating func close() -> [WatcherID] {
        isClosed = true
        return Array(watchers.keys)
    }

    /// Begins to watch a service, known or not.
    package mutating func beginWatch(of service: String) -> WatcherID {
        watcherCount += 1
        let id = WatcherID(number: watcherCount)
        watchers[id] = Watcher(service: service)
        return id
    }

    /// What the watcher does next; what it is to tell counts as told.
    package mutating func advance(_ id: WatcherID) -> Step {
        let step = next(for: id)
        if case .tell(let status) = step { watchers[id]?.told = status }
        return step
    }

    /// Whether the watcher would be told to wait.
    package func hasNothing(for id: WatcherID) -> Bool {
        next(for: id) == .wait
    }

    /// Ends a watch; ending it twice does nothing.
    package mutating func endWatch(_ id: WatcherID) {
        watchers[id] = nil
    }

    private func next(for id: WatcherID) -> Step {
        guard let watcher = watchers[id] else { return .end }
        let status = statuses[watcher.service] ?? .serviceUnknown
        guard status == watcher.told else { return .tell(status) }
        return isClosed ? .end : .wait
    }
}
