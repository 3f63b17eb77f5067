/// A method of a service: its path, what it takes and gives, and who streams.
///
/// Those of the services in `Proto/` are listed by enums named after the services, such as `TextMethods.generate`.
package struct MethodSignature<Request: Message, Response: Message>: Sendable {
    /// `/package.Service/Method`, as it goes over the wire.
    package let path: String
    /// Whether the caller may send any number of messages, instead of exactly one.
    package let clientStreams: Bool
    /// Whether the server may send any number of messages, instead of exactly one.
    package let serverStreams: Bool

    package init(path: String, clientStreams: Bool = false, serverStreams: Bool = false) {
        self.path = path
        self.clientStreams = clientStreams
        self.serverStreams = serverStreams
    }
}
