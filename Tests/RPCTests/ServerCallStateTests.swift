import RPC
import TestSupport
import Testing

/// What can happen to a call on the server.
enum ServerEvent: CaseIterable {
    case begin, message, end, sendHeaders, sendMessage, handlerFinished, fail, closed

    func apply(to state: inout ServerCallState) -> ServerCallState.Actions {
        switch self {
        case .begin: state.begin()
        case .message: state.messageArrived()
        case .end: state.requestEnded()
        case .sendHeaders: state.handlerSendsHeaders()
        case .sendMessage: state.handlerSendsMessage()
        case .handlerFinished: state.handlerFinished()
        case .fail: state.fail()
        case .closed: state.streamClosed()
        }
    }
}

@Suite("The life of a call on the server")
struct ServerCallStateTests {
    typealias Actions = ServerCallState.Actions

    /// The states, by the events that lead to them.
    static let unaryPaths: [String: [ServerEvent]] = [
        "waiting for the message": [.begin], "waiting for the end": [.begin, .message],
        "running": [.begin, .message, .end], "headers sent": [.begin, .message, .end, .sendHeaders],
        "failed while running": [.begin, .message, .end, .fail],
        "answered": [.begin, .message, .end, .handlerFinished], "gone": [.begin, .closed],
    ]
    static let streamPaths: [String: [ServerEvent]] = [
        "running": [.begin], "request ended": [.begin, .end], "headers sent": [.begin, .sendHeaders],
        "failed while running": [.begin, .fail], "answered": [.begin, .handlerFinished],
        "closed while running": [.begin, .closed],
    ]

    @Test(
        "unary: state × event",
        arguments: [
            ("waiting for the message", .message, .deliverMessage),
            ("waiting for the message", .end, [.refuseCardinality, .sendTrailersOnly, .dropRequest, .release]),
            ("waiting for the message", .fail, [.sendTrailersOnly, .dropRequest, .release]),
            ("waiting for the message", .closed, [.dropRequest, .release]),
            ("waiting for the message", .sendMessage, []), ("waiting for the message", .handlerFinished, []),
            ("waiting for the end", .message, [.refuseCardinality, .sendTrailersOnly, .dropRequest, .release]),
            ("waiting for the end", .end, .startHandler),
            ("waiting for the end", .closed, [.dropRequest, .release]),
            ("running", .begin, []), ("running", .message, []), ("running", .end, []),
            ("running", .sendHeaders, .sendHeaders), ("running", .sendMessage, [.sendHeaders, .sendMessage]),
            ("running", .handlerFinished, [.sendTrailersOnly, .dropRequest, .release]),
            ("running", .fail, [.sendTrailersOnly, .cancelHandler, .dropRequest]),
            ("running", .closed, [.cancelHandler, .dropRequest]),
            ("headers sent", .sendHeaders, []), ("headers sent", .sendMessage, .sendMessage),
            ("headers sent", .handlerFinished, [.sendTrailers, .dropRequest, .release]),
            ("headers sent", .fail, [.sendTrailers, .cancelHandler, .dropRequest]),
            ("failed while running", .sendMessage, []), ("failed while running", .handlerFinished, .release),
            ("failed while running", .fail, []), ("failed while running", .closed, []),
            ("answered", .message, []), ("answered", .end, []), ("answered", .fail, []), ("answered", .closed, []),
            ("answered", .handlerFinished, []), ("answered", .sendMessage, []),
            ("gone", .message, []), ("gone", .end, []), ("gone", .fail, []), ("gone", .handlerFinished, []),
        ] as [(String, ServerEvent, Actions)])
    func unary(state: String, event: ServerEvent, actions: Actions) throws {
        try expect(Self.unaryPaths, state, event, actions, takesOneMessage: true)
    }

    @Test(
        "streams: state × event",
        arguments: [
            ("running", .message, .deliverMessage), ("running", .end, .deliverEnd),
            ("running", .sendMessage, [.sendHeaders, .sendMessage]),
            ("running", .handlerFinished, [.sendTrailersOnly, .dropRequest, .release]),
            ("running", .closed, [.cancelHandler, .dropRequest]),
            ("request ended", .message, []), ("request ended", .end, []),
            ("request ended", .handlerFinished, [.sendTrailersOnly, .dropRequest, .release]),
            ("headers sent", .message, .deliverMessage),
            ("headers sent", .handlerFinished, [.sendTrailers, .dropRequest, .release]),
            ("failed while running", .message, []), ("failed while running", .end, []),
            ("failed while running", .handlerFinished, .release), ("answered", .message, []),
            ("closed while running", .sendMessage, []), ("closed while running", .fail, []),
            ("closed while running", .handlerFinished, .release),
        ] as [(String, ServerEvent, Actions)])
    func stream(state: String, event: ServerEvent, actions: Actions) throws {
        try expect(Self.streamPaths, state, event, actions, takesOneMessage: false)
    }

    private func expect(
        _ paths: [String: [ServerEvent]], _ name: String, _ event: ServerEvent, _ actions: Actions,
        takesOneMessage: Bool
    ) throws {
        var state = ServerCallState(takesOneMessage: takesOneMessage)
        for step in try #require(paths[name]) { _ = step.apply(to: &state) }
        #expect(event.apply(to: &state) == actions)
    }

    @Test(
        "whatever happens, the answer ends once, the handler starts once, and the call is released once",
        arguments: [true, false])
    func randomWalk(takesOneMessage: Bool) {
        var generator = SeededGenerator(seed: takesOneMessage ? 1 : 2)
        for _ in 0..<2000 {
            var state = ServerCallState(takesOneMessage: takesOneMessage)
            var log: [Actions] = [ServerEvent.begin.apply(to: &state)]
            for _ in 0..<20 {
                log.append(ServerEvent.allCases.randomElement(using: &generator)!.apply(to: &state))
            }
            log.append(ServerEvent.closed.apply(to: &state))
            log.append(ServerEvent.handlerFinished.apply(to: &state))
            check(log)
        }
    }

    private func check(_ log: [Actions]) {
        func count(_ action: Actions) -> Int { log.count { $0.contains(action) } }
        #expect(count(.release) == 1)
        #expect(count(.startHandler) <= 1)
        #expect(count(.sendTrailers) + count(.sendTrailersOnly) <= 1)
        #expect(count(.sendHeaders) <= 1)
        #expect(count(.cancelHandler) <= count(.startHandler))
        // Nothing follows the end, and trailers behind headers are not Trailers-Only.
        let isEnding: (Actions) -> Bool = { !$0.isDisjoint(with: [.sendTrailers, .sendTrailersOnly]) }
        if let end = log.firstIndex(where: isEnding) {
            #expect(
                log[(end + 1)...].allSatisfy { $0.isDisjoint(with: [.sendHeaders, .sendMessage, .deliverMessage]) })
            #expect(log[end].contains(.sendTrailersOnly) == log[..<end].allSatisfy { !$0.contains(.sendHeaders) })
        }
    }
}
