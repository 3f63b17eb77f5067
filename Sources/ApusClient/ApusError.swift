import RPC
package import Vocabulary

/// Why a call failed: a gRPC status code, and what the server, or this client, says about it.
public struct ApusError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The status codes of gRPC, without OK.
    public enum Code: Int, Sendable, CaseIterable {
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
        public var name: String { StatusCode(self).name }
    }

    /// What kind of failure it is; programs decide by this.
    public let code: Code
    /// For people; may change from version to version.
    public let message: String

    /// An error as a server would send it.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message, such as `NOT_FOUND: …`.
    public var description: String { "\(code.name): \(message)" }
}

extension ApusError {
    init(_ failure: RPCFailure) { self.init(failure.error) }

    package init(_ error: ServingError) {
        guard let code = Code(rawValue: error.code.rawValue) else {
            preconditionFailure("an error with status \(error.code.name)")
        }
        self.init(code, error.message)
    }
}

extension StatusCode {
    fileprivate init(_ code: ApusError.Code) {
        guard let status = StatusCode(rawValue: code.rawValue) else {
            preconditionFailure("gRPC has no code \(code.rawValue)")
        }
        self = status
    }
}
