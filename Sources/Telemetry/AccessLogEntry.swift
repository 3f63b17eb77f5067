package import Vocabulary

/// What is known about a call once it is answered.
package struct AccessLogEntry: Hashable, Sendable {
    /// Something that a call has used, such as `prompt_tokens`.
    package struct Amount: Hashable, Sendable {
        package var name: String
        package var count: UInt64

        package init(name: String, count: UInt64) {
            self.name = name
            self.count = count
        }
    }

    package var requestID: RequestID
    /// The gRPC path, such as `/inference.GRPCInferenceService/ModelInfer`; nil for a call of a method that is not
    /// there.
    package var method: String?
    /// Nil when the call was refused before its tenant was known.
    package var tenant: TenantID?
    /// As the caller wrote it; nil for calls that name no model.
    package var model: String?
    /// The version that answered, or the one that was asked for; nil where neither is known.
    package var modelVersion: String?
    /// The address of the server to which the call was sent on; nil for one that was answered here.
    package var shard: String?
    package var status: StatusCode
    /// A bounded word for the reason, from `ServingError.label`; nil for success.
    package var reason: String?
    /// From the request's headers to the trailers.
    package var durationNanoseconds: UInt64
    /// Nil for a call that nothing was executed for.
    package var queueNanoseconds: UInt64?
    /// Nil for a call that nothing was executed for.
    package var computeNanoseconds: UInt64?
    /// Of messages as they travelled.
    package var requestByteCount: Int
    package var responseByteCount: Int
    package var requestMessageCount: Int
    package var responseMessageCount: Int
    /// What is metered beside time.
    package var amounts: [Amount] = []
    /// Of the caller's `traceparent`, or of this server's own trace.
    package var trace: TraceID?

    package init(
        requestID: RequestID, method: String?, status: StatusCode, durationNanoseconds: UInt64, requestByteCount: Int,
        responseByteCount: Int, requestMessageCount: Int, responseMessageCount: Int
    ) {
        self.requestID = requestID
        self.method = method
        self.status = status
        self.durationNanoseconds = durationNanoseconds
        self.requestByteCount = requestByteCount
        self.responseByteCount = responseByteCount
        self.requestMessageCount = requestMessageCount
        self.responseMessageCount = responseMessageCount
    }

    /// Appends what is known to a line, always in this order.
    package func write(to line: inout LogLine) {
        func add(_ key: String, _ value: String?) { if let value { line.append(key: key, value: value) } }
        add("request", requestID.description)
        add("method", method)
        add("tenant", tenant?.name)
        add("model", model)
        add("version", modelVersion)
        add("shard", shard)
        add("status", status.name)
        add("reason", reason)
        add("milliseconds", Self.milliseconds(durationNanoseconds))
        add("queue_milliseconds", queueNanoseconds.map(Self.milliseconds))
        add("compute_milliseconds", computeNanoseconds.map(Self.milliseconds))
        add("request_bytes", String(requestByteCount))
        add("response_bytes", String(responseByteCount))
        add("request_messages", String(requestMessageCount))
        add("response_messages", String(responseMessageCount))
        for amount in amounts { add(amount.name, String(amount.count)) }
        add("trace", trace?.description)
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let microseconds = nanoseconds / 1_000
        return "\(microseconds / 1_000).\(String(1_000 + microseconds % 1_000).dropFirst())"
    }
}
