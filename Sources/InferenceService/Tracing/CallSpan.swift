import RPC
import Spans
import Telemetry
import Tenancy
import Tracing
import Vocabulary

/// The span of a call that is recorded, and below it those of what its time went to.
///
/// ```
/// apus.text.v1.Text/Generate     ├─────────────────────────────────────┤
///   queue                          ├────┤
///   compute                             ├──────────────────────────────┤    the first execution to the last
///     prefill                           ├───────┤                           up to the first piece of a text
/// ```
///
/// On a server that sends the call on, there is a span of kind CLIENT for each attempt instead.
///
/// - Isolation: the loop of the call's connection.
/// - Source: OpenTelemetry, "Semantic conventions for gRPC".
final class CallSpan: @unchecked Sendable {
    // @unchecked: the handler of one call and the end of that call use it, and both run on one loop.
    /// A stream may hold any number of requests; the times of more than these are only in its sums.
    private static let requestCountMax = 64

    private let tracer: SpanTracer
    private let clock: any MonotonicClock
    private let span: RecordedSpan
    private let startTime: MonotonicTime
    /// What turns the clock's time into that since 1970.
    private let offset: UInt64
    private var attempt: RecordedSpan?
    private var attemptCount = 0
    /// When the engine was asked last, and when the first piece of a text came since.
    private var submissionTime: MonotonicTime?
    private var firstPieceTime: MonotonicTime?
    private var requestCount = 0

    init(
        tracer: SpanTracer, clock: any MonotonicClock, name: String, origin: SpanOrigin, startTime: MonotonicTime,
        offset: UInt64
    ) {
        self.tracer = tracer
        self.clock = clock
        self.startTime = startTime
        self.offset = offset
        span = tracer.startSpan(
            name, origin, ofKind: .server, atNanosecondsSince1970: startTime.nanoseconds &+ offset)
    }

    /// What a shard is told that is called now.
    var outgoing: TraceContext { attempt?.traceContext ?? span.traceContext }

    var trace: TraceID { span.traceContext.trace }

    // MARK: What its time goes to

    /// A request is about to go to the engine.
    func willSubmit() {
        submissionTime = clock.now()
        firstPieceTime = nil
    }

    /// A piece of a text is there.
    func noteGeneratedPiece() {
        if firstPieceTime == nil { firstPieceTime = clock.now() }
    }

    /// Adds the spans of a request that the engine has ended, from the times that it has measured.
    func add(_ used: Consumption) {
        requestCount += 1
        guard let submissionTime, requestCount <= Self.requestCountMax else { return }
        let execution = submissionTime.advanced(byNanoseconds: used.queueMicroseconds &* 1000)
        record("queue", in: span, from: submissionTime, to: execution)
        guard used.computeMicroseconds > 0 else { return }
        let isText = used.generatedTokenCount > 0
        // Between the steps of a text others are computed: it ends with its last one; apus.compute_us is their sum.
        let end = isText ? clock.now() : execution.advanced(byNanoseconds: used.computeMicroseconds &* 1000)
        let compute = start("compute", in: span, at: execution)
        compute.attributes["apus.compute_us"] = Int(clamping: used.computeMicroseconds)
        if isText, let firstPieceTime, firstPieceTime > execution {
            record("prefill", in: compute, from: execution, to: firstPieceTime)
        }
        finish(compute, at: end)
    }

    // MARK: Attempts

    /// A shard is about to be called.
    func beginAttempt(_ shard: String) {
        attemptCount += 1
        let attempt = start(span.operationName, in: span, at: clock.now(), ofKind: .client)
        attempt.attributes = Self.rpcAttributes(span.operationName)
        attempt.attributes["apus.shard"] = shard
        if attemptCount > 1 { attempt.attributes["apus.attempt"] = attemptCount }
        self.attempt = attempt
    }

    /// The call of the shard has ended.
    func endAttempt(_ code: StatusCode) {
        guard let attempt else { return }
        self.attempt = nil
        attempt.attributes["rpc.grpc.status_code"] = code.rawValue
        if code != .ok { attempt.setStatus(SpanStatus(code: .error, message: code.name)) }
        finish(attempt, at: clock.now())
    }

    // MARK: The end

    /// Ends the span with what is known of the call.
    func end(_ record: CallRecord, _ entry: AccessLogEntry) {
        if attempt != nil { endAttempt(record.status) }
        var attributes = Self.rpcAttributes(span.operationName)
        attributes["rpc.grpc.status_code"] = record.status.rawValue
        attributes["apus.request_id"] = record.requestID.description
        attributes["apus.tenant"] = entry.tenant?.name
        attributes["apus.model"] = entry.model
        attributes["apus.model_version"] = entry.modelVersion
        attributes["apus.shard"] = entry.shard
        attributes["apus.request_bytes"] = record.requestByteCount
        attributes["apus.response_bytes"] = record.responseByteCount
        attributes["apus.queue_us"] = entry.queueNanoseconds.map { Int(clamping: $0 / 1000) }
        attributes["apus.compute_us"] = entry.computeNanoseconds.map { Int(clamping: $0 / 1000) }
        for amount in entry.amounts { attributes["apus.\(amount.name)"] = Int(clamping: amount.count) }
        if record.status != .ok { attributes["error.type"] = record.label }
        span.attributes = attributes
        if record.status.isFailureOfServer { span.setStatus(SpanStatus(code: .error, message: record.label)) }
        finish(span, at: startTime.advanced(byNanoseconds: record.durationNanoseconds))
    }

    /// `rpc.service` and `rpc.method` of `package.Service/Method`.
    private static func rpcAttributes(_ name: String) -> SpanAttributes {
        let parts = name.split(separator: "/", maxSplits: 1)
        var attributes: SpanAttributes = ["rpc.system": "grpc"]
        attributes["rpc.service"] = parts.first.map(String.init)
        attributes["rpc.method"] = parts.last.map(String.init)
        return attributes
    }

    // MARK: Spans below

    private func start(
        _ name: String, in parent: RecordedSpan, at time: MonotonicTime, ofKind kind: SpanKind = .internal
    ) -> RecordedSpan {
        tracer.startSpan(
            name, tracer.origin(parent: parent.traceContext, isRemote: false), ofKind: kind,
            atNanosecondsSince1970: time.nanoseconds &+ offset)
    }

    private func finish(_ span: RecordedSpan, at time: MonotonicTime) {
        span.end(atNanosecondsSince1970: time.nanoseconds &+ offset)
    }

    private func record(_ name: String, in parent: RecordedSpan, from begin: MonotonicTime, to end: MonotonicTime) {
        finish(start(name, in: parent, at: begin), at: end)
    }
}

extension StatusCode {
    /// Whether a server's span that ended like this is an error; a caller's mistake is none of the server.
    ///
    /// - Source: OpenTelemetry, "Semantic conventions for gRPC", "gRPC Status".
    fileprivate var isFailureOfServer: Bool {
        switch self {
        case .unknown, .deadlineExceeded, .unimplemented, .internal, .unavailable, .dataLoss: true
        default: false
        }
    }
}
