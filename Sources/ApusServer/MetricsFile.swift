import Foundation
import Logging

/// Keeps a file with the metrics up to date, for collectors that read text files and for people.
///
/// A reader sees one whole exposition or the one before it: each is written beside the file and moved into its place.
actor MetricsFile {
    /// How often it is written.
    static let intervalNanoseconds: UInt64 = 1_000_000_000

    private let path: String
    private let metrics: MetricsCollector
    private let logger: Logger
    private var isFailing = false

    init(path: String, metrics: MetricsCollector, logger: Logger) {
        self.path = path
        self.metrics = metrics
        self.logger = logger
    }

    /// Writes now and every interval, until the task is cancelled, and a last time then.
    func keepWriting() async {
        while !Task.isCancelled {
            await write()
            try? await Task.sleep(nanoseconds: Self.intervalNanoseconds)
        }
        // Also when the end came while a file was written: what that holds may have been collected before.
        await write()
    }

    /// A disk that is full is reported once, not every second.
    func write() async {
        let text = await metrics.text(ageNanosecondsMax: 0)
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
            isFailing = false
        } catch {
            if !isFailing {
                logger.error("metrics not written", metadata: ["file": "\(path)", "detail": "\(error)"])
            }
            isFailing = true
        }
    }
}
