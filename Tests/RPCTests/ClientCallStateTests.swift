import RPC
import TestSupport
import Testing

/// What can happen to a call on the client.
enum ClientEvent: CaseIterable {
    case headers, message, status, fail, closed, callerSends, callerEnds

    func apply(to state: inout ClientCallState) -> ClientCallState.Actions {
        switch self {
        case .headers: state.headersArrived()
        case .message: state.messageArrived()
        case .status: state.statusArrived()
        case .fail: state.fail()
        case .closed: state.streamClosed()
        case .callerSends: state.callerSendsMessage()
        case .callerEnds: state.callerEnds()
        }
    }
}

@Suite("The life of a call on the client")
struct ClientCallStateTests {
    typealias Actions = ClientCallState.Actions

    static let paths: [String: [ClientEvent]] = [
        "fresh": [], "half-closed": [.callerEnds], "open": [.headers], "answered": [.headers, .message],
        "finished": [.headers, .status], "failed": [.fail], "gone": [.closed],
    ]

    @Test(
        "state × event",
        arguments: [
            ("fresh", .headers, .deliverHeaders), ("fresh", .message, []), ("fresh", .status, .finish),
            ("fresh", .fail, [.resetStream, .finish]), ("fresh", .closed, .finish),
            ("fresh", .callerSends, .sendMessage),
            ("fresh", .callerEnds, .sendEnd), ("half-closed", .callerSends, []), ("half-closed", .callerEnds, []),
            ("half-closed", .headers, .deliverHeaders), ("open", .headers, []), ("open", .message, .deliverMessage),
            ("open", .callerSends, .sendMessage), ("open", .closed, .finish), ("answered", .message, []),
            ("answered", .status, .finish), ("finished", .headers, []), ("finished", .message, []),
            ("finished", .status, []), ("finished", .fail, []), ("finished", .closed, []),
            ("finished", .callerSends, []),
            ("finished", .callerEnds, []), ("failed", .status, []), ("failed", .closed, []),
            ("failed", .callerEnds, []),
            ("gone", .status, []), ("gone", .fail, []), ("gone", .callerSends, []),
        ] as [(String, ClientEvent, Actions)])
    func table(name: String, event: ClientEvent, actions: Actions) throws {
        var state = ClientCallState(takesOneMessage: true)
        for step in try #require(Self.paths[name]) { _ = step.apply(to: &state) }
        #expect(event.apply(to: &state) == actions)
    }

    @Test("C72: a method of one message notices none and two")
    func cardinality() {
        var state = ClientCallState(takesOneMessage: true)
        _ = state.headersArrived()
        #expect(state.lacksMessage && !state.hasTooManyMessages)
        _ = state.messageArrived()
        #expect(!state.lacksMessage && !state.hasTooManyMessages)
        _ = state.messageArrived()
        #expect(state.hasTooManyMessages)
    }

    @Test("whatever happens, a call finishes exactly once and ends its request at most once")
    func randomWalk() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var state = ClientCallState(takesOneMessage: generator.next() & 1 == 0)
            var log: [Actions] = []
            for _ in 0..<20 { log.append(ClientEvent.allCases.randomElement(using: &generator)!.apply(to: &state)) }
            log.append(ClientEvent.closed.apply(to: &state))
            #expect(log.count { $0.contains(.finish) } == 1)
            #expect(log.count { $0.contains(.sendEnd) } <= 1)
            #expect(log.count { $0.contains(.deliverHeaders) } <= 1)
            let end = log.firstIndex { $0.contains(.finish) }!
            #expect(log[(end + 1)...].allSatisfy { $0.isEmpty })
        }
    }
}
