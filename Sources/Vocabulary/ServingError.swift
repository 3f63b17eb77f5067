/// Why a call failed, in the words of gRPC: the one error that crosses from the inside of Apus to a caller.
///
/// Leaf modules throw small typed errors of their own; they become a `ServingError` where a call is answered.
package struct ServingError: Error, Sendable, CustomStringConvertible {
    /// The gRPC status code, never `.ok`.
    package let code: StatusCode
    /// What the caller reads: names what was expected and what came.
    package let message: String
    /// A short constant for metrics and logs, such as `queue_full`; never contains anything a caller sent.
    package let label: String
    /// When the same call may succeed; nil where we do not know.
    package let retryAdvice: RetryAdvice?

    /// - Precondition: `code` is not `.ok`.
    package init(_ code: StatusCode, _ message: String, label: String? = nil, retryAdvice: RetryAdvice? = nil) {
        precondition(code != .ok, "an error with status OK: \(message)")
        self.code = code
        self.message = message
        self.label = label ?? code.name.lowercased()
        self.retryAdvice = retryAdvice
    }

    package var description: String { "\(code.name): \(message)" }
}

/// What a caller is told about making the same call again.
package enum RetryAdvice: Hashable, Sendable {
    /// Not before that much time has passed.
    case after(nanoseconds: UInt64)
    /// Not at all: it will fail for as long as anybody would wait.
    case never
}

/// The status codes of gRPC.
///
/// - Source: grpc/grpc `doc/statuscodes.md`.
package enum StatusCode: Int, Sendable, CaseIterable {
    case ok = 0
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16

    /// The name in upper snake case, such as `INVALID_ARGUMENT`.
    package var name: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internal: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }
}
