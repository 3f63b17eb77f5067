import EventLoops
import HTTP2
import RPC
import TLS
import Vocabulary

/// Is told how the connections to one address fare.
protocol SubchannelOwner: AnyObject {
    /// Whether calls wait for a connection, wherever it leads.
    var hasWaitingCalls: Bool { get }

    func subchannelDidChange(_ subchannel: Subchannel)
    /// Another call may fit.
    func subchannelHasRoom(_ subchannel: Subchannel)
    /// The last connection of a subchannel that was shut down is closed.
    func subchannelDidDrain(_ subchannel: Subchannel)
}

/// What the subchannels of a lane share.
struct SubchannelEnvironment {
    let loop: EventLoop
    let configuration: RPCChannelConfiguration
    let connector: any Connector
    let buffers: LoopBuffers
    let requestHeaders: RequestHeaders
    let keepalive: ChannelKeepalive
    /// Nil when nobody counts connections.
    let metrics: SubchannelMetrics?
}

/// The connections to one address.
///
/// ```
/// idle ──connect──▶ connecting ──SETTINGS──▶ ready ──lost, GOAWAY──▶ idle
///                       │
///                    failure ──▶ transient failure ──after a delay──▶ idle
/// ```
/// The delay grows with every failure and starts anew once a server has sent its SETTINGS: a TCP connection that is
/// accepted and dropped is no success.
///
/// Where health is checked, SETTINGS are not enough: the subchannel stays connecting until the server has said that the
/// service is healthy, and is in transient failure, with its connection open, while it is not.
///
/// - Isolation: its loop.
final class Subchannel: ClientConnectionOwner {
    private enum Attempt {
        /// Without bytes to the server yet.
        case opening(ConnectCancellation)
        case handshaking(ClientConnection)
    }

    let id: Int
    let address: ServerAddress
    private let environment: SubchannelEnvironment
    private unowned let owner: any SubchannelOwner
    private(set) var state = ConnectivityState.idle
    /// Why the last attempt failed.
    private(set) var lastError: ServingError?
    /// Those on which calls can be made, oldest first.
    private var connections: [ClientConnection] = []
    private var attempt: Attempt?
    private var backoffTimer: TimerID?
    private var failureCount = 0
    /// Connections in a row that were wanted and gone before a call was on them.
    private var turnedAwayCount = 0
    /// Asks the server on the oldest connection for its health; nil where nobody wants to know.
    private var healthWatch: HealthWatch?
    /// Connections on which calls are still open, but no new ones are made.
    private var retired: [ObjectIdentifier: ClientConnection] = [:]

    /// A subchannel that is idle; `owner` outlives it.
    init(id: Int, address: ServerAddress, environment: SubchannelEnvironment, owner: any SubchannelOwner) {
        self.id = id
        self.address = address
        self.environment = environment
        self.owner = owner
    }

    /// Calls that are open here, on whatever connection, without the watch on the server's health.
    var callCount: Int {
        connections.reduce(0) { $0 + $1.callCount } + retired.values.reduce(0) { $0 + $1.callCount }
            - (healthWatch?.isCalling == true ? 1 : 0)
    }

    // MARK: Calls

    /// Opens a call's stream on the first connection that has room for it, and asks for another when none has.
    ///
    /// - Returns: false when the call must wait, or go elsewhere.
    func open(_ call: ClientCall) -> Bool {
        var index = 0
        while index < connections.count {
            let connection = connections[index]
            do throws(HTTP2Error) {
                try connection.open(call)
                return true
            } catch .concurrentStreamLimitReached {
                index += 1
            } catch {
                replace(connection)
            }
        }
        addConnection()
        return false
    }

    // MARK: Attempts

    /// Begins an attempt, unless one is under way or it is too early for it.
    func connect() {
        guard state == .idle else { return }
        become(.connecting)
        if attempt == nil { startAttempt() }
    }

    /// Makes one connection more, when there may be one.
    private func addConnection() {
        guard state == .ready, attempt == nil, backoffTimer == nil,
            connections.count < environment.configuration.connectionCountPerAddressMax
        else { return }
        startAttempt()
    }

    private func startAttempt() {
        // The connector may answer before it returns.
        var hasAnswered = false
        attempt = .opening({})
        let cancel = environment.connector.connect(
            to: address, on: environment.loop,
            timeoutNanoseconds: environment.configuration.backoff.attemptTimeoutNanoseconds
        ) { result in
            hasAnswered = true
            switch result {
            case .success(let stream): self.adopt(stream)
            case .failure(let error): self.attemptDidFail(error.description)
            }
        }
        if !hasAnswered { attempt = .opening(cancel) }
    }

    private func adopt(_ stream: any ByteStream) {
        let configuration = environment.configuration
        do {
            let session = try HTTP2Session(role: .client, configuration: configuration.http2)
            let tls = try configuration.tls.map {
                try TLSSession(connecting: $0, serverName: configuration.serverName ?? configuration.target.serverName)
            }
            let connection = ClientConnection(
                stream: stream, tls: tls, session: session, requestHeaders: environment.requestHeaders,
                loop: environment.loop, buffers: environment.buffers, owner: self,
                keepalive: environment.keepalive.policy)
            attempt = .handshaking(connection)
            connection.start()
        } catch {
            stream.close()
            attemptDidFail("\(error)")
        }
    }

    private func attemptDidFail(_ reason: String) {
        environment.metrics?.connectionDidFail()
        backOff(reason)
    }

    private func backOff(_ reason: String) {
        attempt = nil
        failureCount += 1
        lastError = ServingError(
            .unavailable, "cannot connect to \(environment.configuration.target.authority): \(reason)",
            label: "connect_failed")
        let delay = environment.configuration.backoff.delayNanoseconds(
            failureCount: failureCount, random: environment.configuration.random())
        if let backoffTimer { environment.loop.cancel(backoffTimer) }
        backoffTimer = environment.loop.schedule(afterNanoseconds: delay) { self.backoffDidEnd() }
        if connections.isEmpty { become(.transientFailure) }
    }

    private func backoffDidEnd() {
        backoffTimer = nil
        if state == .transientFailure, connections.isEmpty { become(.idle) }
    }

    // MARK: Connections

    func connectionIsReady(_ connection: ClientConnection) {
        guard case .handshaking(let current) = attempt, current === connection else { return }
        attempt = nil
        failureCount = 0
        connection.count(in: environment.metrics)
        connections.append(connection)
        guard healthService == nil else { return watchHealth() }
        if state == .ready { owner.subchannelHasRoom(self) } else { become(.ready) }
    }

    // MARK: Health

    private var healthService: String? {
        environment.configuration.balancing == .roundRobin
            ? environment.configuration.serviceConfig.healthCheckServiceName : nil
    }

    /// Watches on the oldest connection; one answers for its server.
    private func watchHealth() {
        guard let service = healthService, let connection = connections.first else { return }
        guard healthWatch?.connection !== connection else {
            if state == .ready { owner.subchannelHasRoom(self) }
            return
        }
        stopWatchingHealth()
        let watch = HealthWatch(service, on: connection, environment: environment) { [unowned self] in
            healthDidChange($0)
        }
        healthWatch = watch
        watch.start()
    }

    private func healthDidChange(_ verdict: HealthCheck.Verdict) {
        switch verdict {
        case .unknown: break
        case .serving: become(.ready)
        case .failing(let reason):
            lastError = ServingError(
                .unavailable, "\(environment.configuration.target.authority) (\(address)): \(reason)",
                label: "unhealthy")
            become(.transientFailure)
        }
    }

    private func stopWatchingHealth() {
        healthWatch?.stop()
        healthWatch = nil
    }

    // MARK: Events of connections

    func connectionHasRoom(_ connection: ClientConnection) { owner.subchannelHasRoom(self) }

    func connectionWasToldTooManyPings(_ connection: ClientConnection) {
        environment.keepalive.serverSaidTooManyPings("\(environment.configuration.target.authority) (\(address))")
    }

    func connectionIsGoingAway(_ connection: ClientConnection) { replace(connection) }

    /// Makes no more calls on a connection.
    private func replace(_ connection: ClientConnection) {
        guard remove(connection) else { return }
        if healthWatch?.connection === connection { stopWatchingHealth() }
        retired[ObjectIdentifier(connection)] = connection
        connection.retire()
        if connections.isEmpty { loseReadiness(after: connection, "the server takes no calls") } else { watchHealth() }
    }

    func connectionDidEnd(_ connection: ClientConnection, _ end: ConnectionEnd) {
        if retired.removeValue(forKey: ObjectIdentifier(connection)) != nil { return drainIfShutDown() }
        if case .handshaking(let current) = attempt, current === connection {
            return attemptDidFail("\(address): \(end)")
        }
        guard remove(connection) else { return }
        if healthWatch?.connection === connection { stopWatchingHealth() }
        if connections.isEmpty { loseReadiness(after: connection, "\(address): \(end)") } else { watchHealth() }
    }

    private func remove(_ connection: ClientConnection) -> Bool {
        guard let index = connections.firstIndex(where: { $0 === connection }) else { return false }
        connections.remove(at: index)
        return true
    }

    /// The last connection on which calls could be made is gone.
    ///
    /// One that took none, although there were some, may have come at a bad moment; the second in a row is a failed
    /// attempt. Otherwise a server that turns everybody away would be asked as fast as the network allows.
    private func loseReadiness(after connection: ClientConnection, _ reason: String) {
        guard attempt == nil else { return become(.connecting) }
        let wasWanted = connection.hasOpenedCalls || owner.hasWaitingCalls
        turnedAwayCount = wasWanted && !connection.hasCarriedCalls ? turnedAwayCount + 1 : 0
        if turnedAwayCount > 1 { backOff(reason) } else { become(.idle) }
    }

    private func become(_ newState: ConnectivityState) {
        guard state != newState, state != .shutDown else { return }
        state = newState
        owner.subchannelDidChange(self)
    }

    // MARK: Ends

    /// Gives up an attempt, and connections once their calls have ended; a backoff goes on.
    func disconnect() {
        giveUp()
        // A backoff that goes on ends in idle by itself.
        if state != .transientFailure || backoffTimer == nil { become(.idle) }
    }

    /// As `disconnect`, for good; `isDrained` says when it is done.
    func shutDown() {
        state = .shutDown
        giveUp()
        if let backoffTimer { environment.loop.cancel(backoffTimer) }
        backoffTimer = nil
    }

    /// Whether nothing is open any more.
    var isDrained: Bool { connections.isEmpty && retired.isEmpty && attempt == nil }

    private func giveUp() {
        let attempt = self.attempt
        self.attempt = nil
        stopWatchingHealth()
        for connection in connections {
            retired[ObjectIdentifier(connection)] = connection
            connection.retire()
        }
        connections.removeAll()
        switch attempt {
        case .opening(let cancel): cancel()
        case .handshaking(let connection):
            retired[ObjectIdentifier(connection)] = connection
            connection.abort()
        case nil: break
        }
    }

    private func drainIfShutDown() {
        if state == .shutDown, isDrained { owner.subchannelDidDrain(self) }
    }
}
