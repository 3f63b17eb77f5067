import ApusClient
import Testing

@Suite("ApusClientConfiguration")
struct TargetTests {
    @Test(
        "a target is a host and perhaps a port",
        arguments: [
            ("127.0.0.1:8461", "127.0.0.1", 8461), ("models.example", "models.example", 8461),
            ("localhost:1", "localhost", 1), ("[::1]:9000", "::1", 9000), ("[fe80::1]", "fe80::1", 8461),
            ("h:65535", "h", 65535),
        ] as [(String, String, UInt16)])
    func readable(target: String, host: String, port: UInt16) throws {
        let configuration = try #require(ApusClientConfiguration(target: target, security: .plaintext))
        #expect(configuration.host == host)
        #expect(configuration.port == port)
        #expect(ApusClientConfiguration(target: configuration.target, security: .plaintext) == configuration)
    }

    @Test(
        "anything else is not a target",
        arguments: [
            "", ":8461", "host:", "host:0", "host:65536", "host:-1", "host:80x", "::1", "[]:1", "[::1]x", "[::1",
        ])
    func unreadable(target: String) {
        #expect(ApusClientConfiguration(target: target, security: .plaintext) == nil)
    }
}
