import TestSupport

/// What the benches of the fuzzer say beyond HTTP/2.
extension Frames {
    /// A type that HTTP/2 does not know: the benches read it as an instruction, where they send frame by frame.
    static let clockType: UInt8 = 0xF7

    /// Lets so much time pass.
    static func clock(milliseconds: UInt32) -> [UInt8] { frame(type: clockType, stream: milliseconds) }

    static func request(_ path: String = "/fuzz.Echo/Unary", _ more: [(String, String)] = []) -> [(String, String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("te", "trailers"),
            ("content-type", "application/grpc"),
        ] + more
    }
}
