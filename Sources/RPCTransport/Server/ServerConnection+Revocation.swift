import EventLoops
package import TLS
import Vocabulary

/// What a new revocation list means to connections that began before it.
extension ServerConnection {
    /// A client that was let in before its certificate was revoked has this long to finish what it has begun.
    static let revokedGraceNanoseconds: UInt64 = 5_000_000_000

    /// Whether `context` would not let the client in again because its certificate was revoked.
    func isRevoked(by context: TLSContext) -> Bool {
        connection.tls.map { context.revokesPeer(of: $0) } ?? false
    }

    /// Takes no more calls, and cuts off what is still running after `revokedGraceNanoseconds`.
    func endRevoked() {
        drain(reason: PeerRejection.revoked.rawValue)
        loop.schedule(afterNanoseconds: Self.revokedGraceNanoseconds) {
            guard !self.connection.isClosed else { return }
            self.shutDown(
                ServingError(
                    .unavailable, "the client's certificate was revoked", label: PeerRejection.revoked.rawValue))
            self.loop.schedule(afterNanoseconds: 1_000_000_000) { self.abort() }
        }
    }

    /// Holds the newest list against a client whose handshake began under an older one: such a connection was not
    /// yet there to be ended when the list came.
    func checkRevocation() {
        guard let tls = connection.tls, let newest = shard.configuration.tls, !tls.isOf(newest),
            newest.revokesPeer(of: tls)
        else { return }
        connection.fail(.tls(.peerRejected(.revoked, "certificate revoked during the handshake")))
    }
}

extension RPCServer {
    /// Ends the connections whose client's certificate `context` revokes: gracefully, and in the end all the same.
    ///
    /// - Returns: how many there are.
    package func endConnections(revokedBy context: TLSContext) async -> Int {
        var count = 0
        for shard in shards { count += await shard.loop.run { shard.endConnections(revokedBy: context) } }
        return count
    }
}
