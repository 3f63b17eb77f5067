import EventLoops
import InferenceService
import Logging
import RPCTransport
import Routing
import TLS
import Vocabulary

/// Listens to what one shard says about itself, for as long as its task runs, and tells the directory.
///
/// The call that listens is as good as a heartbeat: while it lasts, the shard is there. When it ends, it is made again
/// at once; a shard that does not answer then gets no calls before it does. The channel connects again by itself, with
/// pauses that grow.
///
/// A shard that goes silent while its connection stands is tried on a new one. Why: when a network is cut, TCP waits
/// about as long again as it was cut before it says anything, and everything sent on the old connection waits with it.
/// Calls that are there go on until they end.
///
/// A new certificate of this server is shown on a new connection at once; when the shard has answered there, calls go
/// there too, and end on the old one. Why: when the old certificate is revoked, every shard ends the connections that
/// were made with it, all at the same time. Why not sooner: a certificate that no shard takes would be the end of all
/// calls.
///
/// `LinkState` decides, this carries it out.
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

    /// How often it is looked whether the certificate has changed.
    private static let lookNanoseconds: UInt64 = 1_000_000_000

    private typealias Events = AsyncStream<LinkState.Event>.Continuation

    /// A channel, and who listens on it.
    private struct Line {
        let channel: RPCChannel
        var listener: Task<Void, Never>?
    }

    /// Keeps the link until the task is cancelled; returns when its calls have ended.
    func run() async {
        // Each line and each timer has one event under way at most.
        let (events, tell) = AsyncStream.makeStream(of: LinkState.Event.self)
        await withDiscardingTaskGroup { group in
            var state = LinkState()
            var lines = [state.current: Line(channel: channel)]
            perform(.listen(line: state.current), &lines, &group, tell)
            group.addTask { await watchCertificate(tell) }
            // Ends when the task is cancelled.
            for await event in events {
                for action in state.handle(event) { perform(action, &lines, &group, tell) }
            }
            for action in state.handle(.cancelled) { perform(action, &lines, &group, tell) }
            group.cancelAll()
        }
    }

    private func perform(
        _ action: LinkState.Action, _ lines: inout [Int: Line], _ group: inout DiscardingTaskGroup, _ tell: Events
    ) {
        switch action {
        case .open(let line): lines[line] = Line(channel: RPCChannel(configuration: configuration, loops: loops))
        case .listen(let line):
            guard let channel = lines[line]?.channel else { preconditionFailure("no line \(line)") }
            lines[line]?.listener = Task { tell.yield(await listen(on: channel, line, tell)) }
        case .replace(let old, let new):
            guard let oldLine = lines[old], let newLine = lines[new] else {
                preconditionFailure("no line \(old) or \(new)")
            }
            // A shard that was let go has no channel any more.
            if !directory.replace(oldLine.channel, with: newLine.channel, of: replica), !Task.isCancelled {
                logger.error("shard's calls go to another channel than was thought", metadata: ["shard": "\(replica)"])
            }
        case .close(let line): end(line, &lines, &group) { await $0.close() }
        case .retire(let line): end(line, &lines, &group) { await $0.retire() }
        case .pause(let line, let nanoseconds):
            group.addTask {
                try? await Task.sleep(nanoseconds: nanoseconds)
                tell.yield(.paused(line: line))
            }
        case .doubt(let number, let nanoseconds):
            group.addTask {
                try? await Task.sleep(nanoseconds: nanoseconds)
                tell.yield(.doubted(number: number))
            }
        case .lose(let reason):
            directory.disconnect(replica)
            whenLost()
            logger.notice("shard lost", metadata: ["shard": "\(replica)", "reason": "\(reason)"])
        case .reconnect: directory.reconnect(replica)
        case .tell(let news): say(news)
        }
    }

    private func end(
        _ number: Int, _ lines: inout [Int: Line], _ group: inout DiscardingTaskGroup,
        _ end: @escaping @Sendable (RPCChannel) async -> Void
    ) {
        guard let line = lines.removeValue(forKey: number) else { preconditionFailure("no line \(number)") }
        line.listener?.cancel()
        group.addTask {
            await line.listener?.value
            await end(line.channel)
        }
    }

    private func listen(on channel: RPCChannel, _ line: Int, _ tell: Events) async -> LinkState.Event {
        let end = await ShardListener(replica: replica, directory: directory, clock: clock).listen(on: channel) {
            let models = Set($0.models.map(\.name.name)).sorted().joined(separator: ",")
            tell.yield(.answered(line: line, models: models))
        }
        return switch end {
        case .ended(let reason, let heard): .ended(line: line, reason: reason, heardNanoseconds: heard)
        case .drained: .drained(line: line)
        case .silent: .silent(line: line)
        }
    }

    private func watchCertificate(_ tell: Events) async {
        guard let source = configuration.tlsSource else { return }
        var shown = context
        while !Task.isCancelled {
            let newest = source.current
            if newest !== shown { tell.yield(.renewed) }
            shown = newest
            try? await Task.sleep(nanoseconds: Self.lookNanoseconds)
        }
    }

    private func say(_ news: LinkState.News) {
        switch news {
        case .isThere(let models):
            logger.notice("shard there", metadata: ["shard": "\(replica)", "models": "\(models)"])
        case .tookCertificate:
            logger.notice("shard connected to with a new certificate", metadata: ["shard": "\(replica)"])
        case .refusedCertificate(let reason):
            logger.warning(
                "shard does not take the new certificate; its connection with the one before goes on",
                metadata: ["shard": "\(replica)", "reason": "\(reason)"])
        }
    }
}
