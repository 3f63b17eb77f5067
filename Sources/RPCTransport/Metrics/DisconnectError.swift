import Glibc
import HTTP2

/// Why a connection that was made is gone: the first reason that was seen.
///
/// - Source: gRFC A94, `grpc.disconnect_error`.
enum DisconnectError: Equatable {
    case goAway(HTTP2ErrorCode)
    case shutdown
    case reset
    case timedOut
    case aborted
    case socketError
    case unknown

    init(_ end: ConnectionEnd) {
        switch end {
        case .stream(let error) where error.code == ECONNRESET || error.code == EPIPE: self = .reset
        case .stream(let error) where error.code == ETIMEDOUT: self = .timedOut
        case .stream(let error) where error.code == ECONNABORTED: self = .aborted
        case .stream: self = .socketError
        case .keepaliveTimeout: self = .timedOut
        default: self = .unknown
        }
    }

    /// One of a few: a code without a name is not repeated.
    var label: String {
        switch self {
        case .goAway(let code): code.rawValue <= HTTP2ErrorCode.http11Required.rawValue ? "GOAWAY \(code)" : "GOAWAY"
        case .shutdown: "subchannel shutdown"
        case .reset: "connection reset"
        case .timedOut: "connection timed out"
        case .aborted: "connection aborted"
        case .socketError: "socket error"
        case .unknown: "unknown"
        }
    }
}
