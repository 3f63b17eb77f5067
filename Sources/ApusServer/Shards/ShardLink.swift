import InferenceService
import Logging
import Messages
import RPC
import RPCTransport
import Routing
import Vocabulary

/// Listens to what one shard says about itself, for as long as its task runs, and tells the directory.
///
/// The call that listens is as good as a heartbeat: while it lasts, the shard is there. When it ends, the shard gets no
/// calls before it answers a new one; the channel connects again by itself, with pauses that grow.
struct ShardLink {
    let replica: ReplicaID
    let channel: RPCChannel
    let directory: ShardDirectory
    let logger: Logger

    /// Between two attempts to listen; a shard that restarts is found again within this time and its connection's.
    private static let pauseNanoseconds: UInt64 = 200_000_000

    func run() async {
        var wasThere = false
        while !Task.isCancelled {
            let reason = await listen { wasThere = true }
            // One that was let go may have come again meanwhile, with a link of its own.
            guard !Task.isCancelled else { break }
            directory.disconnect(replica)
            if wasThere {
                logger.notice("shard lost", metadata: ["shard": "\(replica)", "reason": "\(reason)"])
            }
            wasThere = false
            try? await Task.sleep(nanoseconds: Self.pauseNanoseconds)
        }
        await channel.close()
    }

    /// Listens until the call ends; says why it did.
    private func listen(whenThere: () -> Void) async -> String {
        let call = await channel.stream(Bytes(utf8: ShardMethods.watch.path))
        var isKnown = false
        do {
            try await call.write(WatchRequest().encoded())
            try await call.finishWriting()
            while let message = try await call.next(), !Task.isCancelled {
                let report = ReplicaReport(try ShardState(decoding: message))
                directory.update(replica, report)
                if !isKnown, !report.isDraining {
                    isKnown = true
                    whenThere()
                    logger.notice(
                        "shard there",
                        metadata: [
                            "shard": "\(replica)",
                            "models": "\(report.models.map(\.name.name).sorted().joined(separator: ","))",
                        ])
                }
            }
            return "it drains"
        } catch {
            call.cancel()
            return "\(error)"
        }
    }
}
