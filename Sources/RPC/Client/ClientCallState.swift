/// The life of one call on the client, as a value: events in, what to do out.
///
/// ```
/// request:   open ──▶ ended                     response:  waiting ──▶ open ──▶ ended(status)
/// ```
/// The first thing that ends the response decides its status: trailers, a reset, a broken rule, the deadline, a
/// cancellation. Whatever comes later is ignored.
package struct ClientCallState: Equatable, Sendable {
    /// How far the server's answer has come.
    package enum Response: Equatable, Sendable {
        /// No headers yet.
        case waiting
        /// Headers were received; messages may follow.
        case open
        case ended
    }

    /// What the owner does.
    package struct Actions: OptionSet, Equatable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let deliverHeaders = Actions(rawValue: 1 << 0)
        package static let deliverMessage = Actions(rawValue: 1 << 1)
        package static let sendMessage = Actions(rawValue: 1 << 2)
        package static let sendEnd = Actions(rawValue: 1 << 3)
        /// Reset the stream with CANCEL: the server is still at work.
        package static let resetStream = Actions(rawValue: 1 << 4)
        /// The status at hand is the call's: tell whoever waits, stop the timer.
        package static let finish = Actions(rawValue: 1 << 5)
    }

    package private(set) var requestIsEnded = false
    package private(set) var response = Response.waiting
    private let takesOneMessage: Bool
    private var messageCount = 0

    /// - Parameter takesOneMessage: whether the method answers with exactly one message.
    package init(takesOneMessage: Bool) {
        self.takesOneMessage = takesOneMessage
    }

    /// Response headers came, and more will follow.
    package mutating func headersArrived() -> Actions {
        guard response == .waiting else { return [] }
        response = .open
        return .deliverHeaders
    }

    /// A whole message came; without `.deliverMessage` it is one too many or too late.
    package mutating func messageArrived() -> Actions {
        guard response == .open else { return [] }
        messageCount += 1
        guard !takesOneMessage || messageCount == 1 else { return [] }
        return .deliverMessage
    }

    /// Whether the messages so far are more than the method has.
    package var hasTooManyMessages: Bool { takesOneMessage && messageCount > 1 }

    /// The server ended the call with `status`, before or after headers.
    ///
    /// - Returns: `.finish`; the caller checks `lacksMessage` for the status that results.
    package mutating func statusArrived() -> Actions {
        guard response != .ended else { return [] }
        response = .ended
        return .finish
    }

    /// Whether an OK status would come without the one message the method has.
    package var lacksMessage: Bool { takesOneMessage && messageCount == 0 }

    /// The call ends with a status made here: deadline, cancellation, a rule the server broke.
    package mutating func fail() -> Actions {
        guard response != .ended else { return [] }
        response = .ended
        requestIsEnded = true
        return [.resetStream, .finish]
    }

    /// The stream is gone without trailers.
    package mutating func streamClosed() -> Actions {
        requestIsEnded = true
        guard response != .ended else { return [] }
        response = .ended
        return .finish
    }

    /// The caller sends a message; nothing after its own end or the response's.
    package func callerSendsMessage() -> Actions {
        requestIsEnded || response == .ended ? [] : .sendMessage
    }

    /// The caller has sent everything.
    package mutating func callerEnds() -> Actions {
        guard !requestIsEnded, response != .ended else { return [] }
        requestIsEnded = true
        return .sendEnd
    }
}
