import EventLoops
import HTTP2
import RPC
import Vocabulary

extension ServerConnection {
    /// Looks for what stands still, from now on until nothing is under way.
    func watchForStalls() {
        guard let timeout = shard.configuration.connections.stallTimeoutNanoseconds else { return }
        stallTimer = loop.schedule(afterNanoseconds: timeout / UInt64(StallWatch.looksPerTimeout)) {
            self.stallTimer = nil
            self.lookForStalls()
        }
    }

    private func lookForStalls() {
        let sights = session.streamProgress.map { progress in
            StallWatch.Sight(progress, owesRequest: call(of: progress.stream)?.awaitsRequestBytes ?? false)
        }
        guard connection.isOpen, connection.isOutputBlocked || !sights.isEmpty else {
            stallWatch = StallWatch()
            return
        }
        let stalls = stallWatch.look(
            wireIsBlocked: connection.isOutputBlocked, wireByteCount: connection.wireByteCount, sights)
        for stall in stalls { end(stall) }
        if connection.isOpen { watchForStalls() }
    }

    private func end(_ stall: StallWatch.Stall) {
        switch stall {
        case .wire: connection.abort(.writeStall)
        case .output(let stream):
            call(of: stream)?.fail(
                ServingError(.cancelled, "the client stopped taking the answer", label: "write_stall"))
            // The status would wait behind the data that the client is not taking.
            session.reset(stream, .cancel)
            outputIsReady()
        case .request(let stream):
            // Not UNAVAILABLE, which clients try again at once, only to stop again.
            call(of: stream)?.fail(
                ServingError(.deadlineExceeded, "the request stopped arriving", label: "request_stall"))
        }
    }
}
