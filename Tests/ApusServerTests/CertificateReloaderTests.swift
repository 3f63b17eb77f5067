import Foundation
import Logging
import Synchronization
import TLS
import Telemetry
import Testing
import Vocabulary

@testable import ApusServer

/// A folder of certificates that a reloader follows, removed with the test.
private final class FollowedFolder {
    let folder: CertificateFolder
    let metrics = MetricsRegistry()
    let recorder = LineRecorder()
    let time = Mutex(Int64(Date().timeIntervalSince1970))

    init() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "apus-reload-\(UUID().uuidString)").path()
        folder = CertificateFolder(path: path)
        try folder.create(CertificateFolderPlan(), now: time.withLock { $0 }, onConflict: .refuse)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.path) }

    func reloader() throws -> CertificateReloader {
        let time = Int64(Date().timeIntervalSince1970)
        return try CertificateReloader(
            files: folder.serverFiles, metrics: metrics, now: { time }, logger: recorder.logger())
    }

    var now: Int64 { time.withLock { $0 } }

    func overwrite(_ path: String, with data: Data) throws { try data.write(to: URL(filePath: path)) }

    func content(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }
}

@Suite("The certificate reloader")
struct CertificateReloaderTests {
    private let followed: FollowedFolder

    init() throws { followed = try FollowedFolder() }

    /// Looks as often as it takes for a change to settle.
    private func settle(_ reloader: CertificateReloader) async -> TLSContext? {
        _ = await reloader.look()
        return await reloader.look()
    }

    @Test("takes a new certificate and key once both are there")
    func renewal() async throws {
        let reloader = try followed.reloader()
        let first = reloader.source.current
        #expect(await settle(reloader) == nil, "nothing has changed")
        _ = try followed.folder.issue(.server([.dns("localhost")]), now: followed.now, onConflict: .replace)
        let second = try #require(await settle(reloader))
        #expect(reloader.source.current === second && second !== first)
        #expect(await settle(reloader) == nil, "once")
        #expect(followed.recorder.lines.count { $0.contains("notice certificates reloaded") } == 1)
        #expect(followed.metrics.exposition().contains("apus_tls_reload_ok 1\n"))
        #expect(followed.metrics.exposition().contains("apus_tls_reloads_total{result=\"ok\"} 1\n"))
    }

    /// What may go wrong with new files; each says what the log has to say.
    enum Damage: CaseIterable {
        case cutCertificate, emptyCertificate, foreignKey, missingKey, clientsCertificate, cutAuthorities
        case foreignAuthorities, noAuthority, brokenList, cutList

        var words: String {
            switch self {
            case .cutCertificate: "server.pem: the file is cut short"
            case .emptyCertificate: "server.pem: the file is empty"
            case .foreignKey: "server.key: is not the key of the certificate"
            case .missingKey: "server.key: No such file"
            case .clientsCertificate: "server.pem: O = Apus, CN = tenant/local is not for a server"
            case .cutAuthorities: "ca.pem: the file is cut short"
            case .foreignAuthorities: "every client would be locked out"
            case .noAuthority: "is not a certificate authority"
            case .brokenList: "ca.crl: holds no revocation list"
            case .cutList: "ca.crl: the file is cut short"
            }
        }
    }

    private func inflict(_ damage: Damage) throws {
        let folder = followed.folder
        func cut(_ path: String) throws { try followed.overwrite(path, with: followed.content(path).dropLast(40)) }
        func copy(_ from: String, _ to: String) throws { try followed.overwrite(to, with: followed.content(from)) }
        switch damage {
        case .cutCertificate: try cut(folder.serverCertificatePath)
        case .emptyCertificate: try followed.overwrite(folder.serverCertificatePath, with: Data())
        case .foreignKey: try copy(folder.clientKeyPath, folder.serverKeyPath)
        case .missingKey: try FileManager.default.removeItem(atPath: folder.serverKeyPath)
        case .clientsCertificate:
            try copy(folder.clientCertificatePath, folder.serverCertificatePath)
            try copy(folder.clientKeyPath, folder.serverKeyPath)
        case .cutAuthorities: try cut(folder.authorityCertificatePath)
        case .foreignAuthorities:
            let other = try FollowedFolder()
            try copy(other.folder.authorityCertificatePath, folder.authorityCertificatePath)
        case .noAuthority: try copy(folder.clientCertificatePath, folder.authorityCertificatePath)
        case .brokenList: try copy(folder.serverCertificatePath, folder.revocationListPath)
        case .cutList:
            _ = try folder.renewRevocationList(now: followed.now)
            try cut(folder.revocationListPath)
        }
    }

    @Test("keeps what it has when the new files are broken, says so once, and recovers", arguments: Damage.allCases)
    func brokenFiles(damage: Damage) async throws {
        let reloader = try followed.reloader()
        let first = reloader.source.current
        let folder = followed.folder
        let paths = [folder.serverCertificatePath, folder.serverKeyPath, folder.authorityCertificatePath]
        let contents = try paths.map(followed.content)
        try inflict(damage)
        #expect(await settle(reloader) == nil)
        #expect(await settle(reloader) == nil)
        #expect(reloader.source.current === first)
        let errors = followed.recorder.lines.filter { $0.contains("error certificates not reloaded") }
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains(damage.words) == true, "\(errors)")
        #expect(errors.first?.contains("reason=unusable_file") == true, "\(errors)")
        #expect(followed.metrics.exposition().contains("apus_tls_reload_ok 0\n"))
        #expect(followed.metrics.exposition().contains("apus_tls_reloads_total{result=\"failed\"} 1\n"))
        for (path, content) in zip(paths, contents) { try followed.overwrite(path, with: content) }
        try? FileManager.default.removeItem(atPath: folder.revocationListPath)
        #expect(await settle(reloader) != nil, "repaired")
        #expect(followed.metrics.exposition().contains("apus_tls_reload_ok 1\n"))
    }

    @Test("takes an expired certificate as broken, and at start as an error")
    func expired() async throws {
        let reloader = try followed.reloader()
        _ = try followed.folder.issue(
            .server([.dns("localhost")]), dayCount: 1, now: followed.now - 10 * 86_400, onConflict: .replace)
        #expect(await reloader.reload() == nil)
        #expect(followed.recorder.lines.contains { $0.contains("certificates not reloaded") && $0.contains("expired") })
        #expect(throws: TLSError.self) { try followed.reloader() }
    }

    @Test("takes another set of files as a whole, and an authority beside the old one")
    func rotation() async throws {
        let reloader = try followed.reloader()
        let other = try FollowedFolder()
        let (mine, theirs) = (followed.folder.authorityCertificatePath, other.folder.authorityCertificatePath)
        try followed.overwrite(mine, with: followed.content(mine) + followed.content(theirs))
        #expect(await settle(reloader) != nil)
        try followed.overwrite(mine, with: followed.content(theirs))
        #expect(await settle(reloader) != nil, "the old one is dropped once the new one is in use")
        try followed.folder.create(CertificateFolderPlan(), now: followed.now, onConflict: .replace)
        #expect(await settle(reloader) != nil)
    }

    @Test("uses a list from when there is one")
    func list() async throws {
        let reloader = try followed.reloader()
        _ = try followed.folder.revoke(certificateAt: "client.pem", now: followed.now)
        #expect(await settle(reloader) != nil)
        #expect(followed.recorder.lines.last?.contains("revoked=1") == true)
        #expect(followed.metrics.exposition().contains("apus_certificate_expiry_seconds{certificate=\"crl\"}"))
    }
}

@Suite("The expiry alarm")
struct ExpiryAlarmTests {
    private let day: Int64 = 86_400

    @Test("speaks two weeks before, once a day, and every hour when it is too late")
    func schedule() async throws {
        let followed = try FollowedFolder()
        let files = followed.folder.serverFiles
        let report = try files.read().inspect(at: followed.now)
        var alarm = ExpiryAlarm()
        let end = report.certificateExpiry
        func urgencies(_ time: Int64) -> [ExpiryAlarm.Urgency] {
            alarm.check(report, at: time).filter { $0.subject == .server }.map(\.urgency)
        }
        #expect(urgencies(end - 15 * day) == [])
        #expect(urgencies(end - 13 * day) == [.soon])
        #expect(urgencies(end - 13 * day + 3_600) == [])
        #expect(urgencies(end - 12 * day) == [.soon])
        #expect(urgencies(end + 1) == [.expired])
        #expect(urgencies(end + 1_800) == [])
        #expect(urgencies(end + 3_602) == [.expired])
    }
}
