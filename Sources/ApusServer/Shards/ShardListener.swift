import InferenceService
import Messages
import RPC
import RPCTransport
import Routing
import Synchronization
import Vocabulary

/// Listens to what one shard says about itself over one channel, and tells the directory.
struct ShardListener {
    let replica: ReplicaID
    let directory: ShardDirectory
    let clock: any MonotonicClock

    /// How long the first report may take: the time for an attempt to connect, and some.
    private static let answerNanosecondsMax: UInt64 = 2_000_000_000

    /// Why nobody listens any more.
    enum End: Equatable {
        /// So long after the first report; 0 when there was none.
        case ended(reason: String, heardNanoseconds: UInt64)
        case drained
        case silent
    }

    /// Listens until the call ends or has nothing to say, or the task is cancelled; the call is over then.
    ///
    /// - Parameters:
    ///   - channel: to the shard.
    ///   - whenThere: is called with the first report that says that the shard takes calls.
    /// - Returns: why it is over.
    func listen(on channel: RPCChannel, whenThere: (ReplicaReport) -> Void) async -> End {
        let call = await channel.stream(Bytes(utf8: ShardMethods.watch.path))
        // Whatever ends the listening: a channel is not closed before its last call has ended.
        defer { call.cancel() }
        let patience = Patience(until: clock.now().advanced(byNanoseconds: Self.answerNanosecondsMax))
        let watchdog = Task { [clock] in
            while !Task.isCancelled {
                let rest = patience.end.nanoseconds(since: clock.now())
                guard rest > 0 else {
                    call.cancel()
                    return true
                }
                try? await Task.sleep(nanoseconds: rest)
            }
            return false
        }
        let end = await reports(of: call, patience, whenThere)
        watchdog.cancel()
        return await watchdog.value ? .silent : end
    }

    /// Takes reports until the call ends; says why it did.
    private func reports(
        of call: ClientCall, _ patience: Patience, _ whenThere: (ReplicaReport) -> Void
    ) async -> End {
        var firstTime: MonotonicTime?
        var last: ReplicaReport?
        do {
            try await call.write(WatchRequest().encoded())
            try await call.finishWriting()
            while let message = try await call.next(), !Task.isCancelled {
                let report = ReplicaReport(try ShardState(decoding: message))
                let now = clock.now()
                patience.end = now.advanced(byNanoseconds: ReplicaTable.reportAgeNanosecondsMax)
                firstTime = firstTime ?? now
                directory.update(replica, report)
                if !report.isDraining, last?.isDraining ?? true { whenThere(report) }
                last = report
            }
            return last?.isDraining == true ? .drained : ended("it has ended the call", since: firstTime)
        } catch {
            return ended("\(error)", since: firstTime)
        }
    }

    private func ended(_ reason: String, since time: MonotonicTime?) -> End {
        .ended(reason: reason, heardNanoseconds: time.map { max(1, clock.now().nanoseconds(since: $0)) } ?? 0)
    }
}

/// When a silence has been too long; the one who listens moves it on, the one who watches reads it.
private final class Patience: Sendable {
    private let time: Mutex<MonotonicTime>

    init(until time: MonotonicTime) { self.time = Mutex(time) }

    var end: MonotonicTime {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}
