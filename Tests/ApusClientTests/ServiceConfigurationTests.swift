import ApusClient
import Messages
import RPC
import Synchronization
import Testing
import Vocabulary

@Suite("An ApusClient with a service configuration", .timeLimit(.minutes(10)))
struct ServiceConfigurationTests {
    private static let retries = """
        {"methodConfig": [{"name": [{}], "retryPolicy": {
          "maxAttempts": 4, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
          "retryableStatusCodes": ["UNAVAILABLE"]}}]}
        """

    /// The metadata of every attempt that a server got, which fails the first `failureCount` of them.
    private final class Attempts: Sendable {
        let previous = Mutex<[String?]>([])

        func methods(failureCount: Int) -> MethodTable {
            var methods = MethodTable()
            methods.register(unary: GraphMethods.predict.path) { context, _ in
                let count = self.previous.withLock { previous in
                    previous.append(context.requestText(of: "grpc-previous-rpc-attempts"))
                    return previous.count
                }
                guard count > failureCount else { throw ServingError(.unavailable, "not yet") }
                return Bytes()
            }
            return methods
        }
    }

    @Test("C16 C160: over a network, a call that fails is made again until it succeeds")
    func succeeds() async throws {
        let attempts = Attempts()
        try await TestServer.with(attempts.methods(failureCount: 2), serviceConfig: Self.retries) { client in
            _ = try await client.predict(model: "m")
        }
        #expect(attempts.previous.withLock { $0 } == [nil, "1", "2"])
    }

    @Test("C160: over a network, a call that goes on to fail is given up after the attempts of its policy")
    func fails() async throws {
        let attempts = Attempts()
        try await TestServer.with(attempts.methods(failureCount: 9), serviceConfig: Self.retries) { client in
            await #expect(throws: ApusError(.unavailable, "not yet")) { try await client.predict(model: "m") }
        }
        #expect(attempts.previous.withLock { $0.count } == 4)
    }

    @Test("C154: a client whose configuration has an error is not made, and the error names the field")
    func invalid() async throws {
        var configuration = ApusClientConfiguration(host: "127.0.0.1", port: 1, security: .plaintext)
        configuration.serviceConfig = #"{"methodConfig": 1}"#
        let error = await #expect(throws: ApusError.self) { try await ApusClient.withClient(configuration) { _ in } }
        #expect(error?.code == .invalidArgument && error?.message.contains("methodConfig") == true)
    }
}
