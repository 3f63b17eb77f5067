package import Compression
package import HTTP2
package import Vocabulary

/// The header lists a client sends and what it makes of those it receives.
package struct RequestHeaders: Sendable {
    private let beginning: HeaderList
    /// From `te` to `user-agent`, with each encoding of requests: one piece, as most calls are first attempts.
    private let plainEnd: HeaderList
    private let deflateEnd: HeaderList
    private let gzipEnd: HeaderList
    private let userAgent: HeaderList
    private let authority: Bytes

    /// - Parameters:
    ///   - authority: host and port of the target, as the caller named it.
    ///   - isSecure: whether the connection has TLS.
    ///   - userAgent: what calls itself before our own name in `user-agent`; left out when it cannot be a header.
    package init(authority: String, isSecure: Bool, userAgent: String = "") {
        var list = HeaderList()
        list.append(":method", "POST")
        if isSecure { list.append(":scheme", "https") } else { list.append(":scheme", "http") }
        beginning = list
        let agent = Self.userAgent(userAgent)
        self.userAgent = agent
        plainEnd = Self.middle(nil).appending(agent)
        deflateEnd = Self.middle(.deflate).appending(agent)
        gzipEnd = Self.middle(.gzip).appending(agent)
        self.authority = Bytes(utf8: authority)
    }

    /// From `te` to the last of gRPC's own headers that every attempt has.
    private static func middle(_ compression: CompressionFormat?) -> HeaderList {
        var list = HeaderList()
        list.append("te", "trailers")
        list.append("content-type", "application/grpc")
        switch compression {
        case nil: break
        case .deflate: list.append("grpc-encoding", "deflate")
        case .gzip: list.append("grpc-encoding", "gzip")
        }
        list.append("grpc-accept-encoding", MessageEncoding.accepted)
        return list
    }

    private static func userAgent(_ userAgent: String) -> HeaderList {
        var list = HeaderList()
        let prefixed = userAgent.isEmpty ? nil : Bytes(utf8: "\(userAgent) \(ownUserAgent)")
        guard let prefixed, (try? list.append("user-agent", prefixed)) != nil else {
            list.append("user-agent", ownUserAgent)
            return list
        }
        return list
    }

    private static let ownUserAgent: StaticString = "grpc-swift-apus/1.0"

    /// The headers of one attempt of a call, in the order the protocol asks for: HTTP's, gRPC's, ours, the caller's.
    ///
    /// Attempts that failed before this one, `previousAttemptCount` of them, are mentioned when there are any.
    ///
    /// - Throws: `HTTP2Error.invalidHeader`.
    /// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, "Requests"; gRFC A6, "Exposed Retry Metadata".
    package func list(
        path: Bytes, timeoutNanoseconds: UInt64?, compression: CompressionFormat? = nil,
        previousAttemptCount: Int = 0, passed: PassedHeaders? = nil, metadata: Metadata
    ) throws(HTTP2Error) -> HeaderList {
        var list = beginning
        // A list that grows field by field is copied again and again.
        list.reserve(
            fieldCount: 16 + (passed?.fieldCountMax ?? 0),
            byteCount: 128 + path.count + authority.count + (passed?.copiedByteCountMax ?? 0))
        try list.append(":path", path)
        try list.append(":authority", authority)
        if let timeoutNanoseconds { try Self.insertTimeout(timeoutNanoseconds, in: &list) }
        if previousAttemptCount > 0 {
            list.append(contentsOf: Self.middle(compression))
            try list.append("grpc-previous-rpc-attempts", Bytes(utf8: String(previousAttemptCount)))
            list.append(contentsOf: userAgent)
        } else {
            list.append(contentsOf: end(compression))
        }
        passed?.append(to: &list, isRetry: previousAttemptCount > 0)
        try metadata.append(to: &list)
        return list
    }

    /// Puts the time into a list that was made without one: behind the fields that are HTTP's.
    static func insertTimeout(_ nanoseconds: UInt64, in list: inout HeaderList) throws(HTTP2Error) {
        try list.insert(
            "grpc-timeout", Bytes(utf8: Timeout.format(nanoseconds: nanoseconds)), indexing: .never, at: 4)
    }

    private func end(_ compression: CompressionFormat?) -> HeaderList {
        switch compression {
        case nil: plainEnd
        case .deflate: deflateEnd
        case .gzip: gzipEnd
        }
    }
}

extension HeaderList {
    fileprivate func appending(_ other: HeaderList) -> HeaderList {
        var list = self
        list.append(contentsOf: other)
        return list
    }
}

/// What a client reads from a response's headers or trailers.
package struct ResponseStatus: Sendable {
    /// Nil for OK.
    package let error: ServingError?

    /// The status in `block`, which ended the stream.
    ///
    /// `grpc-status` wins over everything; without it the HTTP status decides, and a 200 without it is UNKNOWN.
    package init(_ block: HeaderBlock) {
        guard block.findings?.saysOK != true else {
            error = nil
            return
        }
        guard let text = block.firstValue(of: "grpc-status") else {
            error = Self.httpError(block)
            return
        }
        let message = block.firstValue(of: "grpc-message").map { $0.withUnsafeBytes(StatusMessage.decode) } ?? ""
        let number = Self.decimal(text)
        switch number.flatMap(StatusCode.init(rawValue:)) {
        case .ok?:
            error = nil
            block.findings?.saysOK = true
        case let code?: error = ServingError(code, message, label: "remote_\(code.name.lowercased())")
        case nil:
            let shown = number.map(String.init) ?? "unreadable"
            error = ServingError(.unknown, "unknown grpc-status (\(shown)): \(message)", label: "remote_unknown")
        }
    }

    /// Why response headers are not those of a gRPC response; nil when they are, and `encoding` is its messages'.
    package static func rejection(ofHeaders block: HeaderBlock, _ encoding: inout MessageEncoding) -> ServingError? {
        let findings = block.findings
        if let known = findings?.encoding {
            encoding = known
            return nil
        }
        guard block.firstValue(of: ":status")?.utf8String == "200",
            let contentType = block.firstValue(of: "content-type"), contentType.withUnsafeBytes(ContentType.isGRPC)
        else { return httpError(block) }
        encoding = block.firstValue(of: "grpc-encoding").map { $0.withUnsafeBytes(MessageEncoding.init) } ?? .identity
        findings?.encoding = encoding
        return nil
    }

    private static func httpError(_ block: HeaderBlock) -> ServingError {
        let status = block.firstValue(of: ":status").flatMap(decimal) ?? 200
        let contentType = block.firstValue(of: "content-type").map {
            $0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        }
        return ServingError(
            StatusCode(httpStatus: status),
            "not a gRPC response: HTTP status \(status), content-type \(contentType ?? "missing")", label: "http_error")
    }

    /// A short decimal number.
    private static func decimal(_ text: Bytes) -> Int? {
        guard text.count >= 1, text.count <= 9 else { return nil }
        var number = 0
        for index in 0..<text.count {
            guard text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(text[index] - UInt8(ascii: "0"))
        }
        return number
    }
}
