import Glibc
import RPC
import RPCTransport
import Synchronization
import TLS
import Testing
import Vocabulary

/// Keeps what a server says about its connections.
final class ConnectionRecorder: Sendable {
    private let kept = Mutex<[ConnectionRecord]>([])

    var observer: ConnectionObserver {
        ConnectionObserver { record in self.kept.withLock { $0.append(record) } }
    }

    var records: [ConnectionRecord] { kept.withLock { $0 } }
}

@Suite("A server's connection observer")
struct ConnectionObserverTests {
    @Test("is told of a connection that was used and closed, and by whom")
    func established() async throws {
        let recorder = ConnectionRecorder()
        try await Loopback.with(connectionObserver: recorder.observer) { loopback in
            _ = try await loopback.channel.unary(Bytes(utf8: "/test.Echo/Unary"), Bytes(utf8: "x"))
        }
        let record = try #require(recorder.records.first)
        #expect(recorder.records.count == 1)
        #expect(record.stage == .established && !record.isFaultOfPeer)
        #expect(record.peer?.principal == .tenant(TenantID("local")!))
        #expect(record.peerAddress.hasPrefix("127.0.0.1:"))
        #expect(record.refusedSubject == nil)
    }

    @Test(
        "is told why a handshake was refused, and whose certificate it was",
        arguments: [("no_certificate", nil), ("unknown_authority", "O = Apus, CN = tenant/local")]
            as [(String, String?)]
    )
    func refused(label: String, subject: String?) async throws {
        let recorder = ConnectionRecorder()
        try await Loopback.with(connectionObserver: recorder.observer) { server, client in
            guard let certificates = try? TestCertificates() else { return }
            server.tls = certificates.server
            client.tls = subject == nil ? certificates.anonymousClient : certificates.strangeClient
        } _: { loopback in
            await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(Bytes(utf8: "/test.Echo/Unary"), Bytes(utf8: "x"))
            }
        }
        let record = try #require(recorder.records.first)
        #expect(record.stage == .handshake && record.isFaultOfPeer)
        #expect(record.label == label)
        #expect(record.refusedSubject == subject)
        #expect(record.peer == nil)
    }

    @Test("is told of a connection that was turned away because there were too many")
    func turnedAway() async throws {
        let recorder = ConnectionRecorder()
        try await Loopback.with(isSecure: false, connectionObserver: recorder.observer) { server, _ in
            server.connectionCountMax = 1
        } _: { loopback in
            _ = try await loopback.channel.unary(Bytes(utf8: "/test.Echo/Unary"), Bytes(utf8: "x"))
            var second = RPCChannelConfiguration(host: "127.0.0.1", port: loopback.server.address.port)
            second.backoff.initialNanoseconds = 1
            let channel = RPCChannel(configuration: second, loops: loopback.clientLoops)
            await #expect(throws: RPCFailure.self) {
                try await channel.unary(Bytes(utf8: "/test.Echo/Unary"), Bytes(utf8: "x"))
            }
            await channel.close()
        }
        let record = try #require(recorder.records.first { $0.stage == .turnedAway })
        #expect(record.label == "connection_limit" && !record.isFaultOfPeer)
    }
}
