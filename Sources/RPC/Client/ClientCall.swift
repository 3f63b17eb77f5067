import Compression
package import EventLoops
package import HTTP2
package import Vocabulary

/// One call to a server: carries out what `ClientCallState` decides.
///
/// It is made without a connection, waits for one in its channel's queue, and may move to another when the server says
/// that it has not touched it (REFUSED_STREAM, or a GOAWAY that leaves it out).
///
/// Messages that were not taken hold back the server: at most one stream window and one message wait here.
///
/// - Isolation: the methods for callers (`+Caller`) may be used anywhere; everything else is the loop's.
package final class ClientCall: @unchecked Sendable {
    // @unchecked: touched on `loop` only; the methods for callers go there first.

    package let path: Bytes
    package let options: CallOptions
    package let loop: EventLoop
    let takesOneMessage: Bool
    private let queue: any ClientCallQueue
    /// Nil for calls that nobody counts.
    @exclusivity(unchecked) private var measure: CallMeasure?

    // What most events touch is not checked for overlapping accesses at run time, as in `ServerCall`.
    @exclusivity(unchecked) var state: ClientCallState
    @exclusivity(unchecked) private var deframer: MessageDeframer
    private var encoding = MessageEncoding.identity
    @exclusivity(unchecked) private(set) var owner: (any ClientCallOwner)?
    /// Of the last connection, which may have gone before all messages are taken.
    private var unfolder: Unfolder?
    /// The message that the caller waits for, while it is unfolded.
    private var unfolding: Unfolding?
    @exclusivity(unchecked) package private(set) var stream: HTTP2Stream?
    private var deadlineTimer: TimerID?

    @exclusivity(unchecked) private var arrived = MessageQueue()
    @exclusivity(unchecked) private(set) var received = MessageQueue()
    @exclusivity(unchecked) private var withheldByteCount = 0

    @exclusivity(unchecked) private var replay = CallReplay()
    private var retryState = RetryState()
    /// An attempt has failed and another will follow, after so long, once the stream is gone.
    private var pendingRetry: (error: ServingError, delayNanoseconds: UInt64)?
    /// A response that is not gRPC, while its body arrives.
    private var rejected: RejectedResponse?
    private var rejectionTimer: TimerID?
    /// The caller has ended, but the stream was full.
    private var endWaitsForRoom = false

    private(set) var takenMessageWasCompressed = false
    /// As they came; nil before they do.
    package private(set) var responseHeaders: HeaderBlock?
    package private(set) var responseTrailerBlock: HeaderBlock?
    package private(set) var error: ServingError?
    /// Hears of the end, once; nil where a task waits for it.
    private var observer: (any ClientCallObserver)?
    @exclusivity(unchecked) var reader: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) var writer: UnsafeContinuation<Void, Never>?

    /// A call that is not begun yet; `takesOneMessage` when its method answers with exactly one message.
    ///
    /// It is counted by `meter`, if there is one.
    package init(
        path: Bytes, options: CallOptions, takesOneMessage: Bool, loop: EventLoop, queue: any ClientCallQueue,
        meter: ClientCallMeter? = nil
    ) {
        self.path = path
        self.options = options
        self.takesOneMessage = takesOneMessage
        self.loop = loop
        self.queue = queue
        state = ClientCallState(takesOneMessage: takesOneMessage)
        deframer = MessageDeframer(messageByteCountMax: options.responseByteCountMax)
        measure = meter.map { CallMeasure(meter: $0, path: path, at: loop.now()) }
    }

    /// Whether the call has its status.
    package var isFinished: Bool { state.response == .ended }

    /// Starts the clock; called before the call is queued.
    package func begin() {
        guard options.deadline.isFinite else { return }
        guard !options.deadline.isExpired(at: loop.now()) else { return deadlineDidExpire() }
        guard !options.isEndedByCaller else { return }
        deadlineTimer = loop.schedule(at: options.deadline.time) {
            self.deadlineTimer = nil
            self.deadlineDidExpire()
        }
    }

    private func deadlineDidExpire() {
        fail(ServingError(.deadlineExceeded, "the deadline passed before the answer"))
    }

    /// The call looks for a connection, the first time or again.
    package func attemptDidBegin() { measure?.attemptDidBegin(at: loop.now()) }

    /// Gives the call its only message and the end of its requests, before it is queued; `observer` hears of the end.
    ///
    /// - Precondition: nothing was sent, and messages are not compressed.
    package func send(only message: Bytes, observer: any ClientCallObserver) {
        precondition(stream == nil && options.compression == nil, "a call that has begun")
        self.observer = observer
        replay.append(FramedMessage(message))
        _ = state.callerEnds()
    }

    // MARK: The connection

    /// Opens the call's stream on a connection.
    ///
    /// Headers that cannot be sent fail the call; it has no stream then.
    ///
    /// - Throws: as `HTTP2Session.openStream`, but for headers; the call still waits.
    /// - Precondition: the call is not finished and has no stream.
    package func open(on owner: any ClientCallOwner) throws(HTTP2Error) {
        precondition(stream == nil && !isFinished, "a call opened twice")
        let now = loop.now()
        guard !options.deadline.isExpired(at: now) else { return deadlineDidExpire() }
        let timeout = options.deadline.isFinite ? options.deadline.time.nanoseconds(since: now) : nil
        do throws(HTTP2Error) {
            let list = try owner.requestLists.list(
                path: path, timeoutNanoseconds: timeout, compression: options.compression,
                previousAttemptCount: retryState.retryCount, passed: options.passedHeaders, metadata: requestMetadata)
            stream = try owner.session.openStream(list, .more)
        } catch .invalidHeader(let name) {
            return fail(ServingError(.internal, "the header \(name) cannot be sent", label: "bad_headers"))
        } catch .headerListTooLongToSend(let byteCount) {
            return fail(
                ServingError(.resourceExhausted, "\(byteCount) bytes of headers are too long", label: "bad_headers"))
        }
        self.owner = owner
        unfolder = owner.unfolder
        if let messages = replay.messages { for message in messages { submit(message) } }
        if state.requestIsEnded { submitEnd() }
        owner.outputIsReady()
        wakeWriter()
    }

    /// Response headers, or the one header list of a Trailers-Only response.
    package func receiveHeaders(_ block: HeaderBlock, _ continuation: HTTP2Continuation) {
        guard continuation == .more else { return receiveTrailers(block) }
        // The caller sees something of this attempt, so it is the last one.
        replay.end()
        guard !block.isTruncated else { return fail(Self.headersTooLong) }
        if let rejection = ResponseStatus.rejection(ofHeaders: block, &encoding) { return reject(rejection) }
        deframer.acceptsCompressed = encoding.format != nil
        guard state.headersArrived().contains(.deliverHeaders) else { return }
        responseHeaders = block
        wakeReader()
    }

    /// A piece of the response's body.
    package func receive(_ bytes: UnsafeRawBufferPointer, _ continuation: HTTP2Continuation) {
        guard rejected == nil else { return receiveRejected(bytes, continuation) }
        withheldByteCount += bytes.count
        do throws(MessageDeframer.Failure) {
            try deframer.append(bytes) { arrived.append($0) }
        } catch {
            return fail(error.clientError(encoding: encoding))
        }
        while let message = arrived.popFirst() {
            measure?.messageDidArrive(byteCount: message.bytes.count)
            if state.messageArrived().contains(.deliverMessage) { received.append(message) }
        }
        guard !state.hasTooManyMessages else {
            return fail(
                ServingError(.internal, "the method answers with one message, but more came", label: "cardinality"))
        }
        grantWindow()
        wakeReader()
        if continuation == .end {
            finish(ServingError(.internal, "the response ended without trailers", label: "missing_trailers"))
        }
    }

    /// The trailers.
    package func receiveTrailers(_ block: HeaderBlock) {
        if let rejected { return fail(rejected.error) }
        guard !block.isTruncated else { return fail(Self.headersTooLong) }
        let status = ResponseStatus(block)
        if let error = status.error, willRetry(after: error, block) { return }
        responseTrailerBlock = block
        if status.error == nil, deframer.isInsideMessage {
            return finish(ServingError(.internal, "the response ended inside a message", label: "truncated_message"))
        }
        if status.error == nil, state.lacksMessage {
            return finish(
                ServingError(.internal, "the method answers with one message, but none came", label: "cardinality"))
        }
        finish(status.error)
    }

    /// The stream takes data again.
    package func streamIsWritable() {
        if endWaitsForRoom {
            endWaitsForRoom = false
            submitEnd()
        }
        wakeWriter()
    }

    /// The stream is gone, by a reset, by a GOAWAY, or with its connection (`connectionError`), before or after
    /// anything of it left this process.
    package func streamDidClose(_ code: HTTP2ErrorCode, hasLeft: Bool, connectionError: ServingError? = nil) {
        stream = nil
        owner = nil
        guard !isFinished else { return }
        if pendingRetry != nil { return waitToRetry() }
        if replay.reopens(after: code, hasLeft: hasLeft) { return openUnseenAgain() }
        let error = rejected?.error ?? connectionError ?? resetError(code)
        if willRetry(after: error, nil) { return waitToRetry() }
        guard state.streamClosed().contains(.finish) else { return }
        settle(error)
    }

    /// What a reset means; a server that knows the deadline may say CANCEL just before it passes here.
    private func resetError(_ code: HTTP2ErrorCode) -> ServingError {
        guard code != .cancel || !options.deadline.isExpired(at: loop.now()) else {
            return ServingError(.deadlineExceeded, "the deadline passed before the answer")
        }
        return ServingError(
            StatusCode(resetCode: code), "the stream was reset: \(code)", label: "stream_reset")
    }

    // MARK: More attempts

    /// The metadata of the request; once there is a number of attempts of our own, the caller's gives way.
    private var requestMetadata: Metadata {
        guard retryState.retryCount > 0 else { return options.metadata }
        var metadata = options.metadata
        metadata.removeAll("grpc-previous-rpc-attempts")
        return metadata
    }

    /// There is no server to make this attempt with.
    package func attemptDidFail(_ error: ServingError) {
        guard !isFinished else { return }
        if willRetry(after: error, nil) { waitToRetry() } else { fail(error) }
    }

    /// Whether another attempt follows the one that failed with `error`; `waitToRetry` begins it.
    private func willRetry(after error: ServingError, _ trailers: HeaderBlock?) -> Bool {
        guard !isFinished, pendingRetry == nil, let policy = options.retryPolicy, let retrying = queue.retrying else {
            return false
        }
        let delay = retrying.attemptFailed(
            error.code, pushback: RetryPushback(trailers?.firstValue(of: "grpc-retry-pushback-ms")?.utf8String),
            policy: policy,
            isCommitted: !replay.isPossible || options.deadline.isExpired(at: loop.now()), state: &retryState)
        guard let delay else { return false }
        pendingRetry = (error, delay)
        measure?.attemptDidEnd(error.code, then: .retry, at: loop.measuredNow())
        // The caller may write on; what it writes is kept for the next attempt.
        if !state.requestIsEnded { resetStream(.noError) }
        return true
    }

    /// Makes the next attempt in a while, unless the caller has meanwhile written more than is kept.
    private func waitToRetry() {
        guard let (error, delay) = pendingRetry else { return }
        pendingRetry = nil
        guard replay.isPossible else { return fail(error) }
        openAgain(afterNanoseconds: delay)
    }

    /// The server has not seen this attempt.
    private func openUnseenAgain() {
        measure?.attemptDidEnd(.unavailable, then: .transparentRetry, at: loop.measuredNow())
        openAgain(afterNanoseconds: 0)
    }

    /// Waits for another stream, on which all that was sent is sent again.
    private func openAgain(afterNanoseconds delay: UInt64) {
        responseTrailerBlock = nil
        endWaitsForRoom = false
        queue.enqueueAgain(self, afterNanoseconds: delay)
    }

    // MARK: What is not gRPC

    /// Ends the call once enough of the body has come to say what this is, or soon when nothing comes.
    private func reject(_ error: ServingError) {
        rejected = RejectedResponse(error)
        rejectionTimer = loop.schedule(afterNanoseconds: RejectedResponse.timeoutNanoseconds) {
            self.rejectionTimer = nil
            self.fail(self.rejected?.error ?? error)
        }
    }

    private func receiveRejected(_ bytes: UnsafeRawBufferPointer, _ continuation: HTTP2Continuation) {
        rejected?.append(bytes)
        guard let rejected, rejected.isFull || continuation == .end else { return }
        fail(rejected.error)
    }

    private static let headersTooLong = ServingError(
        .resourceExhausted, "the response's headers are too long", label: "headers_too_long")

    // MARK: Ends

    /// Ends the call with a status made here.
    package func fail(_ error: ServingError) {
        let actions = state.fail()
        guard actions.contains(.finish) else { return }
        received.removeAll()
        if let unfolding { unfolder?.cancel(unfolding) }
        resetStream(.cancel)
        settle(error)
    }

    /// Ends the call with the server's status; messages that came before it can still be taken.
    private func finish(_ error: ServingError?) {
        guard state.statusArrived().contains(.finish) else { return }
        // The server has answered without waiting for the rest of the request: nobody needs it any more.
        if !state.requestIsEnded { resetStream(.noError) }
        settle(error)
    }

    private func resetStream(_ code: HTTP2ErrorCode) {
        guard let stream, let owner else { return }
        owner.session.reset(stream, code)
        owner.outputIsReady()
    }

    private func settle(_ error: ServingError?) {
        self.error = error
        measure?.callDidEnd(error?.code ?? .ok, at: loop.measuredNow())
        replay.end()
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        deadlineTimer = nil
        if let rejectionTimer { loop.cancel(rejectionTimer) }
        rejectionTimer = nil
        pendingRetry = nil
        if error == nil { queue.retrying?.callSucceeded() }
        if stream == nil { queue.callLeftQueue(self) }
        wakeReader()
        wakeWriter()
        let observer = self.observer
        self.observer = nil
        observer?.callDidEnd(self)
    }

    // MARK: Sending

    /// Sends a message if the stream has room for it.
    ///
    /// - Returns: false when there is no stream yet, or it has enough to send; the caller waits for `writer`.
    func send(_ message: FramedMessage) -> Bool {
        guard state.callerSendsMessage().contains(.sendMessage) else { return true }
        guard stream != nil, submit(message) else { return false }
        replay.append(message)
        return true
    }

    /// Says that no more messages follow.
    func sendEnd() {
        guard state.callerEnds().contains(.sendEnd) else { return }
        submitEnd()
    }

    /// The message as it will be sent.
    func frame(_ message: Bytes, _ compression: MessageCompression) -> FramedMessage {
        guard compression == .allowed, let format = options.compression, let owner else {
            return FramedMessage(message)
        }
        return owner.codec.frame(message, format)
    }

    @discardableResult
    private func submit(_ message: FramedMessage) -> Bool {
        guard let stream, let owner else { return false }
        let submission = MessagePrefix(message).withUnsafeBytes {
            owner.session.submitData(stream, prefix: $0, message.bytes, .more)
        }
        owner.outputIsReady()
        if case .queueFull = submission { return false }
        measure?.messageDidLeave(byteCount: message.bytes.count)
        return true
    }

    private func submitEnd() {
        guard let stream, let owner else { return }
        let submission = owner.session.submitData(stream, Bytes(), .end)
        if case .queueFull = submission { endWaitsForRoom = true }
        owner.outputIsReady()
    }

    // MARK: Receiving

    /// The next message that has come, as it came.
    func takeMessage() -> FramedMessage? {
        guard let message = received.popFirst() else { return nil }
        grantWindow()
        takenMessageWasCompressed = message.isCompressed
        return message
    }

    /// The bytes of a compressed message; nil when it cannot be read, which ends the call, or when the call has ended.
    func unfold(_ message: FramedMessage) async -> Bytes? {
        // Flagged messages without a format we know were refused by their prefix.
        guard let format = encoding.format, let unfolder else { return message.bytes }
        precondition(unfolding == nil, "two readers of one call")
        let unfolding = Unfolding(
            message.bytes, format, byteCountMax: options.responseByteCountMax, of: owner ?? self
        ) { _ throws(ServingError) in }
        self.unfolding = unfolding
        defer { self.unfolding = nil }
        unfolder.start(unfolding)
        do throws(ServingError) {
            return try await unfolding.value()
        } catch {
            received.removeAll()
            if isFinished { self.error = self.error ?? error } else { fail(error) }
            return nil
        }
    }

    private func grantWindow() {
        guard withheldByteCount > 0, received.isEmpty, let stream, let owner else { return }
        owner.session.consume(stream, byteCount: withheldByteCount)
        withheldByteCount = 0
        owner.outputIsReady()
    }

    private func wakeReader() {
        let reader = self.reader
        self.reader = nil
        reader?.resume()
    }

    private func wakeWriter() {
        let writer = self.writer
        self.writer = nil
        writer?.resume()
    }
}
