package import HTTP2
package import Vocabulary

/// What a request that is not gRPC gets: a browser that lost its way, curl, a tool that tests HTTP/2.
///
/// Such a client understands an HTTP status and a line of text, not a `grpc-status`.
package enum HTTPAnswer: Equatable, Sendable {
    /// No page has this path.
    case notFound
    /// The path is a gRPC method, which takes POST.
    case methodNotAllowed

    /// The answer's headers; a HEAD request gets no more than them.
    package var headers: HeaderList { self == .notFound ? Self.notFoundHeaders : Self.methodNotAllowedHeaders }

    /// The answer's body.
    package var body: Bytes { self == .notFound ? Self.notFoundBody : Self.methodNotAllowedBody }

    private static let notFoundBody = Bytes(utf8: "404 not found: this is a gRPC server\n")
    private static let methodNotAllowedBody = Bytes(utf8: "405 method not allowed: gRPC methods take POST\n")

    private static let notFoundHeaders: HeaderList = {
        var list = HeaderList()
        list.append(":status", "404")
        list.append("content-type", "text/plain; charset=utf-8")
        list.append("content-length", "37")
        return list
    }()

    private static let methodNotAllowedHeaders: HeaderList = {
        var list = HeaderList()
        list.append(":status", "405")
        list.append("allow", "POST")
        list.append("content-type", "text/plain; charset=utf-8")
        list.append("content-length", "47")
        return list
    }()
}
