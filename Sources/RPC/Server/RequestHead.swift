package import HTTP2
package import Vocabulary

/// The headers of a request, checked and understood.
package struct RequestHead: Sendable {
    /// As received; custom metadata is read from it when a handler asks.
    package let block: HeaderBlock
    /// What it has in common with others.
    package let pattern: RequestPattern
    /// From `grpc-timeout`; nil without one.
    package let timeoutNanoseconds: UInt64?

    /// The bytes of `:path`, such as `/inference.GRPCInferenceService/ModelInfer`.
    package var path: Bytes { pattern.path }
    package var encoding: MessageEncoding { pattern.encoding }

    /// Nil for headers of another pattern.
    ///
    /// - Throws: how to refuse the request, for its time.
    init?(_ block: HeaderBlock, as pattern: RequestPattern) throws(RequestRejection) {
        guard pattern.matches(block) else { return nil }
        self.block = block
        self.pattern = pattern
        timeoutNanoseconds = try pattern.timeoutNanoseconds(of: block)
    }

    /// Reads and checks the headers in one pass.
    ///
    /// - Throws: how to refuse the request.
    package init(_ block: HeaderBlock) throws(RequestRejection) {
        guard !block.isTruncated else {
            throw RequestRejection(.resourceExhausted, "the request's headers are too long", label: "headers_too_long")
        }
        var fields = RequestFields()
        block.forEach { name, value in fields.read(name, value) }
        try fields.check()
        self.block = block
        pattern = RequestPattern(block, encoding: fields.encoding)
        timeoutNanoseconds = fields.timeoutNanoseconds
    }
}

/// A request that is refused before it reaches a method.
package struct RequestRejection: Error, Sendable, Equatable {
    /// 200 for everything gRPC itself answers.
    package let httpStatus: HTTPStatus
    package let code: StatusCode
    package let message: String
    package let label: String

    init(_ code: StatusCode, _ message: String, label: String, httpStatus: HTTPStatus = .ok) {
        self.code = code
        self.message = message
        self.label = label
        self.httpStatus = httpStatus
    }

    /// Neither POST nor of gRPC's content-type: to be answered as HTTP, with `HTTPAnswer`.
    package static let notGRPC = RequestRejection(
        .unimplemented, "not a gRPC request", label: "not_grpc", httpStatus: .notFound)

    static let malformedTimeout = RequestRejection(
        .internal, "grpc-timeout is malformed: one to eight digits and one of H M S m u n",
        label: "malformed_timeout", httpStatus: .badRequest)

    package var error: ServingError { ServingError(code, message, label: label) }

    /// The HTTP statuses this server uses.
    package enum HTTPStatus: Sendable {
        case ok
        case badRequest
        case notFound
        case methodNotAllowed
        case unsupportedMediaType

        var digits: StaticString {
            switch self {
            case .ok: "200"
            case .badRequest: "400"
            case .notFound: "404"
            case .methodNotAllowed: "405"
            case .unsupportedMediaType: "415"
            }
        }
    }
}

/// What one pass over the headers collects.
private struct RequestFields {
    var isPost = false
    var hasGRPCContentType = false
    var timeoutIsMalformed = false
    var binaryValueIsMalformed = false
    var timeoutNanoseconds: UInt64?
    var encoding = MessageEncoding.identity

    mutating func read(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        // The length tells most names apart; the bytes are compared for the one candidate that is left.
        switch name.count {
        case 7 where name.equals(":method"): isPost = value.equals("POST")
        case 12 where name.equals("content-type"): hasGRPCContentType = ContentType.isGRPC(value)
        case 12 where name.equals(RequestPattern.timeoutName):
            timeoutNanoseconds = Timeout.parse(value)
            if timeoutNanoseconds == nil { timeoutIsMalformed = true }
        case 13 where name.equals("grpc-encoding"):
            encoding = MessageEncoding(value)
        default:
            guard name.hasBinarySuffix, !ReservedHeader.contains(name) else { return }
            for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            where !Base64.isValid(UnsafeRawBufferPointer(rebasing: part)) {
                binaryValueIsMalformed = true
            }
        }
    }

    func check() throws(RequestRejection) {
        guard isPost || hasGRPCContentType else { throw .notGRPC }
        guard isPost else {
            throw RequestRejection(
                .internal, "gRPC requests use the method POST", label: "http_method", httpStatus: .methodNotAllowed)
        }
        guard hasGRPCContentType else {
            throw RequestRejection(
                .internal, "the content-type is not application/grpc", label: "content_type",
                httpStatus: .unsupportedMediaType)
        }
        guard !timeoutIsMalformed else { throw .malformedTimeout }
        guard !binaryValueIsMalformed else {
            throw RequestRejection(
                .internal, "a -bin header is not base64", label: "malformed_metadata", httpStatus: .badRequest)
        }
    }
}

/// The `content-type` of gRPC.
enum ContentType {
    private static let prefix: StaticString = "application/grpc"

    /// Whether `value` is `application/grpc`, alone or followed by `+` or `;`, in any case.
    ///
    /// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`.
    static func isGRPC(_ value: UnsafeRawBufferPointer) -> Bool {
        let count = prefix.utf8CodeUnitCount
        guard value.count >= count else { return false }
        for index in 0..<count where lowercase(value[index]) != prefix.utf8Start[index] { return false }
        return value.count == count || value[count] == UInt8(ascii: "+") || value[count] == UInt8(ascii: ";")
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
