import TestSupport

extension Frames {
    static let requestFields = [
        (":method", "POST"), (":scheme", "https"), (":path", "/test.Echo/Say"), (":authority", "localhost"),
        ("te", "trailers"), ("content-type", "application/grpc"),
    ]

    /// The headers of a request; `end` when they are all of it.
    static func request(stream: UInt32, end: Bool = false, extra: [(String, String)] = []) -> [UInt8] {
        headers(stream, requestFields + extra, end: end)
    }
}
