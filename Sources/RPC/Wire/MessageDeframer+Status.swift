package import Vocabulary

extension MessageDeframer.Failure {
    /// The status a server answers such a message with.
    ///
    /// - Source: grpc/grpc `doc/compression.md`, `doc/statuscodes.md`.
    package func serverError(encoding: MessageEncoding) -> ServingError {
        switch self {
        case .compressed:
            if case .unsupported(let name) = encoding {
                return ServingError(
                    .unimplemented,
                    "messages compressed with '\(name)' are not supported; \(MessageEncoding.accepted) are",
                    label: Self.unsupportedEncodingLabel)
            }
            return clientError(encoding: encoding)
        default: return clientError(encoding: encoding)
        }
    }

    /// The label of errors whose answer lists the encodings that are supported.
    static let unsupportedEncodingLabel = "unsupported_encoding"

    /// The status a client's call ends with when the server sends such a message.
    package func clientError(encoding: MessageEncoding) -> ServingError {
        switch self {
        case .invalidFlag(let flag):
            ServingError(.internal, "a message begins with flags \(flag); only 0 and 1 exist", label: "invalid_flag")
        case .compressed:
            ServingError(
                .internal, "a message is flagged as compressed, but no supported grpc-encoding was announced",
                label: "unexpected_compression")
        case .tooLong(let byteCount, let byteCountMax):
            ServingError(
                .resourceExhausted, "a message of \(byteCount) bytes is over the limit of \(byteCountMax)",
                label: "message_too_long")
        }
    }
}
