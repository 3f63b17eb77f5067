import EventLoops
import InferenceService
import Logging
import Messages
import RPC
import RPCTransport
import Routing
import Synchronization
import TLS
import Vocabulary

/// Listens to what one shard says about itself, for as long as its task runs, and tells the directory.
///
/// The call that listens is as good as a heartbeat: while it lasts, the shard is there. When it ends, the shard gets no
/// calls before it answers a new one; the channel connects again by itself, with pauses that grow.
///
/// A shard that goes silent while its connection stands is tried on a new one. Why: when a network is cut, TCP waits
/// about as long again as it was cut before it says anything, and everything sent on the old connection waits with it.
/// Calls that are there go on until they end.
///
/// A new certificate of this server is shown on a new connection at once; when the shard has answered there, calls go
/// there too, and end on the old one. Why: when the old certificate is revoked, every shard ends the connections that
/// were made with it, all at the same time. Why not sooner: a certificate that no shard takes would be the end of all
/// calls.
struct ShardLink {
    let replica: ReplicaID
    /// The first channel, which the directory has already.
    let channel: RPCChannel
    /// How to make another one.
    let configuration: RPCChannelConfiguration
    /// The newest certificate when the first channel was made; nil without TLS.
    let context: TLSContext?
    let loops: EventLoopGroup
    let directory: ShardDirectory
    let clock: any MonotonicClock
    let logger: Logger
    /// Is called when the shard does not speak any more.
    let whenLost: @Sendable () -> Void

    /// Between two attempts to listen; a shard that restarts is found again within this time and its connection's.
    private static let pauseNanoseconds: UInt64 = 200_000_000
    /// How often it is looked whether the certificate has changed.
    private static let lookNanoseconds: UInt64 = 1_000_000_000
    /// How long the first report may take: the time for an attempt to connect, and some.
    private static let answerNanosecondsMax: UInt64 = 2_000_000_000

    /// Why nobody listens any more.
    private enum End: Equatable {
        case ended(reason: String)
        case silent
        case renewed

        var reason: String {
            switch self {
            case .ended(let reason): reason
            case .silent: "it says nothing"
            case .renewed: "there is a new certificate"
            }
        }
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            var (channel, context) = (channel, context)
            // One with a new certificate, until the shard has answered on it.
            var candidate: RPCChannel?
            var isKnown = false
            while !Task.isCancelled {
                let (old, tried) = (channel, candidate.take())
                let wasKnown = isKnown
                let end = await listen(on: tried ?? old, shown: context, isKnown: wasKnown) {
                    isKnown = true
                    guard let tried else { return }
                    channel = tried
                    directory.replace(old, with: tried, of: replica)
                    group.addTask { await old.close() }
                    logger.notice("shard connected to with a new certificate", metadata: ["shard": "\(replica)"])
                }
                // One that was let go may have come again meanwhile, with a link of its own.
                guard !Task.isCancelled else {
                    if let tried, tried !== channel { await tried.close() }
                    break
                }
                if let tried, tried !== channel {
                    logger.warning(
                        "shard does not take the new certificate; its connection with the one before goes on",
                        metadata: ["shard": "\(replica)", "reason": "\(end.reason)"])
                    group.addTask { await tried.close() }
                    continue
                }
                // With a new certificate the shard is as much there as before; one that is away will see it anyway.
                guard end != .renewed else {
                    context = configuration.tlsSource?.current
                    candidate = isKnown ? RPCChannel(configuration: configuration, loops: loops) : nil
                    continue
                }
                loseSight(after: end, wasThere: isKnown)
                isKnown = false
                guard end == .silent else {
                    try? await Task.sleep(nanoseconds: Self.pauseNanoseconds)
                    continue
                }
                let new = RPCChannel(configuration: configuration, loops: loops)
                directory.replace(old, with: new, of: replica)
                channel = new
                group.addTask { await old.close() }
            }
            await channel.close()
        }
    }

    /// Nobody speaks for the shard any more.
    private func loseSight(after end: End, wasThere: Bool) {
        directory.disconnect(replica)
        whenLost()
        guard wasThere else { return }
        logger.notice("shard lost", metadata: ["shard": "\(replica)", "reason": "\(end.reason)"])
    }

    /// Listens until the call ends or has nothing to say, or there is another certificate than was shown; says why.
    private func listen(
        on channel: RPCChannel, shown context: TLSContext?, isKnown: Bool, whenThere: () -> Void
    ) async -> End {
        let call = await channel.stream(Bytes(utf8: ShardMethods.watch.path))
        let patience = Patience(until: clock.now().advanced(byNanoseconds: Self.answerNanosecondsMax))
        let watchdog = Task { [clock, source = configuration.tlsSource] () -> End? in
            while !Task.isCancelled {
                let rest = patience.end.nanoseconds(since: clock.now())
                if rest == 0 || source?.current !== context {
                    call.cancel()
                    return rest == 0 ? .silent : .renewed
                }
                try? await Task.sleep(nanoseconds: min(rest, Self.lookNanoseconds))
            }
            return nil
        }
        let reason = await reports(of: call, patience, isKnown: isKnown, whenThere)
        watchdog.cancel()
        return await watchdog.value ?? .ended(reason: reason)
    }

    /// Takes reports until the call ends; says why it did.
    private func reports(
        of call: ClientCall, _ patience: Patience, isKnown: Bool, _ whenThere: () -> Void
    ) async -> String {
        var hasAnswered = false
        do {
            try await call.write(WatchRequest().encoded())
            try await call.finishWriting()
            while let message = try await call.next(), !Task.isCancelled {
                let report = ReplicaReport(try ShardState(decoding: message))
                patience.end = clock.now().advanced(byNanoseconds: ReplicaTable.reportAgeNanosecondsMax)
                directory.update(replica, report)
                guard !hasAnswered, !report.isDraining else { continue }
                hasAnswered = true
                whenThere()
                guard !isKnown else { continue }
                logger.notice(
                    "shard there",
                    metadata: [
                        "shard": "\(replica)",
                        "models": "\(report.models.map(\.name.name).sorted().joined(separator: ","))",
                    ])
            }
            return "it drains"
        } catch {
            call.cancel()
            return "\(error)"
        }
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
