import RPC
import RPCTransport
import Vocabulary

/// Cases against a server that misbehaves on purpose, named as the official server's `--test_case`.
///
/// - Source: grpc/grpc `doc/negative-http2-test-descriptions.md`.
extension ClientCases {
    static let againstMisbehavingServers = [
        InteropClient.Case(name: "goaway") { try await $0.goAway() },
        InteropClient.Case(name: "rst_after_header") { try await $0.reset() },
        InteropClient.Case(name: "rst_during_data") { try await $0.reset() },
        InteropClient.Case(name: "rst_after_data") { try await $0.reset() },
        InteropClient.Case(name: "ping") { try await $0.largeUnary() },
        InteropClient.Case(name: "max_streams") { try await $0.maxStreams() },
        InteropClient.Case(name: "data_frame_padding") { try await $0.largeUnary() },
        InteropClient.Case(name: "no_df_padding_sanity_test") { try await $0.largeUnary() },
    ]

    /// The server says GOAWAY during the first call; the second needs a connection of its own.
    private func goAway() async throws {
        try await largeUnary()
        try await largeUnary()
    }

    /// The server resets the stream with NO_ERROR before trailers.
    private func reset() async throws {
        do {
            try await largeUnary()
        } catch is RPCFailure {
            return
        }
        throw CaseFailure(description: "the call succeeded although its stream was reset")
    }

    /// The server allows one stream at a time, from its second SETTINGS on.
    private func maxStreams() async throws {
        try await largeUnary()
        try await withThrowingTaskGroup { group in
            for _ in 0..<15 { group.addTask { try await largeUnary() } }
            try await group.waitForAll()
        }
    }
}
