import Configuration
import Logging
import TLS
import Telemetry
import Tenancy
import Vocabulary

/// Reads the section `tenancy` of the configuration file again whenever the file changes, away from every event loop.
///
/// Calls in progress go on under what they began with; those that come after are decided by the new table, and what a
/// tenant has taken of its rates and its budget stays taken. A file that cannot be used changes nothing: the old table
/// stays, which the log and a metric say at each change.
///
/// The rest of the file is read and checked too, but counts from the next start only.
actor TenancyReloader {
    private let path: String
    private let tenants: TenantGate
    /// The tenant of calls without a certificate, which the file does not say.
    private let present: TenantTable
    private let logger: Logger
    private let isCurrent: Gauge
    private let reloads: MetricFamily<Counter>
    private var policy: ReloadPolicy<FileFingerprint>

    /// - Parameters:
    ///   - path: of the configuration file.
    ///   - present: the table in use.
    ///   - tenants: gets the new ones.
    ///   - metrics: gets the results.
    ///   - logger: gets what happens.
    init(path: String, present: TenantTable, tenants: TenantGate, metrics: MetricsRegistry, logger: Logger) {
        self.path = path
        self.present = present
        self.tenants = tenants
        self.logger = logger
        policy = ReloadPolicy(read: FileFingerprint(paths: [path]))
        isCurrent =
            metrics.gauges(
                "apus_tenancy_reload_ok",
                help: "1 while the tenants are those of the configuration file, 0 while the file is broken."
            ).series()
        reloads = metrics.counters(
            "apus_tenancy_reloads_total", help: "Changed configuration files that were read.", labels: ["result"])
        isCurrent.set(1)
    }

    /// Looks whether the file has changed, and reads it once it has settled.
    func look() {
        if policy.look(at: FileFingerprint(paths: [path])) { reload() }
    }

    /// Reads the file now, changed or not.
    func reload() {
        policy.willRead(FileFingerprint(paths: [path]))
        do throws(ConfigurationError) {
            var table = try ServerConfiguration(path: path).tenants
            guard table.trustDomain == present.trustDomain else {
                throw ConfigurationError(
                    file: path, problem: "tenancy.trust_domain: cannot change while the server runs; restart it")
            }
            table.anonymousTenant = present.anonymousTenant
            tenants.replace(table)
            isCurrent.set(1)
            reloads.series("ok").increment()
            logger.notice("tenants reloaded", metadata: ["tenants": "\(table.policies.count)", "file": "\(path)"])
        } catch {
            isCurrent.set(0)
            reloads.series("failed").increment()
            logger.error("tenants not reloaded: the old ones stay in use", metadata: ["detail": "\(error)"])
        }
    }
}
