import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// grpc-swift-2 as a peer of Apus: `grpc-swift-peer server|client --FLAG=VALUE …`, with the official flags.
@main
enum Peer {
    static func main() async {
        do {
            let flags = try Flags(CommandLine.arguments.dropFirst(2))
            switch CommandLine.arguments.dropFirst().first {
            case "server": try await PeerServer.run(flags)
            case "client": try await PeerClient.run(flags)
            default: throw Failure("expected: grpc-swift-peer server|client")
            }
        } catch {
            FileHandle.standardError.write(Data("grpc-swift-peer: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// Something is not as it must be.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// `--name=value` and nothing else: this program is started by tests only.
struct Flags {
    private var values: [String: String] = [:]

    init(_ words: some Sequence<String>) throws {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard word.hasPrefix("--"), parts.count == 2 else { throw Failure("not a flag: \(word)") }
            values[String(parts[0].dropFirst(2))] = parts[1]
        }
    }

    subscript(name: String) -> String? { values[name] }

    var isSecure: Bool { self["use_tls"] == "true" }
    var port: Int { (self["port"] ?? self["server_port"]).flatMap { Int($0) } ?? 0 }

    /// A file of the folder of test certificates.
    func certificate(_ name: String) throws -> String {
        guard let folder = ProcessInfo.processInfo.environment["APUS_INTEROP_CERTIFICATES"] else {
            throw Failure("APUS_INTEROP_CERTIFICATES is not set")
        }
        return folder + "/" + name
    }
}
