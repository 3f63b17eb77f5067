import EventLoops
import HTTP2
import RPC
import Vocabulary

/// Asks the server at the other end of one connection for a service's health, until it is stopped.
///
/// - Isolation: its loop.
final class HealthWatch: ClientCallQueue, @unchecked Sendable {
    // @unchecked: touched on the connection's loop only.

    private static let path = Bytes(utf8: "/grpc.health.v1.Health/Watch")
    /// A response is a few bytes.
    private static let responseByteCountMax = 1 << 10

    let connection: ClientConnection
    /// Its calls are made once; `HealthCheck` says when the next follows.
    var retrying: CallRetrying? { nil }
    private let request: Bytes
    private let environment: SubchannelEnvironment
    private let verdictDidChange: (HealthCheck.Verdict) -> Void
    private var check = HealthCheck()
    private var call: ClientCall?
    private var timer: TimerID?
    private var isStopped = false

    /// A watch that is not started yet; `verdictDidChange` is called on the loop, until `stop`.
    init(
        _ service: String, on connection: ClientConnection, environment: SubchannelEnvironment,
        verdictDidChange: @escaping (HealthCheck.Verdict) -> Void
    ) {
        self.connection = connection
        self.environment = environment
        self.verdictDidChange = verdictDidChange
        request = HealthCheck.request(service: service)
    }

    /// Whether a call is open, which is none of the channel's users.
    var isCalling: Bool { call != nil }

    func start() {
        guard !isStopped else { return }
        var options = CallOptions()
        options.responseByteCountMax = Self.responseByteCountMax
        let call = ClientCall(
            path: Self.path, options: options, takesOneMessage: false, loop: environment.loop, queue: self)
        do throws(HTTP2Error) { try connection.openUncounted(call) } catch { return callDidEnd(.unavailable) }
        self.call = call
        _ = Task.immediate(executorPreference: environment.loop) { await self.follow(call) }
    }

    private func follow(_ call: ClientCall) async {
        do throws(RPCFailure) {
            try await call.write(request)
            try await call.finishWriting()
            while let response = try await call.next() {
                update { $0.responseArrived(response) }
            }
            callDidEnd(.ok)
        } catch {
            callDidEnd(error.error.code)
        }
    }

    private func callDidEnd(_ code: StatusCode) {
        call = nil
        var delay: UInt64?
        let random = environment.configuration.random()
        update { delay = $0.watchEnded(code, environment.configuration.backoff, random: random) }
        guard let delay, !isStopped else { return }
        timer = environment.loop.schedule(afterNanoseconds: delay) {
            self.timer = nil
            self.start()
        }
    }

    private func update(_ change: (inout HealthCheck) -> Void) {
        let old = check.verdict
        change(&check)
        if !isStopped, check.verdict != old { verdictDidChange(check.verdict) }
    }

    /// Ends the call, and tells nothing more.
    func stop() {
        isStopped = true
        if let timer { environment.loop.cancel(timer) }
        timer = nil
        call?.cancel()
    }

    func callLeftQueue(_ call: ClientCall) {}

    func enqueueAgain(_ call: ClientCall, afterNanoseconds delay: UInt64) {
        call.fail(ServingError(.unavailable, "the server refused the stream", label: "stream_refused"))
    }
}
