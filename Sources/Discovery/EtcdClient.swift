import Messages
import RPC
package import RPCTransport
import Synchronization
package import Vocabulary

/// Calls an etcd: one of its servers, and the next one when that does not answer.
///
/// Every call names what it wants to be true afterwards, so one whose answer was lost is made again elsewhere.
///
/// - Isolation: any thread.
/// - Source: etcd's documentation, "API reference", version 3.
package final class EtcdClient: Sendable {
    /// How long one server gets for an answer.
    package static let attemptNanoseconds: UInt64 = 1_000_000_000
    /// How long it gets to check a password, whose hash is meant to take time.
    static let authenticationNanoseconds: UInt64 = 5_000_000_000
    /// Keys that a listing may have.
    package static let keyCountMax = 4096

    /// One for each server.
    private let channels: [RPCChannel]
    private let user: EtcdUser?
    private let clock: any MonotonicClock
    /// Which of them is called.
    private let current = Atomic(0)
    /// The user's; nil until one is asked for, and when etcd does not know it any more.
    private let token = Mutex<EtcdToken?>(nil)

    /// - Parameters:
    ///   - channels: to each server of the etcd, at least one; `close` closes them.
    ///   - user: who calls; nil for an etcd that does not ask, or takes the name in the certificate for it.
    ///   - clock: of deadlines.
    package init(channels: [RPCChannel], user: EtcdUser? = nil, clock: any MonotonicClock) {
        precondition(!channels.isEmpty, "an etcd without servers")
        self.channels = channels
        self.user = user
        self.clock = clock
    }

    /// The keys that begin with `prefix`, without their values, and the revision as of which they are.
    ///
    /// - Throws: RESOURCE_EXHAUSTED when there are more than `keyCountMax`.
    func keys(under prefix: KeyPrefix) async throws(RPCFailure) -> (keys: [Bytes], revision: Int64) {
        let request = EtcdRangeRequest(
            key: prefix.first, rangeEnd: prefix.end, limit: Int64(Self.keyCountMax), keysOnly: true)
        let response = try await call(EtcdKVMethods.range, request)
        guard !response.more else {
            throw RPCFailure(.resourceExhausted, "more than \(Self.keyCountMax) keys begin with \(prefix)")
        }
        return (response.kvs.map(\.key), response.header?.revision ?? 0)
    }

    /// Whether a key is there.
    func hasKey(_ key: Bytes) async throws(RPCFailure) -> Bool {
        !(try await call(EtcdKVMethods.range, EtcdRangeRequest(key: key, limit: 1, keysOnly: true)).kvs.isEmpty)
    }

    /// Writes a key that goes when `lease` does.
    func put(_ key: Bytes, _ value: Bytes, lease: Int64) async throws(RPCFailure) {
        _ = try await call(EtcdKVMethods.put, EtcdPutRequest(key: key, value: value, lease: lease))
    }

    /// Begins a lease with a number of the caller's.
    func grant(_ lease: Int64, seconds: Int64) async throws(RPCFailure) {
        _ = try await call(EtcdLeaseMethods.leaseGrant, EtcdLeaseGrantRequest(ttl: seconds, id: lease))
    }

    /// Ends a lease; its keys are gone when this returns.
    func revoke(_ lease: Int64) async throws(RPCFailure) {
        _ = try await call(EtcdLeaseMethods.leaseRevoke, EtcdLeaseRevokeRequest(id: lease))
    }

    /// Renews a lease; false when there is no such lease any more.
    ///
    /// One call each time, because a call that goes on for as long as the lease would stay with a server that is cut
    /// off from the others.
    func keepAlive(_ lease: Int64) async throws(RPCFailure) -> Bool {
        let request = EtcdLeaseKeepAliveRequest(id: lease).encoded()
        return try await asUser { channel, options throws(RPCFailure) in
            let call = await channel.stream(Bytes(utf8: EtcdLeaseMethods.leaseKeepAlive.path), options: options)
            // Whatever else comes is nobody's.
            defer { call.cancel() }
            try await call.write(request)
            try await call.finishWriting()
            guard let answer = try await call.next() else {
                throw RPCFailure(.unavailable, "etcd ended a keep-alive without an answer")
            }
            return try Self.decoded(EtcdLeaseKeepAliveResponse.self, answer).ttl > 0
        }
    }

    /// Tells of what happens to the keys that begin with `prefix`, from `revision` on.
    ///
    /// Returns when etcd ends the watch because it has compacted its revision, and throws when it gives another reason.
    /// Servers that lose their leader end it too, so that it does not stay silent while others tell more.
    func watch(
        _ prefix: KeyPrefix, from revision: Int64, _ body: ([EtcdEvent]) -> Void
    ) async throws(RPCFailure) {
        let index = current.load(ordering: .relaxed)
        do throws(RPCFailure) {
            var options = try await callOptions()
            try Self.append("hasleader", "true", to: &options)
            let call = await channels[index].stream(Bytes(utf8: EtcdWatchMethods.watch.path), options: options)
            // Also when what comes cannot be decoded: the server would go on with the watch.
            defer { call.cancel() }
            let create = EtcdWatchCreateRequest(key: prefix.first, rangeEnd: prefix.end, startRevision: revision)
            // The requests' side stays open: its end would be the watch's.
            try await call.write(EtcdWatchRequest(requestUnion: .createRequest(create)).encoded())
            while let message = try await call.next() {
                let response = try Self.decoded(EtcdWatchResponse.self, message)
                guard !response.canceled else {
                    guard response.compactRevision == 0, !response.cancelReason.isEmpty else { return }
                    let isRefused = ["permission denied", "auth token"].contains { response.cancelReason.contains($0) }
                    // An unknown token may be called a missing permission here, and there is no harm in a new one.
                    if isRefused { token.withLock { $0 = nil } }
                    throw RPCFailure(
                        isRefused ? .permissionDenied : .unavailable, "etcd ended the watch: \(response.cancelReason)")
                }
                if !response.events.isEmpty { body(response.events) }
            }
        } catch {
            if error.error.code != .permissionDenied { moveOn(from: index) }
            throw error
        }
    }

    /// Closes the channels; calls that are open end.
    package func close() async {
        for channel in channels { await channel.close() }
    }

    private func call<Request: Message, Response: Message>(
        _ method: MethodSignature<Request, Response>, _ request: Request
    ) async throws(RPCFailure) -> Response {
        let bytes = request.encoded()
        return try await asUser { channel, options throws(RPCFailure) in
            let response = try await channel.unary(Bytes(utf8: method.path), bytes, options: options)
            return try Self.decoded(Response.self, response.message)
        }
    }

    /// Calls a server with the token of the user, and once more with a new one when etcd does not take it any more.
    private func asUser<Answer>(
        _ body: (RPCChannel, CallOptions) async throws(RPCFailure) -> Answer
    ) async throws(RPCFailure) -> Answer {
        let (options, shown) = (try await callOptions(), token.withLock { $0 })
        do throws(RPCFailure) {
            return try await anywhere(options, body)
        } catch {
            guard EtcdToken.isRejected(by: error) else { throw error }
            guard user != nil else {
                throw RPCFailure(
                    error.error.code, "etcd wants a user and a password: \(error.error.message)",
                    label: error.error.label)
            }
            // Unless somebody else has got a new one meanwhile.
            token.withLock { if $0 == shown { $0 = nil } }
        }
        return try await anywhere(try await callOptions(), body)
    }

    /// What each call of the user carries; asks for a token when there is none.
    private func callOptions() async throws(RPCFailure) -> CallOptions {
        var options = CallOptions()
        guard let user else { return options }
        if let token = token.withLock({ $0 }) {
            if case .text(let text) = token { try Self.append("token", text, to: &options) }
            return options
        }
        let new = try await authenticate(user)
        token.withLock { $0 = new }
        if case .text(let text) = new { try Self.append("token", text, to: &options) }
        return options
    }

    private func authenticate(_ user: EtcdUser) async throws(RPCFailure) -> EtcdToken {
        let request = EtcdAuthenticateRequest(name: user.name, password: try user.password().get()).encoded()
        do throws(RPCFailure) {
            let response = try await anywhere(
                CallOptions(), timeoutNanoseconds: Self.authenticationNanoseconds
            ) { channel, options throws(RPCFailure) in
                let method = EtcdAuthMethods.authenticate
                let response = try await channel.unary(Bytes(utf8: method.path), request, options: options)
                return try Self.decoded(EtcdAuthenticateResponse.self, response.message)
            }
            return .text(response.token)
        } catch {
            if error.error.code == .failedPrecondition, error.error.message.contains("not enabled") { return .unneeded }
            guard [.invalidArgument, .unauthenticated, .permissionDenied].contains(error.error.code) else {
                throw error
            }
            throw RPCFailure(
                .unauthenticated, "etcd does not let in user '\(user.name)': \(error.error.message)",
                label: "etcd_authentication")
        }
    }

    private static func append(
        _ name: String, _ value: String, to options: inout CallOptions
    ) throws(RPCFailure) {
        do throws(MetadataError) {
            try options.metadata.append(name, value)
        } catch {
            throw RPCFailure(.internal, "etcd's \(name) cannot be sent: it is not printable ASCII")
        }
    }

    /// Tries the servers in turn, each once, beginning with the one that answered last.
    private func anywhere<Answer>(
        _ options: CallOptions, timeoutNanoseconds: UInt64 = EtcdClient.attemptNanoseconds,
        _ body: (RPCChannel, CallOptions) async throws(RPCFailure) -> Answer
    ) async throws(RPCFailure) -> Answer {
        var last = RPCFailure(.unavailable, "no server of etcd was tried")
        for _ in channels.indices {
            let index = current.load(ordering: .relaxed)
            var options = options
            options.deadline = Deadline(clock.now().advanced(byNanoseconds: timeoutNanoseconds))
            do throws(RPCFailure) {
                return try await body(channels[index], options)
            } catch {
                guard [.unavailable, .deadlineExceeded].contains(error.error.code), !Task.isCancelled else {
                    throw error
                }
                last = error
                moveOn(from: index)
            }
        }
        throw last
    }

    /// Whoever else has moved on from there already has done it for all.
    private func moveOn(from index: Int) {
        _ = current.compareExchange(
            expected: index, desired: (index + 1) % channels.count, ordering: .relaxed)
    }

    private static func decoded<Response: Message>(
        _ type: Response.Type, _ bytes: Bytes
    ) throws(RPCFailure) -> Response {
        do throws(MessageError) {
            return try Response(decoding: bytes)
        } catch {
            throw RPCFailure(.internal, "etcd's answer cannot be decoded: \(error)", label: "undecodable_response")
        }
    }
}
