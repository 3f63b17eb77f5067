import RPC
import RPCTransport
import Vocabulary

/// `large_unary` again and again.
extension ClientCases {
    static let soakCases = [
        InteropClient.Case(name: "rpc_soak") { try await $0.rpcSoak() },
        InteropClient.Case(name: "channel_soak") { try await $0.channelSoak() },
    ]

    private func rpcSoak() async throws {
        for _ in 0..<soakIterationCount { try await largeUnary() }
    }

    private func channelSoak() async throws {
        for _ in 0..<soakIterationCount {
            let channel = newChannel()
            try await ClientCases(
                channel: channel, soakIterationCount: 1, probesCompression: false, newChannel: newChannel
            ).largeUnary()
            await channel.close()
        }
    }
}
