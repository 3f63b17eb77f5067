import EventLoops
import HTTP2
import RPC
import RPCTransport
import Synchronization
import TestSupport
import Testing
import Vocabulary

@Suite("Long compressed messages, unfolded in many turns")
struct UnfoldingTests {
    /// Far more than a turn unfolds.
    private static let byteCount = 8 << 20

    private static func zeros(_ byteCount: Int) throws -> Bytes {
        RawClient.frame(try CompressionTests.compressed([UInt8](repeating: 0, count: byteCount)), flag: 1)
    }

    /// A server that is in the middle of a client's message.
    private struct Scene {
        let bench: Workbench
        let client: RawClient
        let stream: HTTP2Stream

        init(
            path: String = "/test.Echo/ClientStream", headers: [(String, String)] = [],
            _ configure: (inout RPCServerConfiguration) -> Void = { _ in }
        ) throws {
            bench = try Workbench { configuration in
                configuration.calls.requestByteCountMax = 64 << 20
                configure(&configuration)
            }
            client = try bench.connect()
            let message = try zeros(byteCount)
            stream = try bench.loop.becomeCurrent { [client] in
                let list = try RawClient.headers(path: path, [("grpc-encoding", "gzip")] + headers)
                let opened = try client.session.openStream(list, .more)
                client.session.submitData(opened, message, .end)
                try client.flush()
                return opened
            }
            turn(5)
        }

        func turn(_ count: Int) {
            for _ in 0..<count { bench.loop.runTurn() }
        }

        /// Messages being unfolded, and bytes of requests that are held.
        var held: (messages: Int, bytes: Int) {
            bench.loop.becomeCurrent { (bench.transport.unfoldingMessageCount, bench.transport.heldRequestByteCount) }
        }
    }

    @Test("while one is unfolded, the calls of others are answered")
    func others() throws {
        let scene = try Scene()
        #expect(scene.held.messages == 1)
        let (other, stream) = try scene.bench.loop.becomeCurrent {
            let other = try RawClient(scene.bench.transport.connect(), loop: scene.bench.loop)
            let stream = try other.session.openStream(RawClient.headers(), .more)
            other.session.submitData(stream, RawClient.frame([1, 2, 3]), .end)
            try other.flush()
            return (other, stream)
        }
        scene.turn(6)
        #expect(other.answer(stream).status == 0)
        #expect(scene.held.messages == 1 && scene.client.answer(scene.stream).status == nil)
        scene.bench.settle()
        #expect(scene.client.answer(scene.stream).status == 0)
        #expect(scene.client.answer(scene.stream).body.dropFirst(5) == Array("\(Self.byteCount)".utf8)[...])
        #expect(scene.held == (0, 0))
    }

    /// How a call ends while its message is unfolded.
    enum End: CaseIterable {
        case reset, deadline, connectionLost, shutdown
    }

    @Test(
        "a call that ends meanwhile frees all of it", arguments: End.allCases,
        ["/test.Echo/Unary", "/test.Echo/ClientStream"])
    func end(_ end: End, path: String) throws {
        let scene = try Scene(path: path, headers: [("grpc-timeout", "10S")])
        #expect(scene.held.messages == 1 && scene.held.bytes > 256 << 10)
        switch end {
        case .reset:
            try scene.bench.loop.becomeCurrent {
                scene.client.session.reset(scene.stream, .cancel)
                try scene.client.flush()
            }
        case .deadline: scene.bench.clock.advance(byNanoseconds: 10_000_000_000)
        case .connectionLost: scene.bench.loop.becomeCurrent { scene.client.close() }
        case .shutdown: scene.bench.loop.becomeCurrent { scene.bench.transport.shutDown() }
        }
        scene.turn(4)
        #expect(scene.held == (0, 0))
        let labels = scene.bench.service.records.withLock { $0.map(\.label) }
        switch end {
        case .reset: #expect(labels == ["client_reset"])
        case .deadline: #expect(scene.client.answer(scene.stream).status == 4)
        case .connectionLost: #expect(labels == ["connection_lost"])
        case .shutdown: #expect(scene.client.answer(scene.stream).status == 14)
        }
    }

    @Test("what a connection may hold is counted while it is unfolded, not behind it")
    func budget() throws {
        let scene = try Scene { $0.requestBudget.connectionByteCountMax = 2 << 20 }
        #expect(scene.held.messages == 1)
        scene.turn(8)
        #expect(scene.client.answer(scene.stream).status == 8)
        #expect(scene.held == (0, 0))
        #expect(scene.bench.service.records.withLock { $0.map(\.label) } == ["request_budget"])
    }

    @Test("messages keep their order, whatever they take")
    func order() throws {
        let bench = try Workbench()
        let lengths = [600_000, 10, 700_000, 3]
        let body = try lengths.enumerated().flatMap { index, length in
            index == 3
                ? RawClient.frame([UInt8](repeating: 0, count: length)).array
                : index == 1
                    ? RawClient.frame(try CompressionTests.compressed(CompressionTests.text), flag: 1).array
                    : try Self.zeros(length).array
        }
        let headers = try RawClient.headers(path: "/test.Echo/Bidirectional", [("grpc-encoding", "gzip")])
        let answer = try bench.request(bench.connect(), headers, body: body)
        #expect(answer.status == 0)
        #expect(
            try CompressionTests.messages(answer.body).map(\.bytes.count)
                == [600_000, CompressionTests.text.count, 700_000, 3])
    }

    // MARK: The client

    /// A call whose answer has come and is being unfolded.
    private func answeredCall(trailers: [(String, String)]?) throws -> (ChannelBench, ChannelBench.Outcome) {
        let bench = try ChannelBench()
        let outcome = bench.call { $0.responseByteCountMax = 64 << 20 }
        let server = bench.servers[0]
        let message = try Self.zeros(Self.byteCount)
        try bench.loop.becomeCurrent {
            let list = try ChannelBench.list(ChannelTests.gRPCHeaders + [("grpc-encoding", "gzip")])
            try server.session.submitHeaders(server.requests[0].stream, list, .more)
            server.session.submitData(server.requests[0].stream, message, .more)
            if let trailers {
                try server.session.submitTrailers(server.requests[0].stream, ChannelBench.list(trailers))
            }
            try server.flush()
        }
        for _ in 0..<6 { bench.loop.runTurn() }
        #expect(!outcome.isFinished)
        return (bench, outcome)
    }

    @Test("a client takes a message that is unfolded after its status has come")
    func response() throws {
        let (bench, outcome) = try answeredCall(trailers: [("grpc-status", "0")])
        bench.settle()
        #expect(outcome.response?.message.count == Self.byteCount)
    }

    @Test("a client that cancels its call does not wait for the message")
    func cancel() throws {
        let (bench, outcome) = try answeredCall(trailers: nil)
        bench.loop.becomeCurrent { outcome.task?.cancel() }
        for _ in 0..<3 { bench.loop.runTurn() }
        #expect(outcome.failure?.error.code == .cancelled)
    }
}
