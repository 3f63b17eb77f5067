import RPC
import TestSupport
import Testing
import Vocabulary

@Suite("Cutting a body into messages")
struct MessageDeframerTests {
    static func frame(_ message: [UInt8]) -> [UInt8] {
        let count = message.count
        return [0, UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + message
    }

    @Test("B50: messages come out whole, whatever the cuts between pieces")
    func randomCuts() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            let messages = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                generator.bytes(count: Int.random(in: 0...40, using: &generator))
            }
            let body = messages.flatMap(Self.frame)
            var deframer = MessageDeframer(messageByteCountMax: 40)
            var received: [[UInt8]] = []
            var start = 0
            while start < body.count {
                let end = min(body.count, start + Int.random(in: 1...12, using: &generator))
                try body[start..<end].withUnsafeBytes { piece in
                    try deframer.append(piece) { received.append($0.bytes.array) }
                }
                start = end
            }
            #expect(received == messages)
            #expect(!deframer.isInsideMessage)
        }
    }

    @Test("B58: a body cut short is inside a message at every cut but the last", arguments: 1...9)
    func truncation(byteCount: Int) throws {
        var deframer = MessageDeframer(messageByteCountMax: 100)
        var count = 0
        try Self.frame([1, 2, 3, 4])[..<byteCount].withUnsafeBytes { piece in
            try deframer.append(piece) { _ in count += 1 }
        }
        #expect(deframer.isInsideMessage == (byteCount < 9))
        #expect(count == (byteCount < 9 ? 0 : 1))
    }

    @Test("B52 B53 B56: the prefix alone decides: flags, compression and length")
    func refusals() {
        let table: [([UInt8], MessageDeframer.Failure)] = [
            ([2, 0, 0, 0, 1], .invalidFlag(2)), ([255, 0, 0, 0, 0], .invalidFlag(255)), ([1, 0, 0, 0, 0], .compressed),
            ([0, 0, 0, 0, 101], .tooLong(byteCount: 101, byteCountMax: 100)),
            ([0, 255, 255, 255, 255], .tooLong(byteCount: 4_294_967_295, byteCountMax: 100)),
        ]
        for (prefix, failure) in table {
            var deframer = MessageDeframer(messageByteCountMax: 100)
            #expect(throws: failure) { try prefix.withUnsafeBytes { try deframer.append($0) { _ in } } }
        }
    }

    @Test("a message that grows past the memory taken at first keeps its bytes")
    func growth() throws {
        var generator = SeededGenerator(seed: 3)
        let message = generator.bytes(count: 3_000_001)
        let body = Self.frame(message)
        var deframer = MessageDeframer(messageByteCountMax: 4 << 20)
        var received: [Bytes] = []
        for start in stride(from: 0, to: body.count, by: 16_384) {
            try body[start..<min(start + 16_384, body.count)].withUnsafeBytes { piece in
                try deframer.append(piece) { received.append($0.bytes) }
            }
        }
        #expect(received.count == 1 && received.first == Bytes(message))
    }

    @Test(
        "B53 B54: compressed messages are refused with what the specification says",
        arguments: [
            (MessageEncoding.identity, StatusCode.internal, StatusCode.internal),
            (.unsupported("gzip"), .unimplemented, .internal),
        ])
    func compression(encoding: MessageEncoding, server: StatusCode, client: StatusCode) {
        #expect(MessageDeframer.Failure.compressed.serverError(encoding: encoding).code == server)
        #expect(MessageDeframer.Failure.compressed.clientError(encoding: encoding).code == client)
    }
}
