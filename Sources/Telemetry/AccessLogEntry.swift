package import Logging
package import Vocabulary

/// What is known about a call once it is answered.
package struct AccessLogEntry: Hashable, Sendable {
    package var requestID: RequestID
    /// The gRPC path, such as `/inference.GRPCInferenceService/ModelInfer`; it is what the caller sent.
    package var method: String
    /// Nil when the call was refused before its tenant was known.
    package var tenant: TenantID?
    /// As the caller wrote it; nil for calls that name no model.
    package var model: String?
    package var status: StatusCode
    /// A bounded word for the reason, from `ServingError.label`; nil for success.
    package var reason: String?
    /// From the request's headers to the trailers.
    package var durationNanoseconds: UInt64
    package var requestByteCount: Int
    package var responseByteCount: Int

    package init(
        requestID: RequestID, method: String, tenant: TenantID? = nil, model: String? = nil, status: StatusCode,
        reason: String? = nil, durationNanoseconds: UInt64, requestByteCount: Int, responseByteCount: Int
    ) {
        self.requestID = requestID
        self.method = method
        self.tenant = tenant
        self.model = model
        self.status = status
        self.reason = reason
        self.durationNanoseconds = durationNanoseconds
        self.requestByteCount = requestByteCount
        self.responseByteCount = responseByteCount
    }

    /// The keys and values in the order in which they are written; those that are nil are left out.
    package var fields: [(key: String, value: String)] {
        let microseconds = durationNanoseconds / 1_000
        let fraction = String(1_000 + microseconds % 1_000).dropFirst()
        let all: [(key: String, value: String?)] = [
            ("request", requestID.description), ("method", method), ("tenant", tenant?.name), ("model", model),
            ("status", status.name), ("reason", reason), ("milliseconds", "\(microseconds / 1_000).\(fraction)"),
            ("request_bytes", String(requestByteCount)), ("response_bytes", String(responseByteCount)),
        ]
        return all.compactMap { field in field.value.map { (field.key, $0) } }
    }

    /// The entry as one line of text at `time`.
    package func line(time: String) -> LogLine {
        var line = LogLine(time: time, level: "info", message: "call")
        for (key, value) in fields { line.append(key: key, value: value) }
        return line
    }

    /// The entry as metadata of swift-log, for the constant message `call`.
    package var metadata: Logger.Metadata {
        Dictionary(uniqueKeysWithValues: fields.map { ($0.key, Logger.MetadataValue.string($0.value)) })
    }
}
