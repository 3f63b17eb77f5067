package import Compression
package import HTTP2
package import Vocabulary

/// The trailers of many calls that succeed, made once: what a call costs that does almost nothing else.
package struct PreparedTrailers: Sendable {
    let headers: HeaderList

    /// - Throws: as `HeaderList.append`.
    package init(_ metadata: Metadata) throws(HTTP2Error) {
        headers = try ResponseHeaders.trailers(metadata)
    }
}

/// The header lists a server sends; the common ones are made once and cost nothing per call.
package enum ResponseHeaders {
    /// What every response begins with.
    private static let plain = makeInitial(nil)
    private static let deflate = makeInitial("deflate")
    private static let gzip = makeInitial("gzip")

    private static func makeInitial(_ encoding: StaticString?) -> HeaderList {
        var list = HeaderList()
        list.append(":status", "200")
        list.append("content-type", "application/grpc")
        if let encoding { list.append("grpc-encoding", encoding) }
        list.append("grpc-accept-encoding", MessageEncoding.accepted)
        return list
    }

    private static let trailersOK: HeaderList = {
        var list = HeaderList()
        list.append("grpc-status", "0")
        return list
    }()

    /// The headers before the first message, where there is no metadata.
    package static func initial(_ format: CompressionFormat? = nil) -> HeaderList {
        switch format {
        case nil: plain
        case .deflate: deflate
        case .gzip: gzip
        }
    }

    /// The headers before the first message.
    package static func initial(
        _ metadata: Metadata, _ format: CompressionFormat? = nil, passed: PassedHeaders? = nil
    ) throws(HTTP2Error) -> HeaderList {
        var list = initial(format)
        passed?.append(to: &list)
        try metadata.append(to: &list)
        return list
    }

    /// The trailers of a response that had headers, of a call that has succeeded.
    package static func trailers(
        _ metadata: Metadata, passed: PassedHeaders? = nil
    ) throws(HTTP2Error) -> HeaderList {
        guard !metadata.isEmpty else { return passed?.trailersOK ?? trailersOK }
        return try trailers(nil, metadata, passed: passed)
    }

    /// The trailers of a response that had headers.
    package static func trailers(
        _ error: ServingError?, _ metadata: Metadata, passed: PassedHeaders? = nil
    ) throws(HTTP2Error) -> HeaderList {
        var list = HeaderList()
        if let passed { list.reserve(fieldCount: 2 + passed.fieldCountMax, byteCount: passed.copiedByteCountMax) }
        try append(error, metadata, passed, to: &list)
        return list
    }

    /// A response that is nothing but a status.
    package static func trailersOnly(
        _ error: ServingError?, _ metadata: Metadata, passed: PassedHeaders? = nil,
        httpStatus: RequestRejection.HTTPStatus = .ok
    ) throws(HTTP2Error) -> HeaderList {
        var list = HeaderList()
        list.append(":status", httpStatus.digits)
        list.append("content-type", "application/grpc")
        try append(error, metadata, passed, to: &list)
        return list
    }

    private static func append(
        _ error: ServingError?, _ metadata: Metadata, _ passed: PassedHeaders?, to list: inout HeaderList
    ) throws(HTTP2Error) {
        list.append("grpc-status", (error?.code ?? .ok).digits)
        if let error {
            let message = StatusMessage.encode(error.message)
            if !message.isEmpty { try list.append("grpc-message", Bytes(message), indexing: .never) }
            if error.label == MessageDeframer.Failure.unsupportedEncodingLabel {
                list.append("grpc-accept-encoding", MessageEncoding.accepted)
            }
        }
        passed?.append(to: &list, endingWith: error?.code ?? .ok)
        guard !metadata.isEmpty else { return }
        var metadata = metadata
        metadata.removeStatusDetails(unlessOf: error?.code ?? .ok)
        try metadata.append(to: &list)
    }
}

extension StatusCode {
    /// The code in decimal, as `grpc-status` has it.
    var digits: StaticString {
        switch self {
        case .ok: "0"
        case .cancelled: "1"
        case .unknown: "2"
        case .invalidArgument: "3"
        case .deadlineExceeded: "4"
        case .notFound: "5"
        case .alreadyExists: "6"
        case .permissionDenied: "7"
        case .resourceExhausted: "8"
        case .failedPrecondition: "9"
        case .aborted: "10"
        case .outOfRange: "11"
        case .unimplemented: "12"
        case .internal: "13"
        case .unavailable: "14"
        case .dataLoss: "15"
        case .unauthenticated: "16"
        }
    }
}
