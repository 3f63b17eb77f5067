package import HTTP2
package import Vocabulary

/// How a call from this process to a server failed: its status, and the metadata that came with it.
package struct RPCFailure: Error, Sendable, CustomStringConvertible {
    /// The status, never OK.
    package let error: ServingError
    /// What the server sent with the status; nil when the status was made here.
    package let trailers: HeaderBlock?

    package init(_ error: ServingError, trailers: HeaderBlock? = nil) {
        self.error = error
        self.trailers = trailers
    }

    /// The custom trailers the server sent; empty when the status was made here.
    ///
    /// - Complexity: decodes them all at each use.
    package var trailingMetadata: Metadata { Metadata(trailers: trailers, of: error.code) }

    package init(_ code: StatusCode, _ message: String, label: String? = nil) {
        self.init(ServingError(code, message, label: label))
    }

    package var description: String { error.description }
}
