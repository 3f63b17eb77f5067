import Glibc
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Calls over loopback", .timeLimit(.minutes(10)))
struct EndToEndTests {
    @Test("B42 B44 B51 B70: a unary call brings its message and metadata back", arguments: [true, false])
    func unary(isSecure: Bool) async throws {
        try await Loopback.with(isSecure: isSecure) { loopback in
            var options = CallOptions()
            try options.metadata.append("x-grpc-test-echo-initial", "test_initial_metadata_value")
            try options.metadata.append("x-grpc-test-echo-trailing-bin", binary: Bytes([0xAB, 0xAB, 0xAB]))
            let response = try await loopback.channel.unary(EchoService.unary, Bytes(utf8: "hello"), options: options)
            #expect(response.message.utf8String == "hello")
            #expect(response.initialMetadata.firstText(of: "x-grpc-test-echo-initial") == "test_initial_metadata_value")
            #expect(
                response.trailingMetadata.firstBinary(of: "x-grpc-test-echo-trailing-bin") == Bytes([0xAB, 0xAB, 0xAB]))
            let empty = try await loopback.channel.unary(EchoService.unary, Bytes())
            #expect(empty.message.isEmpty)
            let record = try #require(loopback.service.records.withLock { $0.first })
            #expect(record.status == .ok && record.method == "/test.Echo/Unary")
            #expect(record.requestByteCount == 5 && record.responseByteCount == 5)
            #expect((record.peer != nil) == isSecure)
        }
    }

    @Test("B45 B46: a value of 63 KiB comes back where limits allow it, and values of one name stay apart in trailers")
    func longAndEqualValues() async throws {
        try await Loopback.with { server, client in
            server.http2.headerListByteCountMax = 128 << 10
            client.http2.headerListByteCountMax = 128 << 10
        } _: { loopback in
            let long = String(repeating: "{\"long\"} ", count: 7 << 10)
            let values = [Bytes([1]), Bytes(), Bytes([1, 2])]
            var options = CallOptions()
            try options.metadata.append("x-grpc-test-echo-initial", long)
            for value in values { try options.metadata.append("x-grpc-test-echo-trailing-bin", binary: value) }
            let response = try await loopback.channel.unary(EchoService.unary, Bytes([1]), options: options)
            #expect(response.initialMetadata.firstText(of: "x-grpc-test-echo-initial") == long)
            let trailing = response.trailingMetadata.values(of: "x-grpc-test-echo-trailing-bin")
            #expect(trailing == values.map { .binary($0) })
        }
    }

    @Test("a server stream brings every message, then its end")
    func serverStream() async throws {
        try await Loopback.with { loopback in
            let call = await loopback.channel.stream(EchoService.serverStream)
            try await call.write(Bytes(utf8: "1000 100"))
            try await call.finishWriting()
            var count = 0
            while let message = try await call.next() {
                count += 1
                #expect(message.count == 100)
            }
            #expect(count == 1000)
        }
    }

    @Test("a client stream is answered with one message")
    func clientStream() async throws {
        try await Loopback.with { loopback in
            let call = await loopback.channel.stream(EchoService.clientStream)
            for count in 0..<100 { try await call.write(Bytes([UInt8](repeating: 1, count: count))) }
            try await call.finishWriting()
            #expect(try await call.next()?.utf8String == "4950")
            #expect(try await call.next() == nil)
        }
    }

    @Test("a bidirectional stream answers each message before the next is sent")
    func bidirectional() async throws {
        try await Loopback.with { loopback in
            let call = await loopback.channel.stream(EchoService.bidirectional)
            for number in 0..<50 {
                try await call.write(Bytes(utf8: "message \(number)"))
                #expect(try await call.next()?.utf8String == "message \(number)")
            }
            try await call.finishWriting()
            #expect(try await call.next() == nil)
        }
    }

    @Test(
        "S81 S82: a handler's error arrives with its message and trailers",
        arguments: StatusCode.allCases.filter { $0 != .ok })
    func handlerError(code: StatusCode) async throws {
        try await Loopback.with(isSecure: false) { loopback in
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.fail, Bytes([UInt8(code.rawValue)]))
            }
            #expect(failure?.error.code == code)
            #expect(
                failure?.error.message == "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")
            #expect(failure?.trailingMetadata.firstBinary(of: "x-detail-bin") == Bytes([0xAB, 0xAB, 0xAB]))
        }
    }

    @Test("S90: an error that is no status is UNKNOWN, and says nothing of its inside")
    func foreignError() async throws {
        try await Loopback.with(isSecure: false) { loopback in
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.fail, Bytes([99]))
            }
            #expect(failure?.error.code == .unknown)
            #expect(failure?.error.message == "the handler failed")
        }
    }

    @Test(
        "S22: a path that is no method is UNIMPLEMENTED",
        arguments: ["/test.Echo/Nothing", "/foo", "//", "/test.Echo/Unary/", "/test.echo/unary", "/"])
    func unknownMethod(path: String) async throws {
        try await Loopback.with(isSecure: false) { loopback in
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(Bytes(utf8: path), Bytes())
            }
            #expect(failure?.error.code == .unimplemented)
        }
    }

    @Test("sixty-four calls at once come back, each with its own answer")
    func concurrentCalls() async throws {
        try await Loopback.with { loopback in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        for round in 0..<20 {
                            let message = Bytes(utf8: "\(number) \(round)")
                            let response = try await loopback.channel.unary(EchoService.unary, message)
                            guard response.message == message else { return false }
                        }
                        return true
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("B121: a message of 32 MiB goes there and back")
    func largeMessage() async throws {
        try await Loopback.with { server, _ in
            server.calls.requestByteCountMax = 64 << 20
        } _: { loopback in
            let message = Self.countingMessage(byteCount: 32 << 20)
            var options = CallOptions()
            options.responseByteCountMax = 64 << 20
            let response = try await loopback.channel.unary(EchoService.unary, message, options: options)
            #expect(Self.haveSameBytes(response.message, message))
        }
    }

    /// 0, 1, 2, … as 64-bit numbers: every piece of it is in one place only.
    private static func countingMessage(byteCount: Int) -> Bytes {
        Bytes(byteCount: byteCount) { bytes in
            for (index, _) in bytes.bindMemory(to: Int.self).enumerated() {
                bytes.storeBytes(of: index, toByteOffset: index * 8, as: Int.self)
            }
        }
    }

    /// memcmp(3): comparing element by element takes seconds in a debug build.
    private static func haveSameBytes(_ left: Bytes, _ right: Bytes) -> Bool {
        left.count == right.count
            && left.withUnsafeBytes { left in
                right.withUnsafeBytes { memcmp(left.baseAddress!, $0.baseAddress!, left.count) == 0 }
            }
    }

    @Test("B56: a message over the limit is RESOURCE_EXHAUSTED on the side that receives it")
    func messageTooLong() async throws {
        try await Loopback.with(isSecure: false) { server, _ in
            server.calls.requestByteCountMax = 1000
        } _: { loopback in
            let toServer = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.unary, Bytes([UInt8](repeating: 1, count: 1001)))
            }
            #expect(toServer?.error.code == .resourceExhausted)
            #expect(toServer?.error.message == "a message of 1001 bytes is over the limit of 1000")
            var options = CallOptions()
            options.responseByteCountMax = 999
            let toClient = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(
                    EchoService.unary, Bytes([UInt8](repeating: 1, count: 1000)), options: options)
            }
            #expect(toClient?.error.code == .resourceExhausted)
        }
    }

    @Test("B110 S111: a deadline ends a call that nobody answers")
    func deadline() async throws {
        try await Loopback.with { loopback in
            var options = CallOptions()
            options.deadline = Loopback.deadline(milliseconds: 50)
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.hang, Bytes(), options: options)
            }
            #expect(failure?.error.code == .deadlineExceeded)
        }
    }

    @Test("C14: a deadline that has passed fails without asking the server")
    func expiredDeadline() async throws {
        try await Loopback.with(isSecure: false) { loopback in
            var options = CallOptions()
            options.deadline = Deadline(MonotonicTime(nanoseconds: 1))
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.unary, Bytes(), options: options)
            }
            #expect(failure?.error.code == .deadlineExceeded)
            #expect(loopback.service.records.withLock { $0.isEmpty })
        }
    }

    @Test("B112: cancelling the task of a call cancels its handler")
    func taskCancellation() async throws {
        try await Loopback.with { loopback in
            let task = Task { try await loopback.channel.unary(EchoService.hang, Bytes()) }
            await loopback.service.hangDidStart.wait()
            task.cancel()
            let failure = await #expect(throws: RPCFailure.self) { try await task.value }
            #expect(failure?.error.code == .cancelled)
            await loopback.service.hangWasCancelled.wait()
        }
    }

    @Test("a client without the right certificate is refused", arguments: [true, false])
    func wrongCertificate(isAnonymous: Bool) async throws {
        let certificates = try TestCertificates()
        try await Loopback.with { server, client in
            server.tls = certificates.server
            client.tls = isAnonymous ? certificates.anonymousClient : certificates.strangeClient
        } _: { loopback in
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.unary, Bytes())
            }
            #expect(failure?.error.code == .unavailable)
            #expect(loopback.service.records.withLock { $0.isEmpty })
        }
    }

    @Test("C6: calls above the server's stream limit wait for their turn")
    func streamLimit() async throws {
        try await Loopback.with { server, _ in
            server.http2.concurrentStreamCountMax = 2
        } _: { loopback in
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...40 {
                    group.addTask {
                        let message = Bytes(utf8: String(number))
                        let response = try await loopback.channel.unary(EchoService.unary, message)
                        return Int(response.message.utf8String ?? "") ?? 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(answers == 820)
        }
    }

    @Test("a channel of several connections makes its calls on them in turn")
    func severalConnections() async throws {
        try await Loopback.with { _, client in
            client.connectionCount = 4
        } _: { loopback in
            for number in 0..<8 {
                let message = Bytes(utf8: String(number))
                let response = try await loopback.channel.unary(EchoService.unary, message)
                #expect(response.message == message)
            }
            #expect(loopback.server.connectionCount == 4)
        }
    }

    @Test("connections beyond the server's limit are closed on arrival")
    func connectionLimit() async throws {
        try await Loopback.with(isSecure: false) { server, client in
            server.connectionCountMax = 2
            client.connectionCount = 3
        } _: { loopback in
            var failureCount = 0
            for _ in 0..<3 {
                do throws(RPCFailure) {
                    _ = try await loopback.channel.unary(EchoService.unary, Bytes())
                } catch {
                    #expect(error.error.code == .unavailable)
                    failureCount += 1
                }
            }
            #expect(failureCount == 1 && loopback.server.connectionCount == 2)
        }
    }

    @Test("a target where nobody listens is UNAVAILABLE and says so")
    func nobodyListens() async throws {
        try await Loopback.with(isSecure: false) { _, _ in
        } _: { loopback in
            await loopback.server.drain(deadline: Loopback.deadline(milliseconds: 0))
            let failure = await #expect(throws: RPCFailure.self) {
                try await loopback.channel.unary(EchoService.unary, Bytes())
            }
            #expect(failure?.error.code == .unavailable)
            #expect(failure?.error.message.contains("Connection refused") == true)
        }
    }
}
