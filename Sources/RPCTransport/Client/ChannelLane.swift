import EventLoops
import RPC
import Vocabulary

/// One loop's share of a channel: the addresses of its target, a balancer that chooses among them, a subchannel for
/// each, and the calls that wait.
///
/// ```
/// call ─▶ balancer.pick ─▶ subchannel ─▶ connection with room ─▶ stream
///              │ nobody is ready, or all are full
///              ▼
///            queue ─▶ again when a subchannel becomes ready or has room
/// ```
///
/// - Isolation: its loop.
final class ChannelLane: ClientCallQueue, SubchannelOwner, @unchecked Sendable {
    // @unchecked: touched on `loop` only.

    let loop: EventLoop
    private let configuration: RPCChannelConfiguration
    private let environment: SubchannelEnvironment
    let retrying: CallRetrying?
    /// Counts the calls; nil when nobody wants to know.
    private let meter: ClientCallMeter?
    private var balancer: LoadBalancer
    /// By the number of their endpoint; nil for places that are free.
    private var subchannels: [Subchannel?] = []
    /// The one that gets every call, while the policy is pick-first and it is ready: saves the choice.
    private var only: Subchannel?
    /// Of addresses that are not the target's any more, until their calls have ended.
    private var draining: [ObjectIdentifier: Subchannel] = [:]
    private var queue = CallQueue()
    /// Calls between two attempts, at most `queuedCallCountMax`.
    private var resting: [ObjectIdentifier: (call: ClientCall, timer: TimerID)] = [:]

    private var schedule = ResolutionSchedule()
    private var hasAddresses = false
    private var lastError = ServingError(.unavailable, "no connection yet", label: "connect_failed")

    private var actions: [BalancerAction] = []
    private var isActing = false
    private var isPumping = false
    private var balancerTimer: TimerID?
    private var resolutionTimer: TimerID?
    private var idleTimer: TimerID?
    private var lastUse: MonotonicTime
    /// Whether there is an end in sight: new calls are refused, those that wait are served.
    private var isRetired = false
    private var isShutDown = false
    private var whoWaitForClose: [() -> Void] = []

    init(
        loop: EventLoop, configuration: RPCChannelConfiguration, connector: any Connector, keepalive: ChannelKeepalive,
        retrying: CallRetrying
    ) {
        self.loop = loop
        self.configuration = configuration
        self.retrying = retrying
        let target = configuration.target.uri
        meter = configuration.metrics.map { metrics in
            ClientCallMeter(paths: metrics.methods) { metrics.callWasRetried($0, target: target, $1) }
        }
        environment = SubchannelEnvironment(
            loop: loop, configuration: configuration, connector: connector, buffers: LoopBuffers(loop: loop),
            requestHeaders: RequestHeaders(
                authority: configuration.authority, isSecure: configuration.tls != nil,
                userAgent: configuration.userAgent), keepalive: keepalive,
            metrics: configuration.metrics.map {
                SubchannelMetrics(metrics: $0, target: target, isSecure: configuration.tlsSource != nil)
            })
        balancer = LoadBalancer(configuration.balancing)
        lastUse = loop.now()
    }

    /// What a call finds.
    var state: ConnectivityState {
        if isShutDown { return .shutDown }
        if hasAddresses { return balancer.state }
        if schedule.isBackingOff { return .transientFailure }
        return schedule.isResolving ? .connecting : .idle
    }

    var hasWaitingCalls: Bool { !queue.isEmpty }

    // MARK: Calls

    /// Makes a call and lets it wait for a connection.
    func start(path: Bytes, options: CallOptions, takesOneMessage: Bool) -> ClientCall {
        loop.preconditionOnLoop()
        let call = ClientCall(
            path: path, options: configuration.serviceConfig.applied(to: options, path: path, at: loop.now()),
            takesOneMessage: takesOneMessage, loop: loop, queue: self, meter: meter)
        call.begin()
        guard !call.isFinished else { return call }
        if isRetired { call.fail(Self.closedError) } else { enqueue(call) }
        return call
    }

    /// Makes a call of one message each way, which is sent as soon as there is a connection.
    func start(
        path: Bytes, options: consuming CallOptions, only message: Bytes, observer: any ClientCallObserver
    ) -> ClientCall {
        loop.preconditionOnLoop()
        let call = ClientCall(
            path: path, options: configuration.serviceConfig.applied(to: options, path: path, at: loop.now()),
            takesOneMessage: true, loop: loop, queue: self, meter: meter)
        call.send(only: message, observer: observer)
        call.begin()
        if !call.isFinished { enqueue(call) }
        return call
    }

    private func enqueue(_ call: ClientCall) {
        lastUse = loop.now()
        call.attemptDidBegin()
        if queue.isEmpty, open(call) {
            // Round-robin makes lost connections again when somebody calls.
            if only == nil { wake() }
            return
        }
        switch state {
        case .shutDown: return call.fail(Self.closedError)
        case .transientFailure where call.options.waitsForReady != true: return call.attemptDidFail(lastError)
        default: break
        }
        guard queue.count < configuration.queuedCallCountMax else {
            return call.fail(Self.queueFullError)
        }
        queue.append(call)
        wake()
    }

    private static let closedError = ServingError(.unavailable, "the channel is closed", label: "channel_closed")

    private static let queueFullError = ServingError(
        .resourceExhausted, "too many calls wait for a connection", label: "channel_queue_full",
        retryAdvice: .after(nanoseconds: 100_000_000))

    /// Adds what has been counted since the last time to the channel's metrics.
    func collectMetrics() {
        loop.preconditionOnLoop()
        guard let meter, let metrics = configuration.metrics else { return }
        let (attempts, calls) = meter.take()
        metrics.add(attempts: attempts, calls: calls, target: configuration.target.uri)
    }

    func callLeftQueue(_ call: ClientCall) {
        defer { closeWhenServed() }
        guard let rest = resting.removeValue(forKey: ObjectIdentifier(call)) else { return queue.remove(call) }
        loop.cancel(rest.timer)
    }

    func enqueueAgain(_ call: ClientCall, afterNanoseconds delay: UInt64) {
        guard !isShutDown else { return call.fail(Self.closedError) }
        guard delay > 0 else { return enqueue(call) }
        guard resting.count < configuration.queuedCallCountMax else { return call.fail(Self.queueFullError) }
        let timer = loop.schedule(afterNanoseconds: delay) {
            self.resting[ObjectIdentifier(call)] = nil
            self.enqueue(call)
            self.closeWhenServed()
        }
        resting[ObjectIdentifier(call)] = (call, timer)
    }

    /// Whether some connection took the call.
    private func open(_ call: ClientCall) -> Bool {
        if let only { return only.open(call) }
        // Those that are ready may be full: each is asked once.
        var attemptCount = 0
        while attemptCount < subchannels.count, let id = balancer.pick() {
            if subchannels[id]?.open(call) == true { return true }
            attemptCount += 1
        }
        return false
    }

    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer {
            isPumping = false
            closeWhenServed()
        }
        while let call = queue.first, open(call) {
            // A call whose headers cannot be sent has left the queue by itself.
            if queue.first === call { queue.removeFirst() }
        }
    }

    private func failImpatientCalls() {
        for call in queue.removeAll(where: { $0.options.waitsForReady != true }) { call.attemptDidFail(lastError) }
        closeWhenServed()
    }

    // MARK: The balancer

    /// Somebody wants to make a call.
    private func wake() {
        armIdleTimer()
        guard hasAddresses else { return wishForAddresses() }
        if balancer.wantsToExitIdle { perform(balancer.exitIdle()) }
    }

    /// Carries out what the balancer wants; what this causes in turn is carried out after it.
    private func perform(_ wanted: [BalancerAction]) {
        actions += wanted
        guard !isActing else { return }
        isActing = true
        while !actions.isEmpty { perform(actions.removeFirst()) }
        isActing = false
        stateDidChange()
    }

    private func perform(_ action: BalancerAction) {
        switch action {
        case .connect(let id): subchannels[id]?.connect()
        case .disconnect(let id): subchannels[id]?.disconnect()
        case .startTimer(let nanoseconds):
            stop(&balancerTimer)
            balancerTimer = loop.schedule(afterNanoseconds: nanoseconds) {
                self.balancerTimer = nil
                self.perform(self.balancer.timerDidFire())
            }
        case .stopTimer: stop(&balancerTimer)
        case .resolveAgain: if case .name = configuration.target.source { wishForAddresses() }
        }
    }

    private func stateDidChange() {
        only = nil
        if case .pickFirst = configuration.balancing, let id = balancer.pick() { only = subchannels[id] }
        switch state {
        case .ready: pump()
        case .transientFailure: failImpatientCalls()
        case .idle, .connecting, .shutDown: break
        }
        if !queue.isEmpty, hasAddresses, balancer.wantsToExitIdle { perform(balancer.exitIdle()) }
    }

    func subchannelDidChange(_ subchannel: Subchannel) {
        if let error = subchannel.lastError, subchannel.state == .transientFailure { lastError = error }
        perform(balancer.subchannel(subchannel.id, didBecome: subchannel.state))
    }

    func subchannelHasRoom(_ subchannel: Subchannel) {
        lastUse = loop.now()
        if !queue.isEmpty { pump() }
    }

    // MARK: Addresses

    private func wishForAddresses() {
        switch configuration.target.source {
        case .addresses(let addresses): use(addresses)
        case .name(let host, let port):
            switch schedule.wish(at: loop.now()) {
            case .resolveNow: resolve(host, port)
            case .resolveAt(let time):
                resolutionTimer = loop.schedule(at: time) { self.resolutionTimeDidCome(host, port) }
            case .alreadyUnderWay: break
            }
        }
    }

    private func resolutionTimeDidCome(_ host: String, _ port: UInt16) {
        resolutionTimer = nil
        if schedule.timeDidCome(isWanted: !queue.isEmpty) { resolve(host, port) }
    }

    private func resolve(_ host: String, _ port: UInt16) {
        environment.connector.resolve(host: host, port: port, on: loop) { result in
            guard !self.isShutDown else { return }
            switch result {
            case .success(let addresses) where !addresses.isEmpty:
                self.schedule.didSucceed(at: self.loop.now())
                self.use(addresses)
            case .success: self.resolutionDidFail("the name has no address", host, port)
            case .failure(let error): self.resolutionDidFail(error.description, host, port)
            }
        }
    }

    /// Addresses from before stay in use.
    private func resolutionDidFail(_ reason: String, _ host: String, _ port: UInt16) {
        let delay = schedule.didFail(configuration.backoff, random: configuration.random())
        resolutionTimer = loop.schedule(afterNanoseconds: delay) { self.resolutionTimeDidCome(host, port) }
        guard !hasAddresses else { return }
        lastError = ServingError(
            .unavailable, "cannot resolve \(configuration.target.authority): \(reason)", label: "resolution_failed")
        failImpatientCalls()
    }

    private func use(_ addresses: [ServerAddress]) {
        hasAddresses = true
        var endpoints: [Endpoint] = []
        var kept: Set<Int> = []
        for address in addresses.prefix(ChannelTarget.addressCountMax) {
            let subchannel = subchannel(for: address)
            guard kept.insert(subchannel.id).inserted else { continue }
            endpoints.append(Endpoint(id: subchannel.id, family: address.family))
        }
        let gone = subchannels.compactMap { $0 }.filter { !kept.contains($0.id) }
        for subchannel in gone { subchannels[subchannel.id] = nil }
        let wanted = balancer.update(endpoints, shuffle: shuffled)
        for subchannel in gone { shutDown(subchannel) }
        perform(wanted)
    }

    private func subchannel(for address: ServerAddress) -> Subchannel {
        for case let subchannel? in subchannels where subchannel.address == address { return subchannel }
        let id = subchannels.firstIndex { $0 == nil } ?? subchannels.count
        if id == subchannels.count { subchannels.append(nil) }
        let subchannel = Subchannel(id: id, address: address, environment: environment, owner: self)
        subchannels[id] = subchannel
        return subchannel
    }

    private func shuffled(_ endpoints: [Endpoint]) -> [Endpoint] {
        var endpoints = endpoints
        for index in endpoints.indices.dropLast() {
            let count = endpoints.count - index
            endpoints.swapAt(index, index + Int(configuration.random() * Double(count)))
        }
        return endpoints
    }

    // MARK: Ends

    private func armIdleTimer() {
        guard idleTimer == nil else { return }
        idleTimer = loop.schedule(at: lastUse.advanced(byNanoseconds: configuration.idleTimeoutNanoseconds)) {
            self.idleTimer = nil
            self.idleTimeDidCome()
        }
    }

    private func idleTimeDidCome() {
        let isUsed = !queue.isEmpty || !resting.isEmpty || subchannels.contains { $0.map { $0.callCount > 0 } ?? false }
        if isUsed { lastUse = loop.now() }
        guard loop.now() >= lastUse.advanced(byNanoseconds: configuration.idleTimeoutNanoseconds) else {
            return armIdleTimer()
        }
        perform(balancer.enterIdle())
    }

    /// Refuses new calls, and closes when those that wait have been served; calls `whenClosed` as `close` does.
    func retire(whenClosed: @escaping () -> Void) {
        loop.preconditionOnLoop()
        guard !isShutDown else { return close(whenClosed: whenClosed) }
        isRetired = true
        whoWaitForClose.append(whenClosed)
        closeWhenServed()
    }

    /// Not at once: the last call may leave the queue in the middle of something that goes on with the connections.
    private func closeWhenServed() {
        guard isRetired, !isShutDown, queue.isEmpty, resting.isEmpty else { return }
        loop.schedule(afterNanoseconds: 0) {
            guard !self.isShutDown, self.queue.isEmpty, self.resting.isEmpty else { return }
            self.shutDown()
        }
    }

    /// Fails the calls that wait, lets those that are open end, and calls `whenClosed` when no connection is left;
    /// more than one may wait for that.
    func close(whenClosed: @escaping () -> Void) {
        loop.preconditionOnLoop()
        whoWaitForClose.append(whenClosed)
        shutDown()
    }

    private func shutDown() {
        isShutDown = true
        only = nil
        stop(&balancerTimer)
        stop(&resolutionTimer)
        stop(&idleTimer)
        let open = subchannels.compactMap { $0 }
        subchannels.removeAll()
        for call in queue.removeAll(where: { _ in true }) { call.fail(Self.closedError) }
        for rest in resting.values { rest.call.fail(Self.closedError) }
        for subchannel in open { shutDown(subchannel) }
        closeWhenDrained()
    }

    private func shutDown(_ subchannel: Subchannel) {
        draining[ObjectIdentifier(subchannel)] = subchannel
        subchannel.shutDown()
        if subchannel.isDrained { draining[ObjectIdentifier(subchannel)] = nil }
    }

    func subchannelDidDrain(_ subchannel: Subchannel) {
        draining[ObjectIdentifier(subchannel)] = nil
        closeWhenDrained()
    }

    private func closeWhenDrained() {
        guard isShutDown, draining.isEmpty else { return }
        let waiting = whoWaitForClose
        whoWaitForClose.removeAll()
        for whenClosed in waiting { whenClosed() }
    }

    private func stop(_ timer: inout TimerID?) {
        if let timer { loop.cancel(timer) }
        timer = nil
    }
}
