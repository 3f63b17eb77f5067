import ArgumentParser
import Foundation
import TLS
import Vocabulary

/// `apus certs`: a local certificate authority and what it signs.
struct CertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "Make, show and revoke the certificates of servers, tenants and roles.",
        discussion: """
            A certificate's one SPIFFE URI says who its holder is: spiffe://TRUST-DOMAIN/tenant/NAME or \
            spiffe://TRUST-DOMAIN/role/router|admin. Keys are written with mode 0600 and never overwritten without \
            --force. Certs/README.md explains the files.
            """,
        subcommands: [
            CertsInitCommand.self, CertsIssueCommand.self, CertsShowCommand.self, CertsRevokeCommand.self,
            CertsListCommand.self,
        ])
}

/// `apus certs init`: a new authority with a server's and a client's certificate.
struct CertsInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a certificate authority, a server certificate and a client certificate.",
        discussion: "Writes ca.pem, ca.key, server.pem, server.key, client.pem and client.key.")

    @Argument(help: "The folder to write to; made when it is missing.", completion: .directory)
    var folder = defaultCertificateFolder

    @Option(help: "The trust domain of every SPIFFE URI.")
    var trustDomain: String?

    @Option(name: .customLong("server-name"), help: "A DNS name or address the server is reached by; may be repeated.")
    var serverNames: [String] = []

    @Option(help: "The tenant of the client certificate.")
    var tenant = "local"

    @Flag(help: "Replace files that are there. Every certificate of the old authority stops working.")
    var force = false

    func run() throws {
        var plan = CertificateFolderPlan()
        if let trustDomain { plan.trustDomain = trustDomain }
        plan.tenant = try tenantID(tenant)
        if !serverNames.isEmpty { plan.serverNames = try serverNames.map(serverName) }
        let folder = CertificateFolder(path: folder)
        try folder.create(plan, now: secondsSince1970(), onConflict: force ? .replace : .refuse)
        print(
            "Made an authority for \(plan.trustDomain) and certificates for the server and tenant \(plan.tenant) in "
                + "\(folder.path):"
        )
        print("  server.pem  \(plan.serverNames.map(\.description).joined(separator: ", "))")
        print("  client.pem  spiffe://\(plan.trustDomain)/tenant/\(plan.tenant)")
        print("Keep ca.key secret: whoever has it can be any tenant.")
    }
}

/// `apus certs issue`: one more certificate by the authority of a folder.
struct CertsIssueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue a certificate for a tenant, a role or a server.",
        discussion: "Writes tenant-NAME.pem and .key, role-NAME.pem and .key, or server.pem and .key, beside ca.pem.")

    @Option(help: "The tenant: 1 to 63 characters of a-z, 0-9, dot, underscore and hyphen.")
    var tenant: String?

    @Option(help: "The role: router or admin.")
    var role: Role?

    @Option(name: .customLong("server-name"), help: "A DNS name or address of a server; may be repeated.")
    var serverNames: [String] = []

    @Option(help: "The folder with ca.pem and ca.key.", completion: .directory)
    var folder = defaultCertificateFolder

    @Option(help: "For how many days the certificate is valid.")
    var days = CertificateValidity.leafDayCount

    @Flag(help: "Replace a certificate that is there.")
    var force = false

    /// What may be done beyond a tenant's calls.
    enum Role: String, ExpressibleByArgument, CaseIterable {
        case router, admin
    }

    func validate() throws {
        let count = (tenant == nil ? 0 : 1) + (role == nil ? 0 : 1) + (serverNames.isEmpty ? 0 : 1)
        guard count == 1 else { throw ValidationError("Give exactly one of --tenant, --role and --server-name.") }
        guard (1...36_500).contains(days) else { throw ValidationError("--days: expected 1...36500, got \(days)") }
    }

    func run() throws {
        let purpose: CertificatePurpose =
            if let tenant {
                .client(.tenant(try tenantID(tenant)))
            } else if let role {
                .client(role == .router ? .router : .admin)
            } else {
                .server(try serverNames.map(serverName))
            }
        let paths = try CertificateFolder(path: folder).issue(
            purpose, dayCount: days, now: secondsSince1970(), onConflict: force ? .replace : .refuse)
        print("Wrote \(paths.certificatePath) and \(paths.keyPath).")
    }
}

/// `apus certs show`: what certificate files say.
struct CertsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show who a certificate is for and how long it is valid.")

    @Argument(help: "Certificate files in PEM.", completion: .file(extensions: ["pem"]))
    var files: [String]

    func run() throws {
        let now = secondsSince1970()
        for file in files {
            for certificate in try CertificateDescription.list(in: PEM(contentsOf: file)) {
                print("\(file)")
                print("  subject   \(certificate.subject)\(certificate.isAuthority ? "  (authority)" : "")")
                print("  issuer    \(certificate.issuer)")
                if !certificate.names.isEmpty { print("  names     \(certificate.names.joined(separator: ", "))") }
                let state = certificate.isValid(at: now) ? "" : "  NOT VALID NOW"
                let (start, end) = (day(certificate.validity.notBefore), day(certificate.validity.notAfter))
                print("  valid     \(start) to \(end)\(state)")
                print("  serial    \(certificate.serial)")
            }
        }
    }

}

/// Where `apus serve` makes certificates on first start, and `apus call` and `apus bench` look for them.
let defaultCertificateFolder = "Certs/local"

func secondsSince1970() -> Int64 { Int64(Date().timeIntervalSince1970) }

/// A time as `2026-01-31T12:00:00Z`.
func day(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
}

private func tenantID(_ name: String) throws -> TenantID {
    guard let tenant = TenantID(name) else {
        throw ValidationError(
            "A tenant is 1 to 63 characters of a-z, 0-9, dot, underscore and hyphen, a letter or digit first; "
                + "got \"\(name)\"."
        )
    }
    return tenant
}

private func serverName(_ text: String) throws -> ServerName {
    guard let name = ServerName(text) else {
        throw ValidationError("\"\(text)\" is neither a DNS name nor an IP address.")
    }
    return name
}
