import Engine
import HTTP2
import Messages
import RPC
import Routing
import Spans
import Telemetry
import Tenancy
import Vocabulary

/// One call at the gate: what has been found out about it so far.
///
/// - Isolation: the handler of the call, on the loop of its connection.
final class GateKeeper: CallMeter, CallNote, @unchecked Sendable {
    // @unchecked: the handler of one call uses it, and a handler runs on one loop.
    private let context: ServerContext
    private let gate: CallGate
    private var tenants: TenantGate { gate.tenants }
    private var impliedModel: ModelSelector?
    /// The call's place in a trace; nil where nobody traces.
    let traced: CallTracing.Call?
    /// Whether it has been decided for the model of the call if that is recorded; of a stream, its first one counts.
    private var followsTraceRules = false
    private var admitted: TenantPass?
    private var audience = MethodAudience.everybody
    /// Whether its metadata name a tenant, as a front end does.
    private var namesTenant = false
    private(set) var model: String?
    /// Whether it is the name of a model, and not whatever the caller likes: one has answered to it, or shards have it.
    private var isModelKnown = false
    /// The version that answered last, or that a shard was asked for.
    private(set) var modelVersion: ModelVersion?
    /// The shard that was asked last; nil for a call that is answered here.
    private(set) var shard: ReplicaID?
    /// What goes on there; nil between attempts.
    private var attempt: (any ForwardedAttempt)?
    private var reserved = MeteredAmounts()
    /// Nil as long as nothing was used that anybody measures.
    private(set) var used: Consumption?
    /// Work of the call that has not ended.
    private var running: [RunningWork] = []
    private typealias RunningWork = (work: any UsageSource, count: @Sendable (EngineUsage) -> Consumption)
    /// Whether the call's trailers have said what it used while its handler goes on: what that uses further is not
    /// charged.
    private var isEnded = false
    /// The part of it that is settled already, for earlier requests of the same stream.
    private var settled = MeteredAmounts()
    /// The part of it that is recorded already, for other models of the same stream.
    private var recorded = Consumption()

    /// What a shard sent in its trailers, which the caller gets as it is.
    private var forwardedTrailers: PassedHeaders?
    /// Of a text that a shard writes: how many tokens the prompt has, as it said in front, and how many have come.
    private var announced: (promptTokenCount: UInt64, generatedTokenCount: UInt64)?
    /// The requests of a stream that a shard answers.
    private var promises = StreamPromises()

    init(context: ServerContext, gate: CallGate, traced: CallTracing.Call?) {
        self.context = context
        self.gate = gate
        self.traced = traced
        context.callNote = self
    }

    /// Nil when the call was refused before its tenant was known.
    var tenant: TenantID? { admitted?.caller.tenant }

    var call: CallContext {
        CallContext(
            peer: context.peer, tenant: admitted?.caller.tenant, weight: weight,
            priority: priority, deadline: context.deadline, requestID: context.requestID,
            allowedModels: admitted?.caller.policy.allowedModels,
            namedTenant: context.peer?.principal == .admin ? header("apus-region-tenant") : nil,
            impliedModel: impliedModel, meter: self)
    }

    /// The tenant's, or what a front end says that it is.
    private var weight: Int {
        routed("apus-tenant-weight", in: TenantPolicy.weightRange) ?? admitted?.caller.policy.weight ?? 1
    }

    /// As the metadata of the call has it, but no more than the tenant may have, here and at the front end.
    private var priority: CallPriority {
        let own = admitted?.caller.policy.priorityMax
        let routed = routed("apus-priority-ceiling", in: TenantShare.priorityRange)
        let ceiling = routed.map { max($0, own ?? $0) } ?? own ?? TenantShare.priorityDefault
        return CallPriority(context.requestText(of: "apus-priority").flatMap(UInt64.init), ceiling: ceiling)
    }

    /// What a front end says of the tenant that it calls for; nobody else is believed that.
    private func routed(_ name: StaticString, in range: ClosedRange<Int>) -> Int? {
        guard context.peer?.principal == .router, let number = context.requestText(of: name).flatMap(Int.init),
            range.contains(number)
        else { return nil }
        return number
    }

    /// What a shard is told of the tenant, beside what the caller's own metadata say.
    var headersForShard: HeaderList {
        guard let tenant = admitted?.caller.tenant else { return HeaderList() }
        // What a router says may differ from call to call; of others the connection remembers it.
        let memory = (context.peerNote as? PeerMemory).flatMap { $0.isRouter ? nil : $0 }
        if let headers = memory?.headersForShard { return headers }
        var headers = HeaderList()
        headers.appendOwn("apus-tenant", tenant.name)
        headers.appendOwn("apus-tenant-weight", String(weight))
        headers.appendOwn("apus-priority-ceiling", String(priority.ceiling))
        memory?.headersForShard = headers
        return headers
    }

    /// Made for callers that ask for it.
    private(set) lazy var digest: OutputDigest? = header(OutputDigest.requestKey) == "1" ? OutputDigest() : nil

    func header(_ name: StaticString) -> String? { context.requestText(of: name) }

    /// Lets the call in as far as its method goes, and counts it.
    func enter(_ audience: MethodAudience) throws(ServingError) {
        let known = context.peerNote.flatMap { $0 as? PeerMemory }?.pass
        let actingFor = self.actingFor
        namesTenant = actingFor != nil
        let pass = try tenants.enter(
            context.peer, method: context.path, audience: audience, actingFor: actingFor, pass: known)
        admitted = pass
        self.audience = audience
        if pass !== known {
            context.peerNote = PeerMemory(pass, isRouter: context.peer?.principal == .router)
        }
    }

    /// Whom the metadata name, which are the same in most calls of a connection.
    private var actingFor: String? {
        if let note = context.patternNote as? ActingForNote { return note.tenant }
        let tenant = context.requestText(of: "apus-tenant")
        context.patternNote = ActingForNote(tenant)
        return tenant
    }

    /// Ends the stay of a call that cannot be answered at once, and is about to enter again.
    func withdraw() {
        guard let admitted else { return }
        tenants.settle(admitted, reserved: reserved, used: MeteredAmounts())
        tenants.withdraw(admitted, audience)
    }

    /// As `withdraw`, of a call that is about to enter again because it was refused before it did anything.
    ///
    /// - Returns: whether it was: not after work has begun, nor when the call has ended meanwhile.
    func withdrawUnused() -> Bool {
        guard !isEnded, used == nil, running.isEmpty, attempt == nil, recorded == Consumption() else { return false }
        withdraw()
        return true
    }

    /// Waits, though not long, until this server may spend what a request of a stream will use at most.
    func awaitAdvance(for bytes: Bytes, _ type: any Message.Type) async {
        guard tenants.desk != nil, let admitted, admitted.caller.policy.budget != nil,
            let request = Self.metered(bytes, type)
        else { return }
        await tenants.awaitAdvance(of: request.mostUsed(call), for: admitted)
    }

    /// Ends the call: settles what it used, and says so in its trailers, after a failure too.
    func leave(failure: ServingError?) {
        if !isEnded { close(failure) }
        if let admitted { tenants.leave(admitted, audience, reserved: reserved, used: unsettled ?? MeteredAmounts()) }
    }

    /// The call ends in the middle of its work, by its deadline or because the server stops: charged is what it has
    /// used until now, as its trailers say.
    func callEnds(with error: ServingError) {
        guard !isEnded else { return }
        for part in running { charge(part) }
        running = []
        attempt?.settleUntold(error.code)
        close(error)
    }

    /// Takes down what was used, and has the trailers say so.
    private func close(_ failure: ServingError?) {
        isEnded = true
        attempt = nil
        if namesTenant { tenants.countTenantHeader(of: context.peer) }
        recordUse(failure)
        if let forwardedTrailers = forwardedTrailers.take() { return context.passTrailingMetadata(forwardedTrailers) }
        let digest = failure == nil ? digest?.finish() : nil
        guard used != nil || failure != nil || digest != nil else { return context.setTrailers(Self.nothingUsed) }
        var metadata = (used ?? Consumption()).metadata(with: digest)
        failure?.appendDetails(to: &metadata)
        context.setTrailingMetadata(metadata)
    }

    /// What a call says that an immediate model answered, or none.
    private static let nothingUsed: PreparedTrailers = {
        do {
            return try PreparedTrailers(Consumption().metadata)
        } catch {
            preconditionFailure("trailers of our own: \(error)")
        }
    }()

    /// Takes down what was used since the last time, of calls that models work for: nobody is charged for a look.
    private func recordUse(_ failure: ServingError?, isEnd: Bool = true) {
        guard let record = gate.record, audience.isWork, let tenant = admitted?.caller.tenant else { return }
        var part = used ?? Consumption()
        part.remove(recorded)
        part.requestCount = isEnd ? 1 : 0
        part.failureCount = failure == nil ? 0 : 1
        // A stream may name one model after the other and use none.
        guard isEnd || part != Consumption() else { return }
        var name = model.flatMap(ModelName.init)
        if !isModelKnown { name = name.flatMap { failure?.code != .permissionDenied && gate.isServed($0) ? $0 : nil } }
        record(part, tenant, name)
        recorded = used ?? Consumption()
    }

    /// Notes which model a request names; a stream may name one after the other.
    private func note(_ name: String) {
        guard model != name else { return }
        if model != nil { recordUse(nil, isEnd: false) }
        model = name
        (isModelKnown, modelVersion) = (false, nil)
    }

    // MARK: What it uses

    func reserve(_ amounts: MeteredAmounts) throws(ServingError) {
        if let admitted {
            settle(admitted)
            try tenants.reserve(amounts, for: admitted)
            reserved.add(amounts)
        }
        traced?.span?.willSubmit()
    }

    /// Settles what the requests before have reserved, once they have said what they used: a stream that goes on for
    /// hours would otherwise hold the sum of all.
    private func settle(_ pass: TenantPass) {
        guard let used = unsettled, used != MeteredAmounts() else { return }
        tenants.settle(pass, reserved: reserved, used: used)
        settled.add(used)
        reserved = MeteredAmounts()
    }

    /// What was used and is not settled; nil as long as nothing was.
    private var unsettled: MeteredAmounts? {
        guard var amounts = used?.amounts else { return nil }
        amounts.remove(settled)
        return amounts
    }

    var usedSoFar: Consumption { used ?? Consumption() }

    func begin(_ work: any UsageSource, charging count: @escaping @Sendable (EngineUsage) -> Consumption) {
        if !isEnded { running.append((work, count)) }
    }

    func end(_ work: any UsageSource, settling amounts: MeteredAmounts?) {
        // Not there when the call has been ended in the middle of it: its trailers have said what it cost.
        guard let index = running.firstIndex(where: { $0.work === work }) else { return }
        let consumption = charge(running.remove(at: index))
        guard let amounts, let admitted else { return }
        tenants.settle(admitted, reserved: amounts, used: consumption.amounts)
        settled.add(consumption.amounts)
        reserved.remove(amounts)
    }

    @discardableResult
    private func charge(_ part: RunningWork) -> Consumption {
        guard let version = part.work.answeringVersion else { return Consumption() }
        let consumption = part.count(part.work.usage)
        var sum = used ?? Consumption()
        sum.add(consumption)
        used = sum
        note(version)
        traced?.span?.add(consumption)
        return consumption
    }

    func announce(promptTokenCount: Int) {
        guard context.peer?.principal == .router else { return }
        context.setInitialMetadata(Consumption.announcement(promptTokenCount: promptTokenCount))
        // Not with the first message: whoever cancels before that has a prompt to pay for.
        context.sendInitialMetadata()
    }

    func noteGeneratedPiece() { traced?.span?.noteGeneratedPiece() }

    /// Notes which version has answered.
    func note(_ version: ModelVersion) { (modelVersion, isModelKnown) = (version, true) }

    // MARK: Forwarding

    /// The call as one of a shard's; nil when it is answered here.
    ///
    /// - Throws: PERMISSION_DENIED for a model that the caller may not call; FAILED_PRECONDITION for a change that
    ///   other shards would not hear of, UNAVAILABLE while that is not known; RESOURCE_EXHAUSTED.
    func forwardedCall(_ kind: RequestKind, _ bytes: Bytes) throws(ServingError) -> ForwardedCall? {
        let target: ModelSelector?
        if kind.isModelless {
            let implied = try gate.impliedModels.model(named: header("apus-model"), call)
            impliedModel = implied
            target = implied
        } else {
            target = kind.isForwardable && gate.forwards ? selector(peekingAt: bytes) : nil
        }
        guard let forwarder = gate.forwarder, let target else { return nil }
        guard let knowledge = forwarder.knowledge(of: target) else { return nil }
        try take(target.name)
        modelVersion = target.version
        isModelKnown = knowledge != .expected
        if kind.changesItsServer { try forwarder.requireOnlyServer(of: target) }
        try reserve(for: bytes, kind.type)
        // With one replica there is nothing to prefer.
        let affinity =
            knowledge == .known(replicaCount: 1)
            ? nil
            : kind.ofModel.flatMap {
                forwarder.affinity(of: bytes, target, $0, tenant: admitted?.caller.tenant)
            }
        return ForwardedCall(
            selector: target, requestType: kind.type, impliedModel: impliedModel, affinity: affinity,
            forwarder: forwarder, context: context, keeper: self)
    }

    /// The model that a request names; nil for none that there could be.
    private func selector(peekingAt request: Bytes) -> ModelSelector? {
        guard let memory = context.peerNote as? PeerMemory else { return NamedModel(peekingAt: request).selector }
        return memory.lastSelector.selector(peekingAt: request)
    }

    /// Begins a stream of requests of which the first was let through by `forwardedCall`.
    func beginStream(_ first: Bytes, _ type: any Message.Type) { promises.add(mostUsed(first, type)) }

    /// Checks one more message of a stream that is forwarded, and reserves what it will use.
    ///
    /// - Throws: as `forwardedCall`, for a model that this message names; RESOURCE_EXHAUSTED; INTERNAL for bytes of
    ///   which nobody here can say what a shard would read in them.
    func takeForwarded(_ bytes: Bytes, _ type: any Message.Type) throws(ServingError) {
        if let impliedModel {
            try takeForwarded(impliedModel)
        } else {
            switch NamedModel(peekingAt: bytes) {
            case .undecodable:
                throw ServingError(.internal, "the request cannot be decoded", label: "undecodable_request")
            case .named(let name, let version):
                if let name = ModelName(name) {
                    try takeForwarded(ModelSelector(name: name, version: ModelVersion(version)))
                }
            case .unnamed: break
            }
        }
        try reserve(for: bytes, type)
        promises.add(mostUsed(bytes, type))
    }

    private func takeForwarded(_ selector: ModelSelector) throws(ServingError) {
        try take(selector.name)
        isModelKnown = gate.forwarder?.directory.knows(selector) ?? false
    }

    /// Reserves what a request that is answered elsewhere will use at most; it is decoded only for tenants that have
    /// limits of what is used.
    private func reserve(for bytes: Bytes, _ type: any Message.Type) throws(ServingError) {
        guard let policy = admitted?.caller.policy, policy.tokenRate != nil || policy.budget != nil,
            let request = Self.metered(bytes, type)
        else { return }
        try reserve(request.mostUsed(call))
    }

    /// What a request will use at most, where somebody counts it.
    private func mostUsed(_ bytes: Bytes, _ type: any Message.Type) -> MeteredAmounts {
        guard gate.record != nil || admitted?.caller.policy.isMetered == true else { return MeteredAmounts() }
        return Self.metered(bytes, type)?.mostUsed(call) ?? MeteredAmounts()
    }

    private static func metered(_ bytes: Bytes, _ type: any Message.Type) -> (any MeteredRequest)? {
        guard let type = type as? any MeteredRequest.Type else { return nil }
        return try? type.init(decoding: bytes)
    }

    /// Begins an attempt: what another shard sent before is forgotten.
    func beginAttempt(_ attempt: any ForwardedAttempt, at shard: ReplicaID) {
        self.shard = shard
        traced?.span?.beginAttempt(shard.address)
        guard !isEnded else { return }
        self.attempt = attempt
        forwardedTrailers = nil
        announced = nil
        used = nil
    }

    /// Ends an attempt.
    func endAttempt(_ code: StatusCode) {
        attempt = nil
        traced?.span?.endAttempt(code)
    }

    /// Which trace a shard is told that the call belongs to: instead of the caller's span comes that of the attempt.
    ///
    /// Also where nothing is recorded, so that the shard does not decide for itself; nil for a caller that has said so
    /// already, who is repeated as he is.
    var traceForShard: TraceContext? { traced?.outgoing }

    /// Passes on what a shard sent in front of its messages, but for what it said to this server.
    func forward(initial: HeaderBlock?) {
        guard let initial, initial.findings?.note !== Self.nothingToForward else { return }
        if let count = initial.firstValue(of: "apus-prompt-tokens")?.utf8String.flatMap(UInt64.init) {
            announced = (min(count, Consumption.countMax), 0)
        }
        let passed = PassedHeaders(initial, omitting: ["apus-prompt-tokens"])
        if !passed.isEmpty {
            context.passInitialMetadata(passed)
        } else if announced == nil {
            initial.findings?.note = Self.nothingToForward
        }
    }

    /// Noted at headers that have nothing for anybody.
    private static let nothingToForward = NothingToForward()
    private final class NothingToForward: Sendable {}

    /// Notes what a message that a shard sends has of a text, or says of the request of a stream that it answers: that
    /// is settled then, so that a stream that goes on for hours does not hold the sum of all.
    func note(answer: Bytes, to type: any Message.Type) {
        if announced != nil {
            announced?.generatedTokenCount += GenerateResponse.tokenCount(peekingAt: answer)
            return
        }
        guard !isEnded, let type = type as? any StreamMeteredRequest.Type, let used = type.used(peekingAt: answer),
            let most = promises.settle(used), let admitted
        else { return }
        tenants.settle(admitted, reserved: most, used: used.amounts)
        settled.add(used.amounts)
        reserved.remove(most)
    }

    /// How far an attempt has come of which its shard can no longer say what was used.
    struct UntoldUse {
        /// Of the attempt.
        let code: StatusCode
        let requestType: any Message.Type
        /// The only request; nil for a stream of them.
        let request: Bytes?
        /// Whether an answer waited for its caller to read on.
        let isCallerBehind: Bool
    }

    /// Ends an attempt whose shard can no longer say what was used: the caller has cancelled, the time is over, or the
    /// shard is gone.
    ///
    /// It costs what it may have used: a request all that was promised for it, unless it could not reach its shard, or
    /// lost it, which is not its caller's doing; a text its prompt, what has come of it, and what may be held back
    /// behind that, or all, when its caller did not read what came; requests of a stream what their answers say, and
    /// all that was promised for those without an answer.
    ///
    /// Why: otherwise whoever cancels before the last message would have everything for nothing. Of a text not all that
    /// was promised, because whoever reads along may stop it for good reasons.
    func settleUntold(_ untold: UntoldUse) {
        guard used == nil, !isEnded else { return }
        guard let bytes = untold.request else {
            if !promises.isEmpty { used = promises.mostUsed }
            return
        }
        guard announced != nil || untold.code != .unavailable,
            let request = Self.metered(bytes, untold.requestType)
        else { return }
        let most = request.mostUsed(call)
        guard let announced, !untold.isCallerBehind else {
            used = Consumption(most: untold.isCallerBehind ? most : request.mostUsedUnheard(call))
            return
        }
        let tokenCountMax = max(most.tokens, announced.promptTokenCount + announced.generatedTokenCount)
        let rest = tokenCountMax - announced.promptTokenCount - announced.generatedTokenCount
        used = Consumption(
            promptTokenCount: announced.promptTokenCount,
            generatedTokenCount: announced.generatedTokenCount + min(rest, request.heldBackCountMax))
    }

    /// Passes on what a shard sent behind its messages, and counts what it says the call has used.
    func forward(trailing: HeaderBlock?) {
        guard let trailing, !isEnded else { return }
        let passed = PassedHeaders(trailing)
        guard !passed.isEmpty else { return }
        forwardedTrailers = passed
        used = Self.consumption(in: trailing)
    }

    private static func consumption(in trailers: HeaderBlock) -> Consumption {
        guard let findings = trailers.findings else { return Consumption(trailers: trailers) }
        if let note = findings.note as? ConsumptionNote { return note.consumption }
        let consumption = Consumption(trailers: trailers)
        findings.note = ConsumptionNote(consumption)
        return consumption
    }

    // MARK: Messages

    /// Decodes a request and checks that its model may be called.
    ///
    /// - Throws: INTERNAL for bytes that are not the message, as gRPC has it; PERMISSION_DENIED.
    func decode<Request: Message>(_ type: Request.Type, _ bytes: Bytes) throws(ServingError) -> Request {
        let request: Request
        do {
            request = try Request(decoding: bytes)
        } catch {
            throw ServingError(.internal, "the request cannot be decoded: \(error)", label: "undecodable_request")
        }
        if let name = impliedModel?.name.name ?? (request as? any ModelRequest)?.requestedModel, !name.isEmpty {
            note(name)
            if let name = ModelName(name) {
                try admitted?.require(name, method: context.path, audience)
                followTraceRules(name)
            }
        }
        return request
    }

    /// Checks that the model a request names may be called.
    ///
    /// - Throws: PERMISSION_DENIED.
    func take(_ requestedModel: ModelName) throws(ServingError) {
        note(requestedModel.name)
        try admitted?.require(requestedModel, method: context.path, audience)
        followTraceRules(requestedModel)
    }

    /// Decides anew whether a call that runs a model is recorded; a call that only asks about one is none of those.
    private func followTraceRules(_ model: ModelName) {
        guard traced != nil, !followsTraceRules, audience == .tenants else { return }
        followsTraceRules = true
        traced?.follow(rulesFor: model, context)
    }
}

/// A call to a shard that goes on.
///
/// - Isolation: the loop of the call that it is part of.
protocol ForwardedAttempt: AnyObject {
    /// Charges for what its shard may have done until now, for it will say nothing any more; `code` ends the call.
    func settleUntold(_ code: StatusCode)
}

/// What the gate remembers of a connection's peer from one call to the next.
///
/// - Isolation: the loop of the connection.
private final class PeerMemory: @unchecked Sendable {
    let pass: TenantPass
    /// Nil before a call was forwarded.
    var headersForShard: HeaderList?
    let isRouter: Bool
    var lastSelector = SelectorMemory()

    init(_ pass: TenantPass, isRouter: Bool) {
        self.pass = pass
        self.isRouter = isRouter
    }
}

/// Which tenant a call names in its metadata, noted at the pattern of its headers.
private final class ActingForNote: Sendable {
    let tenant: String?

    init(_ tenant: String?) { self.tenant = tenant }
}

/// What trailers say was used, noted at trailers that a shard sends again and again.
private final class ConsumptionNote: Sendable {
    let consumption: Consumption

    init(_ consumption: Consumption) { self.consumption = consumption }
}
