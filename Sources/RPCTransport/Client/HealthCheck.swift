package import Vocabulary

/// What a server says of a service's health, on one connection, as a value.
///
/// - Source: gRFC A17.
package struct HealthCheck: Equatable, Sendable {
    /// Whether the connection may have calls.
    package enum Verdict: Equatable, Sendable {
        /// The server has not answered yet.
        case unknown
        /// It is healthy, or knows of no health.
        case serving
        /// Why not.
        case failing(String)
    }

    package private(set) var verdict = Verdict.unknown
    private var failureCount = 0

    package init() {}

    /// A message of the `Watch` call has come.
    package mutating func responseArrived(_ response: Bytes) {
        // Whatever comes shows a server that is at work: the delays begin anew.
        failureCount = 0
        guard let status = Self.status(of: response) else {
            verdict = .failing("the server's health cannot be read")
            return
        }
        verdict = status == Self.serving ? .serving : .failing("the server is not healthy")
    }

    /// The `Watch` call has ended.
    ///
    /// - Parameters:
    ///   - code: also OK, which a watch should never end with.
    ///   - backoff: the delays after failures in a row.
    ///   - random: in `0 ..< 1`.
    /// - Returns: nanoseconds until the next; nil when there is nothing to watch.
    package mutating func watchEnded(_ code: StatusCode, _ backoff: BackoffPolicy, random: Double) -> UInt64? {
        guard code != .unimplemented else {
            verdict = .serving
            return nil
        }
        failureCount += 1
        verdict = .failing("the server's health cannot be watched: \(code.name)")
        return backoff.delayNanoseconds(failureCount: failureCount, random: random)
    }

    // MARK: Messages

    private static let serving: UInt64 = 1

    /// The bytes of `HealthCheckRequest { service }`.
    ///
    /// By hand, as two fields are all that this module needs of protobuf.
    package static func request(service: String) -> Bytes {
        let name = Array(service.utf8)
        guard !name.isEmpty else { return Bytes() }
        var bytes: [UInt8] = [0x0A]
        var length = name.count
        while length >= 0x80 {
            bytes.append(UInt8(length & 0x7F | 0x80))
            length >>= 7
        }
        bytes.append(UInt8(length))
        return Bytes(bytes + name)
    }

    /// Field 1 of `HealthCheckResponse`; 0 when it has none, nil when it is no message.
    static func status(of response: Bytes) -> UInt64? {
        var reader = FieldReader(response.array)
        var status: UInt64 = 0
        while !reader.isAtEnd {
            guard let tag = reader.varint(), tag >> 3 != 0 else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = reader.varint() else { return nil }
                if tag >> 3 == 1 { status = value }
            case 1: guard reader.skip(8) else { return nil }
            case 2: guard let count = reader.varint(), reader.skip(count) else { return nil }
            case 5: guard reader.skip(4) else { return nil }
            default: return nil
            }
        }
        return status
    }

    private struct FieldReader {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        var isAtEnd: Bool { rest.isEmpty }

        /// At most ten bytes, as long as 64 bits are.
        mutating func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }

        mutating func skip(_ count: UInt64) -> Bool {
            guard count <= UInt64(rest.count) else { return false }
            rest.removeFirst(Int(count))
            return true
        }
    }
}
