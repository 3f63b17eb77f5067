import Glibc
import RPC
import RPCTransport
import TLS
import TestSupport
import Testing
import Vocabulary

@Suite("A server whose client's certificate is revoked", .timeLimit(.minutes(10)))
struct RevocationEndTests {
    /// A folder with an authority, a server and a client; it stays small, and the system's to remove.
    private func folder() throws -> CertificateFolder {
        var template = Array("/tmp/apus-revocation-tests.XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let folder = CertificateFolder(path: String(cString: made))
        try folder.create(CertificateFolderPlan(), now: now, onConflict: .refuse)
        return folder
    }

    private var now: Int64 { Int64(time(nil)) }

    @Test("lets it finish what it has begun, ends its connection, and takes no other from it")
    func revoked() async throws {
        let folder = try folder()
        let source = TLSContextSource(try TLSContext(server: folder.serverConfiguration()))
        let client = try TLSContext(client: folder.clientConfiguration())
        let recorder = ConnectionRecorder()
        try await Loopback.with(connectionObserver: recorder.observer) { server, channel in
            server.tlsSource = source
            channel.tls = client
        } _: { loopback in
            let call = Task { try await loopback.channel.unary(EchoService.hang, Bytes(utf8: "stay")) }
            await loopback.service.hangDidStart.wait()
            _ = try folder.renewRevocationList(now: now)
            let harmless = try TLSContext(server: folder.serverConfiguration())
            #expect(await loopback.server.endConnections(revokedBy: harmless) == 0, "the list is empty")
            _ = try folder.revoke(certificateAt: "client.pem", now: now)
            let strict = try TLSContext(server: folder.serverConfiguration())
            source.replace(with: strict)
            #expect(await loopback.server.endConnections(revokedBy: strict) == 1)
            loopback.service.hangMayEnd.open()
            #expect(try await call.value.message.utf8String == "stay")
            #expect(await eventually { loopback.server.connectionCount == 0 })
            await #expect(throws: RPCFailure.self) { try await loopback.channel.unary(EchoService.unary, Bytes()) }
        }
        #expect(recorder.records.contains { $0.stage == .handshake && $0.label == "certificate_revoked" })
    }

    @Test("takes it back with the new certificate that its files hold by then, though nobody restarted it")
    func newCertificate() async throws {
        let folder = try folder()
        _ = try folder.renewRevocationList(now: now)
        let source = TLSContextSource(try TLSContext(server: folder.serverConfiguration()))
        let following = try TLSContextSource(
            following: ClientCredentialFiles(
                serverAuthoritiesPath: folder.authorityCertificatePath, certificatePath: folder.clientCertificatePath,
                keyPath: folder.clientKeyPath))
        let recorder = ConnectionRecorder()
        try await Loopback.with(connectionObserver: recorder.observer) { server, channel in
            server.tlsSource = source
            channel.tlsSource = following
        } _: { loopback in
            _ = try await loopback.channel.unary(EchoService.unary, Bytes(utf8: "as local"))
            _ = try folder.revoke(certificateAt: "client.pem", now: now)
            let issued = try folder.issue(.client(.tenant(TenantID("acme")!)), now: now, onConflict: .refuse)
            #expect(rename(issued.certificatePath, folder.clientCertificatePath) == 0)
            #expect(rename(issued.keyPath, folder.clientKeyPath) == 0)
            let strict = try TLSContext(server: folder.serverConfiguration())
            source.replace(with: strict)
            #expect(await loopback.server.endConnections(revokedBy: strict) == 1)
            #expect(await eventually { recorder.records.count == 1 })
            _ = try await loopback.channel.unary(EchoService.unary, Bytes(utf8: "as acme"))
        }
        let tenants = recorder.records.map { $0.peer?.principal }
        #expect(tenants == [.tenant(TenantID("local")!), .tenant(TenantID("acme")!)])
    }
}
