import Logging
import TLS
import Telemetry
import Vocabulary

/// Reads a server's certificates at start, and again whenever their files change, away from every event loop.
///
/// New files become a new context, checked as at start, for the connections that begin from then on. Files that cannot
/// be used change nothing: the server goes on with what it had, and says so at each change and in a metric.
///
/// Why it looks at the files every few seconds and does not wait for inotify(7): a look is four calls of stat(2), and
/// it sees a file moved into place, a folder swapped by a symbolic link, and a network file system alike.
actor CertificateReloader {
    /// Where new connections get their context.
    nonisolated let source: TLSContextSource
    private let files: ServerCredentialFiles
    private let trustDomain: String?
    private let now: @Sendable () -> Int64
    private let metrics: CertificateMetrics
    private let logger: Logger
    private var policy: ReloadPolicy<FileFingerprint>
    private var report: ServerCredentialReport
    private var alarm = ExpiryAlarm()

    /// Reads the files for the first time; clients must be of `trustDomain`, unless it is nil, and `now` gives seconds
    /// since 1970.
    ///
    /// - Throws: `TLSError` naming the file that cannot be used.
    init(
        files: ServerCredentialFiles, trustDomain: String? = nil, metrics: MetricsRegistry,
        now: @escaping @Sendable () -> Int64, logger: Logger
    ) throws(TLSError) {
        let version = files.fingerprint
        let (context, report) = try Self.read(files, trustDomain, at: now())
        source = TLSContextSource(context)
        self.files = files
        self.trustDomain = trustDomain
        self.now = now
        self.logger = logger
        self.metrics = CertificateMetrics(metrics)
        policy = ReloadPolicy(read: version)
        self.report = report
        self.metrics.show(report)
        for notice in alarm.check(report, at: now()) { notice.log(to: logger) }
    }

    /// Looks whether the files have changed, and reads them once they have settled.
    ///
    /// - Returns: the new context, when there is one.
    func look() -> TLSContext? {
        for notice in alarm.check(report, at: now()) { notice.log(to: logger) }
        return policy.look(at: files.fingerprint) ? reload() : nil
    }

    /// Reads the files now, changed or not.
    ///
    /// - Returns: the new context, when the files can be used.
    func reload() -> TLSContext? {
        policy.willRead(files.fingerprint)
        do throws(TLSError) {
            let (context, report) = try Self.read(files, trustDomain, at: now())
            guard !report.locksOutEveryone(letInBy: self.report) else {
                throw .unusableFile(
                    source: files.clientAuthoritiesPath,
                    reason: "holds no authority that is in use now: every client would be locked out; "
                        + "keep the old ones beside the new for a while, or restart")
            }
            self.report = report
            source.replace(with: context)
            metrics.noteReload(report)
            logger.notice(
                "certificates reloaded",
                metadata: ["certificate": "\(files.certificatePath)", "revoked": "\(report.revokedCount)"])
            return context
        } catch {
            metrics.noteFailure()
            logger.error(
                "certificates not reloaded: the old ones stay in use",
                metadata: ["reason": "\(error.label)", "detail": "\(error)"])
            return nil
        }
    }

    private static func read(
        _ files: ServerCredentialFiles, _ trustDomain: String?, at now: Int64
    ) throws(TLSError) -> (TLSContext, ServerCredentialReport) {
        var configuration = try files.read()
        configuration.trustDomain = trustDomain
        let report = try configuration.inspect(at: now)
        return (try TLSContext(server: configuration), report)
    }
}

/// What a dashboard sees of the certificates.
struct CertificateMetrics {
    private let isCurrent: Gauge
    private let reloads: MetricFamily<Counter>
    private let expiries: MetricFamily<Gauge>

    init(_ metrics: MetricsRegistry) {
        isCurrent =
            metrics.gauges(
                "apus_tls_reload_ok",
                help: "1 while the certificate files are in use as they are, 0 while they are broken."
            ).series()
        reloads = metrics.counters(
            "apus_tls_reloads_total", help: "Changed certificate files that were read.", labels: ["result"])
        expiries = metrics.gauges(
            "apus_certificate_expiry_seconds", help: "When what is in use expires, in seconds since 1970.",
            labels: ["certificate"])
        isCurrent.set(1)
    }

    func noteReload(_ report: ServerCredentialReport) {
        isCurrent.set(1)
        reloads.series("ok").increment()
        show(report)
    }

    func show(_ report: ServerCredentialReport) {
        for subject in ExpiryAlarm.Subject.allCases {
            guard let expiry = report.expiry(of: subject) else { continue }
            expiries.series(subject.rawValue).set(Int(expiry))
        }
    }

    func noteFailure() {
        isCurrent.set(0)
        reloads.series("failed").increment()
    }
}

extension ExpiryAlarm.Notice {
    /// An expired list refuses every client, which is the server's end as far as they can tell.
    fileprivate func log(to logger: Logger) {
        let metadata: Logger.Metadata = ["certificate": "\(subject.rawValue)", "expiry": "\(timestamp)"]
        switch urgency {
        case .soon: logger.warning("certificate expires soon", metadata: metadata)
        case .expired: logger.error("certificate expired: handshakes fail", metadata: metadata)
        }
    }

    private var timestamp: String { LogLine.timestamp(millisecondsSince1970: expiry * 1_000) }
}
