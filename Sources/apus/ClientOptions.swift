import ApusClient
import ArgumentParser
import Foundation

/// Where the commands that call a server connect, and as whom.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server.", valueName: "host:port"))
    var target = "127.0.0.1:\(ApusClientConfiguration.defaultPort)"

    @Option(
        help: ArgumentHelp(
            "The folder with ca.pem and the client's certificate and key.", valueName: "folder"),
        completion: .directory)
    var certs = defaultCertificateFolder

    @Option(
        help: ArgumentHelp(
            "Which certificate of the folder to show: NAME.pem and NAME.key, e.g. tenant-acme or role-admin.",
            valueName: "name"))
    var identity = "client"

    @Option(
        help: ArgumentHelp(
            "The name the server's certificate must have, unless the host's; or its SPIFFE identity, spiffe://….",
            valueName: "name"))
    var serverName: String?

    @Flag(help: "Connect without TLS; only for servers started with --plaintext.")
    var plaintext = false

    /// What a client is made of.
    ///
    /// - Throws: `ValidationError` for an unreadable target, `CommandFailure` for missing certificates.
    func configuration() throws -> ApusClientConfiguration {
        let security: ApusClientConfiguration.Security = plaintext ? .plaintext : .mutualTLS(certificates)
        guard var configuration = ApusClientConfiguration(target: target, security: security) else {
            throw ValidationError("--target: expected HOST:PORT, got \"\(target)\"")
        }
        configuration.serverName = serverName
        if !plaintext { try checkCertificates() }
        return configuration
    }

    private var certificates: ApusCertificates {
        var certificates = ApusCertificates(folder: certs)
        certificates.certificateFile = "\(certs)/\(identity).pem"
        certificates.keyFile = "\(certs)/\(identity).key"
        return certificates
    }

    private func checkCertificates() throws {
        let files = certificates
        let needed = [files.authorityFile, files.certificateFile, files.keyFile]
        let missing = needed.filter { !FileManager.default.fileExists(atPath: $0) }
        guard !missing.isEmpty else { return }
        let hint =
            if missing == needed {
                "`apus serve` makes them on its first start, and `apus certs init \(certs)` without a server."
            } else if identity == "client" {
                "Copy what is missing from where it was made, or make a new set with: apus certs init --force \(certs)"
            } else {
                "Issue one with: apus certs issue --folder \(certs), and --tenant NAME or --role router|admin"
            }
        throw CommandFailure("There is no \(missing.joined(separator: ", ")).\n\(hint)")
    }
}

extension ClientOptions {
    /// Runs `body` with a client; when the server refuses it, says how to become an administrator.
    ///
    /// - Parameters:
    ///   - command: such as `apus models list`.
    ///   - otherwise: what can be done with any certificate.
    ///   - body: calls the server.
    /// - Throws: what `body` throws; `CommandFailure` in place of a refusal.
    func withAdministrator(
        _ command: String, otherwise: String? = nil, _ body: @escaping @Sendable (ApusClient) async throws -> Void
    ) async throws {
        let certs = certs
        try await withConfiguration { configuration in
            try await ApusClient.withClient(configuration) { client in
                do {
                    try await body(client)
                } catch let error as ApusError where error.code == .permissionDenied {
                    let lines = [
                        "\(error)", "This is for administrators. Make their certificate and use it:",
                        "  apus certs issue --role admin --folder \(certs)",
                        "  \(command) --identity role-admin --certs \(certs)",
                    ]
                    throw CommandFailure((lines + [otherwise].compactMap(\.self)).joined(separator: "\n"))
                }
            }
        }
    }
}

/// A time as people write it on a command line: `10s`, `250ms`, `2m`, or a number of seconds.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration
    private let text: String

    init?(argument: String) {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            let number = Double(argument.dropLast(unit.suffix.count)), number >= 0, number * unit.seconds <= 86_400
        else { return nil }
        duration = .nanoseconds(Int64((number * unit.seconds * 1e9).rounded()))
        text = argument
    }

    var nanoseconds: UInt64 { UInt64(duration / .nanoseconds(1)) }

    var defaultValueDescription: String { text }
}
