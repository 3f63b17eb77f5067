import ApusClient
import Messages
import RPC
import TLS
import Testing
import Vocabulary

@Suite("How calls of an ApusClient end", .timeLimit(.minutes(10)))
struct FailureTests {
    @Test("every status of gRPC arrives as its code and message", arguments: ApusError.Code.allCases)
    func codes(code: ApusError.Code) async throws {
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in
            throw ServingError(StatusCode(rawValue: code.rawValue)!, "größer als 5 %")
        }
        methods.register(serverStream: TextMethods.generate.path) { _, _, writer in
            // A server that is past the deadline drops what waits to be sent: it is of no use to anybody.
            if code != .deadlineExceeded { try await writer.write(GenerateResponse(text: "a").encoded()) }
            throw ServingError(StatusCode(rawValue: code.rawValue)!, "größer als 5 %")
        }
        try await TestServer.with(methods) { client in
            let expected = ApusError(code, "größer als 5 %")
            await #expect(throws: expected) { try await client.predict(model: "m") }
            var texts: [String] = []
            await #expect(throws: expected) {
                for try await piece in try await client.generate(model: "m", prompt: "") { texts.append(piece.text) }
            }
            // What came before the error is not lost.
            #expect(texts == (code == .deadlineExceeded ? [] : ["a"]))
            #expect(expected.description == "\(code.name): größer als 5 %")
        }
    }

    /// The handler waits until it is cancelled, and says so: the test then knows that the server was told.
    private func hangingMethods() -> (MethodTable, started: AsyncStream<Void>, cancelled: AsyncStream<Void>) {
        let (started, startedContinuation) = AsyncStream.makeStream(of: Void.self)
        let (cancelled, cancelledContinuation) = AsyncStream.makeStream(of: Void.self)
        let hang: @Sendable () async throws -> Void = {
            startedContinuation.yield()
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                cancelledContinuation.yield()
                throw error
            }
        }
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in
            try await hang()
            return Bytes()
        }
        methods.register(serverStream: TextMethods.generate.path) { _, _, writer in
            try await writer.write(GenerateResponse(text: "a").encoded())
            try await hang()
        }
        return (methods, started, cancelled)
    }

    @Test("cancelling the task cancels the call, here and at the server")
    func cancel() async throws {
        let (methods, started, cancelled) = hangingMethods()
        try await TestServer.with(methods) { client in
            let task = Task { try await client.predict(model: "m") }
            for await _ in started { break }
            task.cancel()
            let error = await #expect(throws: ApusError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            for await _ in cancelled { break }
        }
    }

    @Test("leaving a text early cancels the call at the server")
    func leaveEarly() async throws {
        let (methods, _, cancelled) = hangingMethods()
        try await TestServer.with(methods) { client in
            for try await piece in try await client.generate(model: "m", prompt: "") {
                #expect(piece.text == "a")
                break
            }
            for await _ in cancelled { break }
        }
    }

    @Test("a call that takes longer than its timeout fails, here and at the server")
    func timeout() async throws {
        let (methods, _, cancelled) = hangingMethods()
        try await TestServer.with(methods) { client in
            let error = await #expect(throws: ApusError.self) {
                try await client.predict(model: "m", timeout: .milliseconds(200))
            }
            #expect(error?.code == .deadlineExceeded)
            for await _ in cancelled { break }
            let late = await #expect(throws: ApusError.self) { try await client.predict(model: "m", timeout: .zero) }
            #expect(late?.code == .deadlineExceeded)
        }
    }

    @Test("S91: an answer that is not the message is INTERNAL")
    func unreadableAnswer() async throws {
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in Bytes([0xFF]) }
        methods.register(serverStream: TextMethods.generate.path) { _, _, writer in
            try await writer.write(Bytes([0xFF]))
        }
        try await TestServer.with(methods) { client in
            let unary = await #expect(throws: ApusError.self) { try await client.predict(model: "m") }
            #expect(unary?.code == .internal && unary?.message.contains("cannot be read") == true)
            let stream = await #expect(throws: ApusError.self) {
                for try await _ in try await client.generate(model: "m", prompt: "") {}
            }
            #expect(stream?.code == .internal)
        }
    }

    @Test("where nobody listens, calls fail as unavailable and say so")
    func refused() async throws {
        // Port 1 is reserved and nobody listens there.
        let configuration = ApusClientConfiguration(host: "127.0.0.1", port: 1, security: .plaintext)
        try await ApusClient.withClient(configuration) { client in
            let error = await #expect(throws: ApusError.self) { try await client.isServerReady() }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("Connection refused") == true)
        }
    }

    @Test("over mutual TLS a client with the server's authority gets through, and others do not")
    func mutualTLS() async throws {
        var methods = MethodTable()
        methods.register(unary: GRPCInferenceServiceMethods.serverReady.path) { context, _ in
            ServerReadyResponse(ready: context.peer?.principal == .tenant(TenantID("local")!)).encoded()
        }
        try await TestServer.withTLS(methods) { port, folder in
            let ours = ApusCertificates(folder: folder)
            let right = ApusClientConfiguration(host: "127.0.0.1", port: port, security: .mutualTLS(ours))
            #expect(try await ApusClient.withClient(right) { try await $0.isServerReady() })

            try await TestServer.withCertificates { others in
                // Believes the server, but shows a certificate of an authority that the server does not know.
                var stranger = ApusCertificates(folder: others.path)
                stranger.authorityFile = ours.authorityFile
                try await expectUnavailable(port, stranger, "the peer ended the TLS session")
                // Does not believe the server.
                try await expectUnavailable(port, ApusCertificates(folder: others.path), "peer certificate rejected")
            }
        }
    }

    private func expectUnavailable(_ port: UInt16, _ certificates: ApusCertificates, _ words: String) async throws {
        let configuration = ApusClientConfiguration(host: "127.0.0.1", port: port, security: .mutualTLS(certificates))
        try await ApusClient.withClient(configuration) { client in
            let error = await #expect(throws: ApusError.self) { try await client.isServerReady() }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test("certificates that cannot be read are named before anything is connected")
    func missingCertificates() {
        let configuration = ApusClientConfiguration(
            host: "127.0.0.1", security: .mutualTLS(ApusCertificates(folder: "/nowhere")))
        let error = #expect(throws: ApusError.self) { try ApusClient(configuration) }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("/nowhere/") == true)
    }
}
