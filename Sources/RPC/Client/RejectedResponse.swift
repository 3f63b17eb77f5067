import Vocabulary

/// A response that is not gRPC, such as a proxy's error page: what will be said of it.
///
/// - Source: grpc/grpc `doc/http-grpc-status-mapping.md`.
struct RejectedResponse {
    /// The bytes of the body that are quoted.
    static let bodyByteCountMax = 1024
    /// How long the body is waited for.
    static let timeoutNanoseconds: UInt64 = 1_000_000_000

    private let headersError: ServingError
    private var body: [UInt8] = []

    init(_ error: ServingError) { headersError = error }

    var isFull: Bool { body.count == Self.bodyByteCountMax }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        body.append(contentsOf: bytes.prefix(Self.bodyByteCountMax - body.count))
    }

    /// The status of the headers, with the beginning of the body in its message.
    var error: ServingError {
        guard !body.isEmpty else { return headersError }
        let text = String(decoding: body, as: UTF8.self)
        return ServingError(headersError.code, "\(headersError.message), body: \(text)", label: headersError.label)
    }
}
