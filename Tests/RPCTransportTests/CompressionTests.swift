import Compression
import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@Suite("Compressed messages, both ways", .timeLimit(.minutes(10)))
struct CompressionTests {
    static let text = [UInt8](String(repeating: "the same words again and again. ", count: 100).utf8)

    static func compressed(_ message: [UInt8], _ format: CompressionFormat = .gzip) throws -> [UInt8] {
        try #require(Codec().compress(Bytes(message), format)).array
    }

    /// Cuts a body into messages.
    static func messages(_ body: [UInt8]) throws -> [FramedMessage] {
        var deframer = MessageDeframer(messageByteCountMax: 1 << 20)
        deframer.acceptsCompressed = true
        var messages: [FramedMessage] = []
        try body.withUnsafeBytes { try deframer.append($0) { messages.append($0) } }
        return messages
    }

    // MARK: Requests

    @Test(
        "B50 B59: a server reads compressed and plain messages of one request", arguments: CompressionFormat.allCases)
    func request(format: CompressionFormat) throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let body =
            RawClient.frame(try Self.compressed(Self.text, format), flag: 1).array + RawClient.frame([1, 2, 3]).array
            + RawClient.frame(try Self.compressed(Self.text, format), flag: 1).array
        let headers = try RawClient.headers(
            path: "/test.Echo/Bidirectional", [("grpc-encoding", format.rawValue)])
        let answer = try bench.request(client, headers, body: body)
        #expect(answer.status == 0)
        #expect(try Self.messages(answer.body).map(\.bytes.array) == [Self.text, [1, 2, 3], Self.text])
    }

    @Test(
        "B53: a compressed message without an encoding is INTERNAL", arguments: [[], [("grpc-encoding", "identity")]])
    func noEncoding(headers: [(String, String)]) throws {
        let bench = try Workbench()
        let body = RawClient.frame(try Self.compressed(Self.text), flag: 1).array
        #expect(try bench.request(bench.connect(), RawClient.headers(headers), body: body).status == 13)
    }

    @Test("B54: an unknown encoding is UNIMPLEMENTED once a message uses it, with those that are known")
    func unknownEncoding() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let headers = try RawClient.headers([("grpc-encoding", "zstd")])
        let answer = try bench.request(client, headers, body: RawClient.frame([1], flag: 1).array)
        #expect(answer.status == 12)
        #expect(answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip")
        #expect(answer.headers["grpc-message"]?.contains("'zstd'") == true)
        #expect(try bench.request(client, headers, body: RawClient.frame([1]).array).status == 0)
    }

    @Test("B55: a compressed message that is no such thing is INTERNAL, for handlers of one message and of many")
    func corrupt() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        for path in ["/test.Echo/Unary", "/test.Echo/Bidirectional", "/test.Echo/ClientStream"] {
            let headers = try RawClient.headers(path: path, [("grpc-encoding", "gzip")])
            let answer = try bench.request(client, headers, body: RawClient.frame([1, 2, 3], flag: 1).array)
            #expect(answer.status == 13)
            var body = try Self.compressed(Self.text)
            body.removeLast()
            #expect(try bench.request(client, headers, body: RawClient.frame(body, flag: 1).array).status == 13)
        }
        #expect(bench.service.records.withLock { Set($0.map(\.label)) } == ["malformed_compression"])
    }

    @Test("B56: the limit counts decompressed bytes")
    func limit() throws {
        let bench = try Workbench { $0.calls.requestByteCountMax = 3200 }
        let client = try bench.connect()
        let headers = try RawClient.headers([("grpc-encoding", "gzip")])
        #expect(Self.text.count == 3200)
        let fits = RawClient.frame(try Self.compressed(Self.text), flag: 1).array
        #expect(try bench.request(client, headers, body: fits).status == 0)
        let tooLong = RawClient.frame(try Self.compressed(Self.text + [0]), flag: 1).array
        let answer = try bench.request(client, headers, body: tooLong)
        #expect(answer.status == 8)
        #expect(answer.headers["grpc-message"] == "a compressed message holds more than the limit of 3200 bytes")
    }

    @Test("B56: messages that wait for their reader wait as they came, so bombs multiply by the reader's pace only")
    func bombsWait() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        let zeros = [UInt8](repeating: 0, count: 4 << 20)
        let bomb = try Self.compressed(zeros)
        let body = (0..<40).flatMap { _ in RawClient.frame(bomb, flag: 1).array }
        #expect(body.count < 1 << 20)
        let headers = try RawClient.headers(path: "/test.Echo/ClientStream", [("grpc-encoding", "gzip")])
        let answer = try bench.request(client, headers, body: body)
        #expect(answer.status == 0)
        #expect(try Self.messages(answer.body).map(\.bytes.utf8String) == ["\(40 * zeros.count)"])
    }

    @Test("a compressed message reaches a reader that waits for it, and a bad one ends its wait")
    func waitingReader() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        var stream: HTTP2Stream?
        try bench.speak(client) {
            stream = try client.session.openStream(
                RawClient.headers(path: "/test.Echo/Bidirectional", [("grpc-encoding", "gzip")]), .more)
        }
        let good = RawClient.frame(try Self.compressed(Self.text), flag: 1)
        try bench.speak(client) { client.session.submitData(stream!, good, .more) }
        #expect(try Self.messages(client.answer(stream!).body).map(\.bytes.array) == [Self.text])
        try bench.speak(client) { client.session.submitData(stream!, RawClient.frame([9], flag: 1), .more) }
        #expect(client.answer(stream!).status == 13)
        #expect(bench.service.records.withLock { $0.map(\.label) } == ["malformed_compression"])
    }

    // MARK: Responses

    /// A server that compresses what is at least 100 bytes long.
    private func compressingBench() throws -> Workbench {
        try Workbench { configuration in
            configuration.calls.compression.format = .gzip
            configuration.calls.compression.messageByteCountMin = 100
        }
    }

    @Test(
        "B60: a response is compressed only with what the client accepts",
        arguments: [
            (nil, false), ("identity", false), ("identity,deflate", false), ("gzip", true),
            ("identity, deflate, gzip", true), ("gzip,identity", true), ("xgzip,gzipx", false), ("", false),
        ] as [(String?, Bool)])
    func accepted(value: String?, isCompressed: Bool) throws {
        let bench = try compressingBench()
        let headers = try RawClient.headers(value.map { [("grpc-accept-encoding", $0)] } ?? [])
        let answer = try bench.request(bench.connect(), headers, body: RawClient.frame(Self.text).array)
        #expect(answer.status == 0)
        #expect(answer.headers["grpc-encoding"] == (isCompressed ? "gzip" : nil))
        let message = try #require(try Self.messages(answer.body).first)
        #expect(message.isCompressed == isCompressed)
        #expect(isCompressed || message.bytes.array == Self.text)
        if isCompressed {
            #expect(message.bytes.count < 100)
            #expect(try Codec().decompress(message.bytes, .gzip, byteCountMax: 4096).array == Self.text)
        }
    }

    @Test("B59: each message says for itself whether it is compressed: short ones and random ones are not")
    func eachMessage() throws {
        let bench = try compressingBench()
        let sent = [Self.text, [UInt8](repeating: 1, count: 99), [], Self.text]
        let headers = try RawClient.headers(path: "/test.Echo/Bidirectional", [("grpc-accept-encoding", "gzip")])
        let answer = try bench.request(
            bench.connect(), headers, body: sent.flatMap { RawClient.frame($0).array })
        let messages = try Self.messages(answer.body)
        #expect(messages.map(\.isCompressed) == [true, false, false, true])
        // A stream of its own for each: the same input is the same output.
        #expect(messages[0] == messages[3])
    }

    @Test(
        "messages that would take the loop for long are sent as they are",
        arguments: [(1 << 20, true), (1 << 20 + 1, false)])
    func longMessages(byteCount: Int, isCompressed: Bool) throws {
        let bench = try compressingBench()
        let headers = try RawClient.headers([("grpc-accept-encoding", "gzip")])
        let message = [UInt8](repeating: 1, count: byteCount)
        let answer = try bench.request(bench.connect(), headers, body: RawClient.frame(message).array)
        #expect(answer.status == 0)
        #expect(answer.body.first == (isCompressed ? 1 : 0))
    }

    @Test("B59: a handler chooses for its call, and leaves single messages as they are")
    func handlerChooses() throws {
        let bench = try Workbench()
        let client = try bench.connect()
        for (wish, encoding) in [("deflate", "deflate"), ("gzip", "gzip"), ("none", nil)] as [(String, String?)] {
            let headers = try RawClient.headers(
                path: "/test.Echo/Compressed", [("grpc-accept-encoding", "identity,deflate,gzip"), ("x-wish", wish)])
            let answer = try bench.request(client, headers, body: RawClient.frame(Self.text).array)
            #expect(answer.headers["grpc-encoding"] == encoding)
            let messages = try Self.messages(answer.body)
            // The handler sends its message as the call does, then with compression forbidden, then again.
            #expect(messages.map(\.isCompressed) == (encoding == nil ? [false, false, false] : [true, false, true]))
            #expect(messages[1].bytes.array == Self.text)
        }
    }

    @Test("B61: a response says which encodings the server accepts, whether it is compressed or not")
    func advertised() throws {
        for bench in [try Workbench(), try compressingBench()] {
            let client = try bench.connect()
            for accepted in ["gzip", "identity"] {
                let headers = try RawClient.headers([("grpc-accept-encoding", accepted)])
                let answer = try bench.request(client, headers, body: RawClient.frame(Self.text).array)
                #expect(answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip")
            }
        }
    }

    @Test("B57: the limit of responses counts bytes before they are compressed")
    func responseLimit() throws {
        let bench = try Workbench { configuration in
            configuration.calls.compression.format = .gzip
            configuration.calls.responseByteCountMax = Self.text.count - 1
        }
        let headers = try RawClient.headers([("grpc-accept-encoding", "gzip")])
        let answer = try bench.request(bench.connect(), headers, body: RawClient.frame(Self.text).array)
        #expect(answer.status == 8 && answer.body.isEmpty)
    }

    // MARK: The client

    @Test("B61: a client accepts all encodings, and names its own only when it has one")
    func clientHeaders() throws {
        let bench = try ChannelBench()
        _ = bench.call(Self.text)
        _ = bench.call(Self.text) { $0.compression = .gzip }
        let requests = bench.servers[0].requests
        #expect(requests.map { $0.fields.first { $0.name == "grpc-encoding" }?.value } == [nil, "gzip"])
        #expect(
            requests.map { $0.fields.first { $0.name == "grpc-accept-encoding" }?.value }
                == ["identity,deflate,gzip", "identity,deflate,gzip"])
        #expect(try Self.messages(requests[0].body) == [FramedMessage(Bytes(Self.text))])
        let message = try #require(try Self.messages(requests[1].body).first)
        #expect(message.isCompressed)
        #expect(try Codec().decompress(message.bytes, .gzip, byteCountMax: 4096).array == Self.text)
    }

    @Test("B59: a compressed request that is made again is the same")
    func refused() throws {
        let bench = try ChannelBench()
        _ = bench.call(Self.text) { $0.compression = .deflate }
        let server = bench.servers[0]
        try bench.speak(server) { server.session.reset(server.requests[0].stream, .refusedStream) }
        #expect(server.requests.count == 2 && server.requests[0].body == server.requests[1].body)
        #expect(try Self.messages(server.requests[1].body).map(\.isCompressed) == [true])
    }

    @Test(
        "B54 B55 B56: what a client makes of compressed responses",
        arguments: [
            ("gzip", 1, nil), ("gzip", 0, StatusCode.internal), ("deflate", 1, .internal), ("identity", 1, .internal),
            ("br", 1, .internal), (nil, 1, .internal),
        ] as [(String?, UInt8, StatusCode?)])
    func response(encoding: String?, flag: UInt8, code: StatusCode?) throws {
        let bench = try ChannelBench()
        let outcome = bench.call()
        var body = RawClient.frame(try Self.compressed(Self.text), flag: 1).array
        // Flag 0 stands for a message that is cut short inside.
        if flag == 0 { body = RawClient.frame(try Array(Self.compressed(Self.text).dropLast()), flag: 1).array }
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream,
            headers: ChannelTests.gRPCHeaders + (encoding.map { [("grpc-encoding", $0)] } ?? []), body: body,
            trailers: [("grpc-status", "0")])
        #expect(outcome.failure?.error.code == code)
        #expect(code != nil || outcome.response?.message.array == Self.text)
        // Only the timer that lets an idle channel go, and the one that looks for quiet connections.
        #expect(bench.loop.timerCount == 2)
    }

    @Test("B56: a response that grows over the client's limit is RESOURCE_EXHAUSTED")
    func responseTooLong() throws {
        let bench = try ChannelBench()
        let outcome = bench.call { $0.responseByteCountMax = Self.text.count - 1 }
        try bench.answer(
            bench.servers[0], bench.servers[0].requests[0].stream,
            headers: ChannelTests.gRPCHeaders + [("grpc-encoding", "gzip")],
            body: RawClient.frame(try Self.compressed(Self.text), flag: 1).array, trailers: [("grpc-status", "0")])
        #expect(outcome.failure?.error.code == .resourceExhausted)
    }

    @Test("B57: a request over the caller's limit fails here, and is not sent")
    func requestTooLong() throws {
        let bench = try ChannelBench()
        let outcome = bench.call([UInt8](repeating: 1, count: 11)) { $0.requestByteCountMax = 10 }
        #expect(outcome.failure?.error.code == .resourceExhausted)
        #expect(bench.servers.flatMap(\.requests).allSatisfy { $0.body.isEmpty })
    }

    @Test(
        "B59 B61: compressed calls over loopback, both ways", arguments: CompressionFormat.allCases, [true, false])
    func loopback(format: CompressionFormat, isSecure: Bool) async throws {
        try await Loopback.with(isSecure: isSecure) { server, _ in
            server.calls.compression.format = format
        } _: { loopback in
            var options = CallOptions()
            options.compression = format
            let response = try await loopback.channel.unary(EchoService.unary, Bytes(Self.text), options: options)
            #expect(response.message.array == Self.text)
            let record = try #require(loopback.service.records.withLock { $0.first })
            #expect(record.requestByteCount < 200 && record.responseByteCount < 200)
            let call = await loopback.channel.stream(EchoService.bidirectional, options: options)
            for number in 0..<20 {
                let message = Bytes(Self.text + [UInt8(number)])
                try await call.write(message, compression: number % 3 == 0 ? .forbidden : .allowed)
                #expect(try await call.next() == message)
            }
            try await call.finishWriting()
            #expect(try await call.next() == nil)
        }
    }

    @Test("B59: both sides can tell whether the message they took last came compressed")
    func wasCompressed() async throws {
        try await Loopback.with { _, _ in
        } _: { loopback in
            var options = CallOptions()
            options.compression = .gzip
            let path = Bytes(utf8: "/test.Echo/WasCompressed")
            let call = await loopback.channel.stream(path, options: options)
            for (compression, answer) in [(.allowed, "compressed"), (.forbidden, "plain"), (.allowed, "compressed")]
                as [(MessageCompression, String)]
            {
                try await call.write(Bytes(Self.text), compression: compression)
                #expect(try await call.next()?.utf8String == answer)
                #expect(await !call.responseWasCompressed())
            }
            call.cancel()
        }
        try await Loopback.with { server, _ in
            server.calls.compression.format = .deflate
        } _: { loopback in
            let call = await loopback.channel.stream(EchoService.bidirectional)
            for (text, isCompressed) in [(Self.text, true), ([1, 2, 3], false)] {
                try await call.write(Bytes(text))
                #expect(try await call.next()?.array == text)
                #expect(await call.responseWasCompressed() == isCompressed)
            }
            call.cancel()
        }
    }
}
