import InferenceService
import Messages
import RPC
import RPCTransport
import Testing
import Vocabulary

/// Health and reflection as a client meets them: over HTTP/2, through the gate, with the other services.
@Suite struct WholeServerTests {
    @Test("S171: every service that reflection lists has every method it describes, and no other is registered")
    func methodsAreComplete() async throws {
        try await WholeServer.with { whole in
            var table = MethodTable()
            whole.services.register(in: &table, through: CallGate.open)
            let described = ServiceDescriptors.apus.methodPaths
            #expect(Set(table.paths) == Set(described))
            #expect(described.count > 15)
        }
    }

    @Test("S170: health follows readiness, for those who check and those who watch")
    func health() async throws {
        try await WholeServer.with { whole in
            #expect(try await whole.call(HealthMethods.check, HealthCheckRequest()).status == .notServing)
            let watch = await whole.channel.stream(Bytes(utf8: HealthMethods.watch.path))
            try await watch.write(HealthCheckRequest(service: "inference.GRPCInferenceService").encoded())
            try await watch.finishWriting()
            #expect(try await next(of: watch) == .notServing)
            whole.servingState.isServing = true
            #expect(try await next(of: watch) == .serving)
            #expect(try await whole.call(HealthMethods.list, HealthListRequest()).statuses.count > 5)
            whole.servingState.isServing = false
            whole.services.endWatches()
            #expect(try await next(of: watch) == .notServing)
            let failure = await #expect(throws: RPCFailure.self) { try await watch.next() }
            #expect(failure?.error.code == .unavailable)
        }
    }

    @Test("C155: a client that checks health sends calls while the server is ready for them", .timeLimit(.minutes(10)))
    func clientSideHealth() async throws {
        let serviceConfig = try ServiceConfig(
            json: """
                {"loadBalancingConfig": [{"round_robin": {}}],
                 "healthCheckConfig": {"serviceName": "inference.GRPCInferenceService"}}
                """)
        try await WholeServer.with(configureChannel: { $0.serviceConfig = serviceConfig }) { whole in
            func check(waitsForReady: Bool) async throws {
                var options = CallOptions()
                options.waitsForReady = waitsForReady
                _ = try await whole.channel.unary(
                    Bytes(utf8: HealthMethods.check.path), HealthCheckRequest().encoded(), options: options)
            }
            var failure = await #expect(throws: RPCFailure.self) { try await check(waitsForReady: false) }
            #expect(failure?.error.label == "unhealthy")
            whole.servingState.isServing = true
            try await check(waitsForReady: true)
            whole.servingState.isServing = false
            // Calls may pass until the news has come.
            failure = nil
            while failure == nil {
                do { try await check(waitsForReady: false) } catch let error as RPCFailure { failure = error }
            }
            #expect(failure?.error.label == "unhealthy")
        }
    }

    private func next(of watch: ClientCall) async throws -> HealthTable.Status? {
        try await watch.next().map { try HealthCheckResponse(decoding: $0).status }
    }

    @Test(
        "S171: reflection answers question after question, under both names",
        arguments: [ServerReflectionMethods.serverReflectionInfo.path, ReflectionService.alphaSignature.path])
    func reflection(path: String) async throws {
        try await WholeServer.with { whole in
            let call = await whole.channel.stream(Bytes(utf8: path))
            let questions: [ServerReflectionRequest.MessageRequest] = [
                .listServices(""), .fileByFilename("nothing"), .fileContainingSymbol("inference.InferParameter"),
            ]
            for question in questions {
                let request = ServerReflectionRequest(messageRequest: question)
                try await call.write(request.encoded())
                let answer = try #require(try await call.next())
                #expect(
                    try ServerReflectionResponse(decoding: answer) == ReflectionService().answer(request))
            }
            try await call.finishWriting()
            #expect(try await call.next() == nil)
        }
    }

    @Test("S91: bytes that are not the message fail the call, naming the message, and nothing else")
    func undecodable() async throws {
        try await WholeServer.with { whole in
            let failure = await #expect(throws: RPCFailure.self) {
                try await whole.channel.unary(Bytes(utf8: HealthMethods.check.path), Bytes([0x0A, 0xFF]))
            }
            #expect(failure?.error.code == .internal)
            #expect(failure?.error.message.contains("grpc.health.v1.HealthCheckRequest") == true)
            let next = try await whole.call(HealthMethods.check, HealthCheckRequest())
            #expect(next.status == .notServing)
        }
    }
}
