package import Vocabulary

/// How a call from this process to a server failed: its status, and the metadata that came with it.
package struct RPCFailure: Error, Sendable, CustomStringConvertible {
    /// The status, never OK.
    package let error: ServingError
    /// The custom trailers the server sent; empty when the status was made here.
    package let trailingMetadata: Metadata

    package init(_ error: ServingError, trailingMetadata: Metadata = Metadata()) {
        self.error = error
        self.trailingMetadata = trailingMetadata
    }

    package init(_ code: StatusCode, _ message: String, label: String? = nil) {
        self.init(ServingError(code, message, label: label))
    }

    package var description: String { error.description }
}
