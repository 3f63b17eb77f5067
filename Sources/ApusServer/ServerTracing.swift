import Compression
import EventLoops
import Foundation
import InferenceService
import Logging
import Messages
import RPCTransport
import Spans
import TLS
import Telemetry
import Tenancy
import Vocabulary

/// The spans of a server: who makes them, and the ways out.
///
/// ```
/// calls ──▶ SpanTracer ──▶ a queue for each destination ──▶ file, collector
/// ```
///
/// - Isolation: any thread.
final class ServerTracing: Sendable {
    /// What the gate asks for spans.
    let calls: CallTracing
    /// What admins change about that while the server runs.
    let rules: SharedSpanRules
    private let exporters: [SpanExporter]
    private let channel: RPCChannel?

    /// Nothing is sent before `start`.
    ///
    /// - Throws: `StartError` naming the file that cannot be used.
    init(
        _ configuration: ServerConfiguration.Tracing, loops: EventLoopGroup, metrics: MetricsRegistry,
        clock: any MonotonicClock, logger: Logger
    ) throws(StartError) {
        var destinations: [any SpanDestination] = []
        if let path = configuration.file {
            do throws(SpanSendingError) {
                destinations.append(try SpanFile(path: path))
            } catch {
                throw StartError(["tracing: \(error)"])
            }
        }
        channel = try configuration.collector.map { collector throws(StartError) in
            try Self.channel(to: collector, loops: loops)
        }
        if let channel, let collector = configuration.collector {
            destinations.append(
                SpanCollector(channel: channel, compression: collector.compression.codecFormat, clock: clock))
        }
        logger.info(
            "spans of calls are exported",
            metadata: [
                "destinations": "\(destinations.map(\.name).joined(separator: ","))",
                "sample": "\(configuration.sampleRatio)",
            ])
        let sender = Self.sender(configuration.serviceName)
        let spanMetrics = SpanMetrics(metrics)
        exporters = destinations.map {
            SpanExporter(
                $0, from: sender, metrics: spanMetrics, clock: clock, random: { Double.random(in: 0..<1) },
                logger: logger)
        }
        let tracer = SpanTracer(
            sampler: SpanSampler(ratio: configuration.sampleRatio),
            identifiers: IdentifierSource(seeds: (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)))
        ) { [exporters] span in
            for exporter in exporters { exporter.append(span) }
        }
        let callerLimit = RateLimit(
            perSecond: configuration.callerLimit, burst: UInt64(max(1, 2 * configuration.callerLimit)))
        rules = SharedSpanRules(SpanRules(sampleRatio: configuration.sampleRatio))
        calls = CallTracing(tracer: tracer, clock: clock, callerLimit: callerLimit, rules: rules) {
            UInt64(max(0, Date().timeIntervalSince1970) * 1_000_000) * 1000
        }
    }

    /// Begins to send; `close` is to follow.
    func start() {
        for exporter in exporters { exporter.start() }
    }

    /// Sends what is left, for as long as an exporter waits at most; the loops must still run.
    func close() async {
        await withTaskGroup(of: Void.self) { group in
            for exporter in exporters { group.addTask { await exporter.close() } }
        }
        await channel?.close()
    }

    private static func channel(
        to collector: ServerConfiguration.Collector, loops: EventLoopGroup
    ) throws(StartError) -> RPCChannel {
        var channel = RPCChannelConfiguration(
            host: collector.endpoint.host, port: UInt16(clamping: collector.endpoint.port))
        do throws(TLSError) {
            channel.tlsSource = try collector.certificates.map { files throws(TLSError) in
                try TLSContextSource(following: files)
            }
        } catch {
            throw StartError(["tracing: \(error)"])
        }
        channel.serverName = collector.serverName
        // A collector that has come back is found within seconds; the exporter decides how often it is asked.
        channel.backoff.maxNanoseconds = 5_000_000_000
        return RPCChannel(configuration: channel, loops: loops)
    }

    /// Who makes the spans, as OpenTelemetry's semantic conventions say it.
    private static func sender(_ serviceName: String) -> SpanExporter.Sender {
        let process = ProcessInfo.processInfo
        var resource = OTLPResource([
            ("service.name", serviceName), ("service.version", ServerVersion.current),
            ("service.instance.id", UUID().uuidString.lowercased()), ("host.name", process.hostName),
        ])
        resource.attributes.append(
            OTLPKeyValue(
                key: "process.pid", value: OTLPAnyValue(value: .intValue(Int64(process.processIdentifier)))))
        return SpanExporter.Sender(
            resource: resource, scope: OTLPInstrumentationScope(name: "apus", version: ServerVersion.current))
    }
}
