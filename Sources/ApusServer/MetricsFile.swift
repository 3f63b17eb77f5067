import Foundation
import Logging
import Telemetry

/// Keeps a file with the metrics up to date, for collectors that read text files and for people.
///
/// A reader sees one whole exposition or the one before it: each is written beside the file and moved into its place.
actor MetricsFile {
    /// How often it is written.
    static let intervalNanoseconds: UInt64 = 1_000_000_000

    private let path: String
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let refresh: @Sendable () async -> Void
    private var isFailing = false

    /// Before each writing `refresh` brings those gauges up to date that nobody keeps while nobody looks.
    init(
        path: String, metrics: MetricsRegistry, logger: Logger, refresh: @escaping @Sendable () async -> Void = {}
    ) {
        self.path = path
        self.metrics = metrics
        self.logger = logger
        self.refresh = refresh
    }

    /// Writes now and every interval, until the task is cancelled, and a last time then.
    func keepWriting() async {
        await refresh()
        write()
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: Self.intervalNanoseconds)
            await refresh()
            write()
        }
    }

    /// A disk that is full is reported once, not every second.
    func write() {
        do {
            try Data(metrics.exposition().utf8).write(to: URL(filePath: path), options: .atomic)
            isFailing = false
        } catch {
            if !isFailing {
                logger.error("metrics not written", metadata: ["file": "\(path)", "detail": "\(error)"])
            }
            isFailing = true
        }
    }
}
