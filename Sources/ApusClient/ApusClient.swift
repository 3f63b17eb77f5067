import EventLoops
import Messages
import RPC
import RPCTransport
import Telemetry
import Vocabulary

/// Calls an Apus server: text, vision and graph models by typed methods, any model by its tensors.
///
/// ```swift
/// let configuration = ApusClientConfiguration(
///     host: "127.0.0.1", security: .mutualTLS(ApusCertificates(folder: "Certs/local")))
/// try await ApusClient.withClient(configuration) { client in
///     for try await piece in try await client.generate(model: "storyteller", prompt: "Once upon") {
///         print(piece.text, terminator: "")
///     }
/// }
/// ```
///
/// It connects when the first call is made and again whenever the connection is lost; a call that finds no server fails
/// with UNAVAILABLE. Cancelling the task that waits for a call cancels the call, here and at the server. Every method
/// takes a timeout, after which the call fails with DEADLINE_EXCEEDED, here and at the server.
///
/// - Isolation: any task; calls from many tasks share one connection.
public final class ApusClient: Sendable {
    /// Where this client connects, and as whom.
    public let configuration: ApusClientConfiguration
    private let loops: EventLoopGroup
    private let channel: RPCChannel
    private let metricsRegistry: MetricsRegistry
    /// Of every call.
    private let metadata: Metadata

    /// Makes a client with one thread of its own; nothing is connected yet.
    ///
    /// To be closed with `close`.
    ///
    /// - Throws: FAILED_PRECONDITION naming the certificate file that cannot be used; INVALID_ARGUMENT naming the part
    ///   of the configuration that is malformed; RESOURCE_EXHAUSTED when the system has no thread or descriptor left.
    public init(_ configuration: ApusClientConfiguration) throws(ApusError) {
        self.configuration = configuration
        var metadata = Metadata()
        if let traceparent = configuration.traceparent {
            guard TraceContext(traceparent: traceparent) != nil else {
                throw ApusError(
                    .invalidArgument, "traceparent: expected 00-TRACE-SPAN-FLAGS in lower-case hexadecimal digits")
            }
            do throws(MetadataError) {
                try metadata.append("traceparent", traceparent)
            } catch {
                throw ApusError(.invalidArgument, "\(error)")
            }
        }
        self.metadata = metadata
        let loops: EventLoopGroup
        do throws(EventLoopError) {
            loops = try EventLoopGroup(name: "apus-client", loopCount: 1)
        } catch {
            throw ApusError(.resourceExhausted, error.description)
        }
        self.loops = loops
        var choice = InstrumentChoice()
        choice.enabledInstruments = configuration.experimentalMetrics
        choice.enabledLabels = configuration.optionalMetricLabels
        metricsRegistry = MetricsRegistry(choice: choice)
        let metrics = ChannelMetrics(metrics: metricsRegistry, methods: ServiceDescriptors.apus.methodPaths)
        do throws(ApusError) {
            channel = try configuration.channel(loops: loops, metrics: metrics)
        } catch {
            loops.stop()
            throw error
        }
    }

    /// Lends a client to `body` and closes it afterwards.
    ///
    /// - Throws: as `init`, and whatever `body` throws.
    public static func withClient<Result>(
        _ configuration: ApusClientConfiguration, _ body: (ApusClient) async throws -> Result
    ) async throws -> Result {
        let client = try ApusClient(configuration)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// Lets calls that are under way end, closes the connection and ends the client's thread.
    ///
    /// To be called once.
    public func close() async {
        await channel.close()
        loops.stop()
    }

    /// What this client's calls were like since it was made, as Prometheus reads it: how many, how long, how large and
    /// how they ended, by method (`grpc_client_call_duration_seconds`, `grpc_client_attempt_…`).
    ///
    /// To be asked before `close`.
    ///
    /// - Source: gRFC A66; A94 and A96 for what `ApusClientConfiguration.experimentalMetrics` enables.
    public func metrics() async -> String {
        await channel.collectMetrics()
        return metricsRegistry.exposition()
    }

    /// Calls a method with one message each way.
    func call<Request, Response>(
        _ method: MethodSignature<Request, Response>, _ request: Request, timeout: Duration?
    ) async throws(ApusError) -> Response {
        let response: UnaryResponse
        do throws(RPCFailure) {
            response = try await channel.unary(
                Bytes(utf8: method.path), request.encoded(), options: options(timeout: timeout))
        } catch {
            throw ApusError(error)
        }
        return try decode(response.message)
    }

    /// Sends the one message of a method that answers with a stream.
    func stream<Request, Response>(
        _ method: MethodSignature<Request, Response>, _ request: Request, timeout: Duration?
    ) async throws(ApusError) -> ResponseStream<Response> {
        let stream = ResponseStream<Response>(
            await channel.stream(Bytes(utf8: method.path), options: options(timeout: timeout)))
        try await stream.send(request.encoded())
        return stream
    }

    private func options(timeout: Duration?) -> CallOptions {
        var options = CallOptions()
        options.metadata = metadata
        options.responseByteCountMax = configuration.responseByteCountMax
        if let timeout {
            let now = SystemClock().now()
            options.deadline = Deadline(now.advanced(byNanoseconds: timeout.nanoseconds))
        }
        return options
    }
}

/// Decodes what a server sent; a message that is none is the server's fault.
func decode<Response: Message>(_ bytes: Bytes) throws(ApusError) -> Response {
    do throws(MessageError) {
        return try Response(decoding: bytes)
    } catch {
        throw ApusError(.internal, "the server's answer cannot be read: \(error)")
    }
}

extension Duration {
    /// Nanoseconds, as many as fit; none for a negative duration.
    fileprivate var nanoseconds: UInt64 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = components
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return .max }
        let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return sumOverflow ? .max : sum
    }
}
