import ArgumentParser
import TLS

/// `apus certs revoke`: certificates that are not to be believed any more.
struct CertsRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Take certificates back: name them in ca.crl.",
        discussion: """
            A server that reads the list (tls: {crl: ca.crl}; Certs/local without being told) refuses them from its \
            next look on, within seconds, and closes the connections that they have. Only the authority of the folder \
            can take back what it has issued.
            """)

    @Argument(help: "Certificates in PEM; looked for as given, then in the folder.", completion: .file())
    var files: [String]

    @OptionGroup var list: RevocationListOptions

    func run() throws {
        let folder = CertificateFolder(path: list.folder)
        for file in files {
            let summary = try folder.revoke(certificateAt: file, dayCount: list.days, now: secondsSince1970())
            print("Revoked \(file); \(RevocationListOptions.text(summary))")
        }
    }
}

/// `apus certs crl`: the revocation list, for another while.
struct CertsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crl",
        abstract: "Make the revocation list ca.crl, or renew it before it expires.",
        discussion: "Whoever it names stays named. An expired list lets no client in.")

    @OptionGroup var list: RevocationListOptions

    func run() throws {
        let summary = try CertificateFolder(path: list.folder)
            .renewRevocationList(dayCount: list.days, now: secondsSince1970())
        print(RevocationListOptions.text(summary))
    }
}

/// Where a revocation list is, and how long it holds.
struct RevocationListOptions: ParsableArguments {
    @Option(help: "The folder with ca.pem, ca.key and ca.crl.", completion: .directory)
    var folder = defaultCertificateFolder

    @Option(help: "For how many days the list is believed.")
    var days = CertificateValidity.listDayCount

    func validate() throws {
        guard (1...36_500).contains(days) else { throw ValidationError("--days: expected 1...36500, got \(days)") }
    }

    static func text(_ summary: CertificateFolder.RevocationSummary) -> String {
        let names = summary.count == 1 ? "1 certificate" : "\(summary.count) certificates"
        return "\(summary.path) names \(names) and holds until \(day(summary.nextUpdate))."
    }
}
