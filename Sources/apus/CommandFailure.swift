import ApusClient
import ArgumentParser
import TLS

/// A command failed for a reason that a person can do something about; printed as it is.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension ClientOptions {
    /// Runs a command's work.
    ///
    /// What fails goes to stderr in words, and the process exits with 1, or as after a signal
    /// when Ctrl-C ended it.
    func withConfiguration(
        _ body: @escaping @Sendable (ApusClientConfiguration) async throws -> Void
    ) async throws {
        try await explainingFailures {
            let configuration = try configuration()
            do {
                try await cancelledByInterrupt { try await body(configuration) }
            } catch let error as ApusError {
                throw CommandFailure(FailureExplanation(error, configuration).text)
            }
        }
    }
}

/// Runs a command's work; what fails goes to stderr in words, and the process exits with 1, or as after a signal.
func explainingFailures(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as InterruptError {
        throw ExitCode(error.exitCode)
    } catch let error as ApusError {
        Console.error(error.description)
        throw ExitCode.failure
    } catch let error as CommandFailure {
        Console.error(error.description)
        throw ExitCode.failure
    }
}

/// What to tell a person about a failed call: what happened, and what to do about it.
struct FailureExplanation {
    let text: String

    init(_ error: ApusError, _ configuration: ApusClientConfiguration) {
        let hint = Self.hint(error, configuration)
        text =
            hint.replacesError
            ? hint.text : ([error.description, hint.text].filter { !$0.isEmpty }).joined(separator: "\n")
    }

    private static func hint(
        _ error: ApusError, _ configuration: ApusClientConfiguration
    ) -> (text: String, replacesError: Bool) {
        let target = configuration.target
        switch error.code {
        case .unavailable where error.message.contains("Connection refused"):
            return ("Nothing listens on \(target). Start a server with: apus serve", true)
        case .unavailable where error.message.contains("the peer ended the TLS session"):
            return ("The server refused the certificate it was shown:\n\(offered(configuration))", false)
        case .unavailable where error.message.contains(" mismatch") || error.message.contains("one identity is not"):
            let name = configuration.serverName ?? configuration.host
            return (
                "\(target) has a certificate, but not for \(name). If it is the right server, say what it is called: "
                    + "--server-name NAME", false
            )
        case .unavailable where error.message.contains("peer certificate rejected"):
            return ("\(target) did not show a certificate that \(authority(configuration)) vouches for.", false)
        case .unavailable where error.message.contains("TLS protocol violation"):
            return (
                "\(target) does not speak TLS. If it was started with --plaintext, call it with --plaintext.", false
            )
        case .unavailable where configuration.security == .plaintext && error.message.contains("closed by the peer"):
            return ("Perhaps \(target) wants TLS: call it without --plaintext.", false)
        default: return ("", false)
        }
    }

    private static func authority(_ configuration: ApusClientConfiguration) -> String {
        guard case .mutualTLS(let certificates) = configuration.security else { return "nobody" }
        return certificates.authorityFile
    }

    /// Who the client says it is.
    private static func offered(_ configuration: ApusClientConfiguration) -> String {
        guard case .mutualTLS(let certificates) = configuration.security else { return "  none" }
        let file = certificates.certificateFile
        guard let pem = try? PEM(contentsOf: file), let list = try? CertificateDescription.list(in: pem),
            let certificate = list.first
        else { return "  \(file)" }
        return """
              \(file): \(certificate.names.joined(separator: ", ")), issued by \(certificate.issuer)
            Is it from the authority that the server believes, and still valid? See: apus certs show \(file)
            """
    }
}
