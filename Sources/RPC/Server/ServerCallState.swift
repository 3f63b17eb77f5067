/// The life of one call on the server, as a value: events in, what to do out.
///
/// ```
/// request:   open ──────────▶ ended                    (either may happen at any time;
/// response:  none ──▶ headers ──▶ ended                 a call is over when the response has ended
/// handler:   waiting ──▶ running ──▶ finished           and no handler runs)
/// ```
/// A call that breaks a rule or runs out of time is answered at once; its handler is cancelled, and what it still
/// tries to send is dropped.
package struct ServerCallState: Equatable, Sendable {
    /// Whether the caller may still send.
    package enum Request: Equatable, Sendable {
        case open
        case ended
    }

    /// How far the answer has come.
    package enum Response: Equatable, Sendable {
        /// Nothing was sent: an error now is Trailers-Only.
        case none
        case headers
        case ended
    }

    /// What has become of the handler's task.
    package enum Handler: Equatable, Sendable {
        case waiting
        case running
        case finished
    }

    /// What the owner does, in the order of declaration.
    package struct Actions: OptionSet, Equatable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Keep the message for the handler.
        package static let deliverMessage = Actions(rawValue: 1 << 0)
        /// Tell the reader that no more messages come.
        package static let deliverEnd = Actions(rawValue: 1 << 1)
        package static let startHandler = Actions(rawValue: 1 << 2)
        package static let sendHeaders = Actions(rawValue: 1 << 3)
        package static let sendMessage = Actions(rawValue: 1 << 4)
        /// End the response with the status at hand, behind headers sent before.
        package static let sendTrailers = Actions(rawValue: 1 << 5)
        /// End the response with the status at hand; nothing was sent before.
        package static let sendTrailersOnly = Actions(rawValue: 1 << 6)
        /// Answer with the violation: not exactly one request message.
        package static let refuseCardinality = Actions(rawValue: 1 << 7)
        /// Cancel the handler's task and wake whatever it waits for.
        package static let cancelHandler = Actions(rawValue: 1 << 8)
        /// Nobody takes more messages: drop those that wait, and give their bytes back.
        package static let dropRequest = Actions(rawValue: 1 << 9)
        /// Forget the call.
        package static let release = Actions(rawValue: 1 << 10)
    }

    package private(set) var request = Request.open
    package private(set) var response = Response.none
    package private(set) var handler = Handler.waiting
    private let takesOneMessage: Bool
    private var messageCount = 0

    /// - Parameter takesOneMessage: whether the method takes exactly one message, which is awaited before its handler
    ///   starts.
    package init(takesOneMessage: Bool) {
        self.takesOneMessage = takesOneMessage
    }

    /// Whether anything may still be sent.
    package var isAnswered: Bool { response == .ended }

    /// The headers were accepted.
    package mutating func begin() -> Actions {
        guard !takesOneMessage, handler == .waiting, response != .ended else { return [] }
        handler = .running
        return .startHandler
    }

    /// A whole message came.
    package mutating func messageArrived() -> Actions {
        // What arrives after the answer, or after its handler left, is of no interest.
        guard request == .open, response != .ended, handler != .finished else { return [] }
        guard takesOneMessage, messageCount > 0 else {
            messageCount += 1
            return .deliverMessage
        }
        return fail().union(.refuseCardinality)
    }

    /// The client has sent everything.
    package mutating func requestEnded() -> Actions {
        guard request == .open else { return [] }
        request = .ended
        guard response != .ended, handler != .finished else { return [] }
        guard takesOneMessage else { return .deliverEnd }
        guard messageCount == 1 else { return fail().union(.refuseCardinality) }
        handler = .running
        return .startHandler
    }

    /// The handler, or its first message, wants the headers out.
    package mutating func handlerSendsHeaders() -> Actions {
        guard response == .none, handler == .running else { return [] }
        response = .headers
        return .sendHeaders
    }

    /// The handler sends a message; no `.sendMessage` when the call was answered without it.
    package mutating func handlerSendsMessage() -> Actions {
        guard response != .ended, handler == .running else { return [] }
        return handlerSendsHeaders().union(.sendMessage)
    }

    /// The handler returned or threw.
    package mutating func handlerFinished() -> Actions {
        guard handler == .running else { return [] }
        handler = .finished
        guard response != .ended else { return .release }
        return endResponse().union([.dropRequest, .release])
    }

    /// The call ends now with an error of ours: a broken rule, a deadline, a shutdown.
    package mutating func fail() -> Actions {
        guard response != .ended else { return [] }
        return endResponse().union(leave())
    }

    /// The stream is gone; nothing can be sent any more.
    package mutating func streamClosed() -> Actions {
        request = .ended
        guard response != .ended else { return [] }
        response = .ended
        return leave()
    }

    private mutating func endResponse() -> Actions {
        defer { response = .ended }
        return response == .none ? .sendTrailersOnly : .sendTrailers
    }

    /// What the end of the response means for the other two parts.
    private mutating func leave() -> Actions {
        switch handler {
        case .running: return [.cancelHandler, .dropRequest]
        case .waiting:
            handler = .finished
            return [.dropRequest, .release]
        case .finished: return []
        }
    }
}
