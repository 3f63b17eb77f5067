import EventLoops
import RPC
import RPCTransport
import Vocabulary

/// `apus-interop server --relay_to=HOST:PORT`: answers calls with what another server says to them.
///
/// What a handler's calls inherit of its own shows at that server: the deadline, and the end.
struct Relay: Sendable {
    let channel: RPCChannel

    init(target: String, loops: EventLoopGroup) throws {
        guard let target = ChannelTarget(target, defaultPort: 443) else {
            throw Flags.Failure(description: "--relay_to is HOST:PORT, not '\(target)'")
        }
        channel = RPCChannel(configuration: RPCChannelConfiguration(target: target), loops: loops)
    }

    var methods: MethodTable {
        var methods = MethodTable()
        for name in ["EmptyCall", "UnaryCall"] {
            methods.register(unary: TestService.path + name) { [channel] context, message in
                try await channel.unary(Bytes(utf8: context.path), message, options: context.optionsForCalls).message
            }
        }
        // Question and answer in turn, as `ping_pong` has them.
        methods.register(stream: TestService.path + "FullDuplexCall") { [channel] context, requests, writer in
            let call = await channel.stream(Bytes(utf8: context.path), options: context.optionsForCalls)
            while let request = try await requests.next() {
                try await call.write(request)
                if let response = try await call.next() { try await writer.write(response) }
            }
            try await call.finishWriting()
            while let response = try await call.next() { try await writer.write(response) }
        }
        return methods
    }
}
