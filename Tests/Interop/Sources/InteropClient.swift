import EventLoops
import RPC
import RPCTransport
import Vocabulary

/// `apus-interop client`: runs test cases against a server; the first that fails ends it with 1.
enum InteropClient {
    static let flags: Set<String> = [
        "server_host", "server_port", "server_host_override", "use_tls", "use_test_ca", "test_case", "certificates",
        "soak_iterations", "compression_probe", "service_config_json",
    ]

    /// A test case by its official name.
    struct Case: Sendable {
        let name: String
        let run: @Sendable (ClientCases) async throws -> Void
    }

    /// Where the server is, and whether to speak TLS with it.
    static func channelConfiguration(_ flags: Flags) throws -> RPCChannelConfiguration {
        let host = flags.text("server_host") ?? "localhost"
        var configuration = RPCChannelConfiguration(host: host, port: try flags.number("server_port", default: 0))
        if try flags.isSet("use_tls") {
            configuration.tls =
                try flags.isSet("use_test_ca") ? TestCertificates(flags).client() : TestCertificates.publicClient()
            configuration.serverName = flags.text("server_host_override")
        }
        return configuration
    }

    static func run(_ flags: Flags) async throws {
        var configuration = try channelConfiguration(flags)
        if let json = flags.text("service_config_json") { configuration.serviceConfig = try ServiceConfig(json: json) }
        // Several cases may be named, with commas between; `all` is every one that any server passes.
        let names = flags.text("test_case") ?? "large_unary"
        let cases = try names == "all" ? ClientCases.all : names.split(separator: ",").map { try find(String($0)) }
        let loops = try EventLoopGroup(name: "client", loopCount: 1)
        let soakIterationCount = try flags.number("soak_iterations", default: 10)
        let probesCompression = try flags.text("compression_probe") == nil || flags.isSet("compression_probe")
        for test in cases {
            let channel = RPCChannel(configuration: configuration, loops: loops)
            do {
                try await test.run(
                    ClientCases(
                        channel: channel, soakIterationCount: soakIterationCount, probesCompression: probesCompression,
                        newChannel: { [configuration] in RPCChannel(configuration: configuration, loops: loops) }))
            } catch {
                throw CaseFailure(description: "\(test.name): \(error)")
            }
            await channel.close()
            print("passed: \(test.name)")
        }
        loops.stop()
    }

    private static func find(_ name: String) throws -> Case {
        let cases = ClientCases.all + ClientCases.compressionCases + ClientCases.againstMisbehavingServers
        guard let found = cases.first(where: { $0.name == name }) else {
            throw Flags.Failure(
                description: "no test case '\(name)'; there are: " + cases.map(\.name).joined(separator: " "))
        }
        return found
    }
}

/// What a server answered is not what the test case asks for.
struct CaseFailure: Error, CustomStringConvertible {
    let description: String
}
