package import Messages
import Vocabulary

/// Where spans go.
package protocol SpanDestination: Sendable {
    /// A bounded word for metrics and logs, such as `collector`.
    var name: String { get }

    /// Sends spans once.
    ///
    /// - Returns: how many of them were refused for good.
    func send(_ request: OTLPExportTraceServiceRequest) async throws(SpanSendingError) -> Int
}

/// Why spans could not be sent.
package struct SpanSendingError: Error, Equatable, Sendable, CustomStringConvertible {
    package let message: String
    /// Whether the same spans may be taken later.
    package let isTransient: Bool
    /// When, if somebody has said so.
    package let pauseNanoseconds: UInt64?

    package init(_ message: String, isTransient: Bool, pauseNanoseconds: UInt64? = nil) {
        self.message = message
        self.isTransient = isTransient
        self.pauseNanoseconds = pauseNanoseconds
    }

    package var description: String { message }
}
