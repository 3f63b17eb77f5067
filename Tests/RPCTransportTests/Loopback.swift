import EventLoops
import RPC
import RPCTransport
import TLS
import Vocabulary

/// Certificates of a test: one authority, a server for localhost, a client of tenant `local`.
struct TestCertificates {
    let server: TLSContext
    let client: TLSContext
    /// Believes the server, but has no certificate of its own.
    let anonymousClient: TLSContext
    /// Of an authority the server does not know.
    let strangeClient: TLSContext

    init() throws {
        let validity = CertificateValidity(notBefore: 1_600_000_000, notAfter: 4_000_000_000)
        let authority = try CertificateAuthority(validity: validity)
        let stranger = try CertificateAuthority(validity: validity)
        let authorityPEM = Self.pem("ca.pem", try authority.export().certificate)
        let server = try authority.issue(
            .server([ServerName("localhost")!, ServerName("127.0.0.1")!]), validity: validity)
        self.server = try TLSContext(
            server: TLSServerConfiguration(
                certificateChain: Self.pem("server.pem", server.certificate),
                privateKey: Self.pem("server.key", server.privateKey), clientAuthorities: authorityPEM))
        client = try Self.client(of: authority, believing: authorityPEM, validity)
        strangeClient = try Self.client(of: stranger, believing: authorityPEM, validity)
        anonymousClient = try TLSContext(client: TLSClientConfiguration(serverAuthorities: authorityPEM))
    }

    private static func client(
        of authority: CertificateAuthority, believing authorityPEM: PEM, _ validity: CertificateValidity
    ) throws -> TLSContext {
        let certificate = try authority.issue(.client(.tenant(TenantID("local")!)), validity: validity)
        return try TLSContext(
            client: TLSClientConfiguration(
                serverAuthorities: authorityPEM, certificateChain: pem("client.pem", certificate.certificate),
                privateKey: pem("client.key", certificate.privateKey)))
    }

    private static func pem(_ source: String, _ bytes: Bytes) -> PEM { PEM(source: source, bytes: bytes) }
}

/// A server on the loopback interface and a channel to it, for the length of a closure.
struct Loopback {
    let service: EchoService
    let server: RPCServer
    let channel: RPCChannel
    let loops: EventLoopGroup
    let clientLoops: EventLoopGroup

    /// Serves `EchoService`, with mutual TLS unless told otherwise.
    static func with(
        isSecure: Bool = true, connectionObserver: ConnectionObserver? = nil,
        configure: (inout RPCServerConfiguration, inout RPCChannelConfiguration) -> Void = { _, _ in },
        _ body: (Loopback) async throws -> Void
    ) async throws {
        let service = EchoService()
        let loops = try EventLoopGroup(name: "server", loopCount: 2)
        let clientLoops = try EventLoopGroup(name: "client", loopCount: 1)
        let certificates = isSecure ? try TestCertificates() : nil
        var serverConfiguration = RPCServerConfiguration()
        serverConfiguration.tls = certificates?.server
        var clientConfiguration = RPCChannelConfiguration(host: "127.0.0.1", port: 0)
        clientConfiguration.tls = certificates?.client
        configure(&serverConfiguration, &clientConfiguration)
        let server = try await RPCServer(
            configuration: serverConfiguration, methods: service.methods, loops: loops, observer: service.observer,
            connectionObserver: connectionObserver)
        clientConfiguration.target = ChannelTarget(host: "127.0.0.1", port: server.address.port)
        let channel = RPCChannel(configuration: clientConfiguration, loops: clientLoops)
        let loopback = Loopback(
            service: service, server: server, channel: channel, loops: loops, clientLoops: clientLoops)
        let result: Result<Void, any Error>
        do { result = .success(try await body(loopback)) } catch { result = .failure(error) }
        await channel.close()
        await server.drain(deadline: Deadline(SystemClock().now()))
        clientLoops.stop()
        loops.stop()
        try result.get()
    }

    /// A moment `milliseconds` from now.
    static func deadline(milliseconds: UInt64) -> Deadline {
        Deadline(SystemClock().now().advanced(byNanoseconds: milliseconds * 1_000_000))
    }
}
