import InferenceService
import Logging
import Probes
import RPCTransport
import Telemetry

extension ServerProcess {
    /// Answers `/metrics`, `/healthz` (the process is there) and `/readyz` (it takes calls).
    ///
    /// - Throws: `StartError` when the address that was configured cannot be had; that of the default is only missed.
    static func probeServer(
        _ configuration: ServerConfiguration, metrics: MetricsCollector,
        isServing: @escaping @Sendable () -> Bool, logger: Logger
    ) async throws -> ProbeServer? {
        guard let address = configuration.probes.address else { return nil }
        let pages: [String: ProbeServer.Page] = [
            "/metrics": { ProbeAnswer(200, "OK", contentType: MetricsRegistry.contentType, await metrics.text()) },
            // Whoever restarts what is not healthy must not do so while calls are being ended.
            "/healthz": { ProbeAnswer(200, "OK", "alive\n") },
            "/readyz": {
                isServing()
                    ? ProbeAnswer(200, "OK", "serving\n") : ProbeAnswer(503, "Service Unavailable", "draining\n")
            },
        ]
        do {
            let server = try await ProbeServer(host: address.host, port: UInt16(address.port), pages: pages)
            logger.info("answers /metrics, /healthz and /readyz", metadata: ["http": "\(server.address)"])
            return server
        } catch {
            if case .on = configuration.probes { throw StartError(["http_listen: \(error)"]) }
            logger.warning(
                "no /metrics, /healthz and /readyz: say where in http_listen, or off", metadata: ["detail": "\(error)"])
            return nil
        }
    }
}
