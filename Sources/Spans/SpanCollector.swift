package import Compression
package import Messages
import RPC
package import RPCTransport
package import Vocabulary

/// Sends spans to a collector, by `opentelemetry.proto.collector.trace.v1.TraceService`.
package struct SpanCollector: SpanDestination {
    /// For one attempt.
    static let timeoutNanoseconds: UInt64 = 10_000_000_000

    package let name = "collector"
    private let channel: RPCChannel
    private let compression: CompressionFormat?
    private let clock: any MonotonicClock

    /// - Parameters:
    ///   - channel: to the collector.
    ///   - compression: of requests; nil for none.
    ///   - clock: of deadlines.
    package init(channel: RPCChannel, compression: CompressionFormat?, clock: any MonotonicClock) {
        self.channel = channel
        self.compression = compression
        self.clock = clock
    }

    package func send(_ request: OTLPExportTraceServiceRequest) async throws(SpanSendingError) -> Int {
        var options = CallOptions()
        options.deadline = Deadline(clock.now().advanced(byNanoseconds: Self.timeoutNanoseconds))
        options.compression = compression
        let answer: UnaryResponse
        do throws(RPCFailure) {
            answer = try await channel.unary(
                Bytes(utf8: OTLPTraceServiceMethods.export.path), request.encoded(), options: options)
        } catch {
            throw SpanSendingError(error)
        }
        // The spans were taken, whatever else it says in words that cannot be read.
        let partial = (try? OTLPExportTraceServiceResponse(decoding: answer.message))?.partialSuccess
        return Int(clamping: max(0, partial?.rejectedSpans ?? 0))
    }
}

extension SpanSendingError {
    /// A call that failed; which statuses are worth another attempt is in the specification.
    ///
    /// - Source: OTLP specification, "OTLP/gRPC Response: Failures" and "OTLP/gRPC Throttling".
    init(_ failure: RPCFailure) {
        let pause = failure.statusDetails.flatMap(RetryInfo.delayNanoseconds)
        let isTransient =
            switch failure.error.code {
            case .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss: true
            // Without a time it means that the spans are too much, not that they are too early.
            case .resourceExhausted: pause != nil
            default: false
            }
        self.init("\(failure.error)", isTransient: isTransient, pauseNanoseconds: pause)
    }
}

/// When a server wants to be asked again: a `google.rpc.RetryInfo` among the details of a status.
///
/// - Source: googleapis `google/rpc/status.proto` and `error_details.proto`, `google/protobuf/duration.proto`.
enum RetryInfo {
    /// The delay in a serialised `google.rpc.Status`; nil where there is none.
    static func delayNanoseconds(_ status: Bytes) -> UInt64? {
        for detail in fields(status, 3) {
            guard fields(detail, 1).last?.utf8String == "type.googleapis.com/google.rpc.RetryInfo",
                let delay = fields(detail, 2).last.flatMap({ fields($0, 1).last })
            else { continue }
            let (seconds, nanoseconds) = (number(delay, 1), number(delay, 2))
            guard seconds <= 86_400, nanoseconds < 1_000_000_000 else { return nil }
            return seconds * 1_000_000_000 + nanoseconds
        }
        return nil
    }

    /// The length-prefixed fields of a number, in order; none in bytes that are no message.
    private static func fields(_ bytes: Bytes, _ number: UInt64) -> [Bytes] {
        var found: [Bytes] = []
        walk(bytes) { key, cursor in
            guard key == number << 3 | 2 else { return cursor.skipValue(ofType: UInt8(key & 7)) }
            guard let range = cursor.content() else { return false }
            found.append(bytes[range])
            return true
        }
        return found
    }

    /// The last integer of a number; 0 when there is none.
    private static func number(_ bytes: Bytes, _ number: UInt64) -> UInt64 {
        var found: UInt64 = 0
        walk(bytes) { key, cursor in
            guard key == number << 3 else { return cursor.skipValue(ofType: UInt8(key & 7)) }
            guard let value = cursor.varint() else { return false }
            found = value
            return true
        }
        return found
    }

    private static func walk(_ bytes: Bytes, _ field: (_ key: UInt64, inout WireCursor) -> Bool) {
        bytes.withUnsafeBytes { source in
            var cursor = WireCursor(source, in: 0..<source.count)
            while let key = cursor.varint(), field(key, &cursor) {}
        }
    }
}
