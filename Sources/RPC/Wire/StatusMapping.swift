package import HTTP2
package import Vocabulary

extension StatusCode {
    /// What a response without `grpc-status` means.
    ///
    /// - Source: grpc/grpc `doc/http-grpc-status-mapping.md`.
    package init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 400, 431: .internal
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
    }

    /// What the reset of a stream by the peer means for its call.
    ///
    /// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, "Errors".
    package init(resetCode: HTTP2ErrorCode) {
        self =
            switch resetCode {
            case .refusedStream: .unavailable
            case .cancel: .cancelled
            case .enhanceYourCalm: .resourceExhausted
            case .inadequateSecurity: .permissionDenied
            default: .internal
            }
    }
}

extension ServingError {
    /// The one place where whatever a handler threw becomes the status of its call.
    ///
    /// A `ServingError` says itself what it is; a cancellation is CANCELLED; anything else is UNKNOWN, and its
    /// description stays inside: it may hold what callers should not read.
    package init(handlerError error: any Error) {
        switch error {
        case let error as ServingError: self = error
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        case let failure as RPCFailure: self = failure.error
        default: self.init(.unknown, "the handler failed", label: "handler_error")
        }
    }
}
