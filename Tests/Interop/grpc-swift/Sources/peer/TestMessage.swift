import GRPCCore

/// A message of grpc.testing, as its fields: written in order, read by number.
///
/// Why by hand: a generator would bring swift-protobuf, the largest of the packages that this one can do without.
///
/// - Source: protobuf.dev/programming-guides/encoding; `../Proto/grpc/testing/messages.proto`.
struct TestMessage: Sendable {
    private(set) var bytes: [UInt8] = []

    // MARK: Writing

    /// Appends a number; zero is left out, as proto3 does.
    func number(_ field: UInt64, _ value: Int) -> TestMessage {
        guard value != 0 else { return self }
        var message = self
        message.append(field << 3)
        message.append(UInt64(bitPattern: Int64(value)))
        return message
    }

    /// Appends bytes, text or a message.
    func field(_ field: UInt64, _ content: [UInt8]) -> TestMessage {
        var message = self
        message.append(field << 3 | 2)
        message.append(UInt64(content.count))
        message.bytes += content
        return message
    }

    /// Appends a `Payload` of so many zeros.
    func payload(_ field: UInt64, _ byteCount: Int) -> TestMessage {
        self.field(field, TestMessage().field(2, [UInt8](repeating: 0, count: byteCount)).bytes)
    }

    private mutating func append(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    // MARK: Reading

    /// The last number called `field`; 0 when there is none.
    static func number(_ field: UInt64, of bytes: [UInt8]) throws -> Int {
        try fields(of: bytes).numbers[field, default: 0]
    }

    /// The contents called `field`, in order.
    static func contents(_ field: UInt64, of bytes: [UInt8]) throws -> [[UInt8]] {
        try fields(of: bytes).contents[field, default: []]
    }

    /// The body of the `Payload` called `field`.
    static func payload(_ field: UInt64, of bytes: [UInt8]) throws -> [UInt8] {
        try contents(field, of: bytes).last.flatMap { try contents(2, of: $0).last } ?? []
    }

    private static func fields(of bytes: [UInt8]) throws -> (numbers: [UInt64: Int], contents: [UInt64: [[UInt8]]]) {
        var numbers: [UInt64: Int] = [:]
        var contents: [UInt64: [[UInt8]]] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let key = try takeNumber(&rest)
            let value = try takeNumber(&rest)
            switch key & 7 {
            case 0: numbers[key >> 3] = Int(Int64(bitPattern: value))
            case 2 where value <= rest.count:
                contents[key >> 3, default: []].append(Array(rest.prefix(Int(value))))
                rest.removeFirst(Int(value))
            default: throw RPCError(code: .internalError, message: "no message of grpc.testing")
            }
        }
        return (numbers, contents)
    }

    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { break }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        throw RPCError(code: .internalError, message: "a message of grpc.testing is cut")
    }
}

/// The metadata that the server sends back.
enum EchoKey {
    static let initial = "x-grpc-test-echo-initial"
    static let trailing = "x-grpc-test-echo-trailing-bin"
}

extension MethodDescriptor {
    /// A method of `grpc.testing.TestService`, unless another service is named.
    static func test(_ method: String, of service: String = "TestService") -> MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: "grpc.testing." + service, method: method)
    }
}
