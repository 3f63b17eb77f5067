import Compression
import EventLoops
package import HTTP2
package import Vocabulary

/// One call on the server: carries out what `ServerCallState` decides.
///
/// Bytes come in by `receive`, answers leave through the connection's HTTP/2 session. Messages the handler has not
/// taken hold back the stream's window, so a slow handler slows its client down: at most one stream window and one
/// message wait here.
///
/// - Isolation: the connection's loop. The handler's handles (`ServerContext`, `RequestStream`, `ResponseWriter`)
///   check.
package final class ServerCall: @unchecked Sendable {
    // @unchecked: touched on `loop` only.

    package let stream: HTTP2Stream
    package let head: RequestHead
    package let requestID: RequestID
    package let deadline: Deadline
    let owner: any ServerCallOwner
    let loop: EventLoop
    package let method: MethodTable.Method

    // What most events touch is not checked for overlapping accesses at run time: the events of a call come one after
    // another on its loop, and the check would be a twentieth of an event.
    @exclusivity(unchecked) var state: ServerCallState
    @exclusivity(unchecked) private var deframer: MessageDeframer
    let limits: ServerCallLimits
    let startTime: MonotonicTime

    /// Just cut from the stream; empty between events.
    @exclusivity(unchecked) private var arrivedMessages = MessageQueue()
    /// Not taken by the handler yet.
    @exclusivity(unchecked) private var waitingMessages = MessageQueue()
    @exclusivity(unchecked) private(set) var takenMessageWasCompressed = false
    /// Received bytes that were not given back to the stream's window yet.
    @exclusivity(unchecked) private var withheldByteCount = 0
    /// Received bytes that this call keeps in memory, as its owner has counted them.
    @exclusivity(unchecked) private var heldByteCount = 0
    /// Those of them that the handler took last, and may keep until it asks for more.
    @exclusivity(unchecked) private var takenByteCount = 0
    private var reader: UnsafeContinuation<FramedMessage?, any Error>?
    /// The message that the handler waits for, while it is unfolded.
    private var unfolding: Unfolding?
    private var writer: UnsafeContinuation<Void, any Error>?
    private var task: Task<Void, Never>?
    /// Who brings the answer, where no task does.
    private var pendingAnswer: (any PendingAnswer)?
    private var handlerIsCancelled = false
    private var deadlineTimer: TimerID?

    /// What the response is compressed with; subject to the client's consent until that is known.
    var responseFormat: CompressionFormat?
    var responseFormatIsAgreed = false

    var initialMetadata = Metadata()
    var trailingMetadata = Metadata()
    /// What another server has sent for this call, to be sent on in front of the metadata.
    var passedInitial: PassedHeaders?
    var passedTrailers: PassedHeaders?
    /// Of a call that succeeds and has no other trailers.
    var preparedTrailers: PreparedTrailers?
    /// What an upper layer remembers about this call; usually it knows the call, so it is let go with the record.
    var note: (any CallNote)?
    private var requestByteCount = 0
    private var responseByteCount = 0
    private var requestMessageCount = 0
    private var responseMessageCount = 0
    private var status = StatusCode.ok
    private var label = "ok"
    /// When the call was answered or its stream was lost.
    private var endTime: MonotonicTime?

    package init(
        stream: HTTP2Stream, head: RequestHead, method: MethodTable.Method, requestID: RequestID,
        owner: any ServerCallOwner, limits: ServerCallLimits
    ) {
        self.stream = stream
        self.head = head
        self.method = method
        self.requestID = requestID
        self.owner = owner
        self.limits = limits
        loop = owner.loop
        let now = owner.loop.now()
        startTime = now
        deadline = head.timeoutNanoseconds.map { Deadline(now.advanced(byNanoseconds: $0)) } ?? .never
        state = ServerCallState(takesOneMessage: method.handler.takesOneMessage)
        deframer = MessageDeframer(messageByteCountMax: method.requestByteCountMax ?? limits.requestByteCountMax)
        deframer.acceptsCompressed = head.encoding.format != nil
        responseFormat = limits.compression.format
    }

    // MARK: Events from the connection

    /// Begins the call; its headers have been accepted.
    package func begin() {
        guard !deadline.isExpired(at: startTime) else {
            return fail(ServingError(.deadlineExceeded, "the deadline had passed on arrival"))
        }
        if deadline.isFinite {
            deadlineTimer = loop.schedule(at: deadline.time) { self.deadlineDidExpire() }
        }
        perform(state.begin())
    }

    /// Takes a piece of the request's body.
    package func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !state.isAnswered, owner.hold(requestByteCount: bytes.count) else { return refuse(bytes) }
        heldByteCount += bytes.count
        do throws(MessageDeframer.Failure) {
            try deframer.append(bytes) { arrivedMessages.append($0) }
        } catch {
            withheldByteCount += bytes.count
            return fail(error.serverError(encoding: head.encoding))
        }
        withheldByteCount += bytes.count
        while let message = arrivedMessages.popFirst() { take(message) }
        grantWindow()
    }

    /// Drops bytes that nobody waits for, or that are more than the connection may hold.
    private func refuse(_ bytes: UnsafeRawBufferPointer) {
        withheldByteCount += bytes.count
        if !state.isAnswered {
            fail(Self.budgetError)
        }
        grantWindow()
    }

    /// The handler of a stream asks for more, so it is done with the message before.
    ///
    /// A single message is counted until the call ends: calls wait for a model with it.
    private func letGoOfTakenMessage() {
        guard takenByteCount > 0 else { return }
        heldByteCount -= takenByteCount
        owner.letGo(requestByteCount: takenByteCount)
        takenByteCount = 0
    }

    private func take(_ message: FramedMessage) {
        let actions = state.messageArrived()
        requestByteCount += message.bytes.count
        requestMessageCount += 1
        if actions.contains(.deliverMessage) {
            if reader == nil { wait(message) } else { hand(message) }
        }
        perform(actions)
    }

    /// What a message costs while it waits, beside its bytes: the queue may have twice the places it needs.
    ///
    /// Why count it: a window full of empty messages, five bytes each, takes a dozen times the memory of its bytes.
    private static let placeByteCount = 2 * MemoryLayout<FramedMessage>.stride

    private func wait(_ message: FramedMessage) {
        waitingMessages.append(message)
        guard !method.handler.takesOneMessage else { return }
        guard owner.hold(requestByteCount: Self.placeByteCount) else { return fail(Self.budgetError) }
        heldByteCount += Self.placeByteCount
    }

    /// The next message that waits, which gives its place back.
    private func takeWaitingMessage() -> FramedMessage? {
        guard let message = waitingMessages.popFirst() else { return nil }
        guard !method.handler.takesOneMessage else { return message }
        heldByteCount -= Self.placeByteCount
        owner.letGo(requestByteCount: Self.placeByteCount)
        return message
    }

    /// Hands a message to the reader that waits for one.
    private func hand(_ message: FramedMessage) {
        countTaken(message)
        let reader = self.reader
        self.reader = nil
        reader?.resume(returning: message)
    }

    private func countTaken(_ message: FramedMessage) {
        takenMessageWasCompressed = message.isCompressed
        takenByteCount = message.bytes.count + MessageDeframer.prefixByteCount
    }

    /// The bytes of a compressed message, for the handler; those it unfolds to are counted as they appear.
    ///
    /// - Throws: `ServingError` when it cannot be read; `CancellationError` when the call has ended.
    private func unfold(_ message: FramedMessage) async throws -> Bytes {
        guard !handlerIsCancelled, state.handler == .running else { throw CancellationError() }
        // Flagged messages without a format we know were refused by their prefix.
        guard let format = head.encoding.format else { return message.bytes }
        precondition(unfolding == nil, "two readers of one request stream")
        let unfolding = Unfolding(
            message.bytes, format, byteCountMax: deframer.messageByteCountMax, of: owner
        ) { (count) throws(ServingError) in try self.holdUnfolded(count) }
        self.unfolding = unfolding
        defer { self.unfolding = nil }
        owner.unfolder.start(unfolding)
        do throws(ServingError) {
            return try await unfolding.value()
        } catch {
            guard !handlerIsCancelled else { throw CancellationError() }
            throw error
        }
    }

    private func holdUnfolded(_ byteCount: Int) throws(ServingError) {
        guard owner.hold(requestByteCount: byteCount) else { throw Self.budgetError }
        heldByteCount += byteCount
        takenByteCount += byteCount
    }

    private static let budgetError = ServingError(
        .resourceExhausted, "the connection's calls hold too much", label: "request_budget")

    /// Whether the client owes bytes: the rest of a message, or the one request of a method that takes one.
    ///
    /// A stream of messages may pause between them as it likes; while its handler is slow, the client owes nothing.
    package var awaitsRequestBytes: Bool {
        guard state.request == .open, !state.isAnswered else { return false }
        return method.handler.takesOneMessage || deframer.isInsideMessage && waitingMessages.isEmpty
    }

    /// The client has sent everything.
    package func receiveEnd() {
        guard !deframer.isInsideMessage || state.isAnswered else {
            return fail(ServingError(.internal, "the request ended inside a message", label: "truncated_message"))
        }
        perform(state.requestEnded())
    }

    /// The stream takes data again.
    package func streamIsWritable() {
        guard let writer else { return }
        self.writer = nil
        writer.resume()
    }

    /// The stream is gone: finished, reset by the client, or lost with its connection.
    package func streamDidClose(_ code: HTTP2ErrorCode) {
        if !state.isAnswered {
            status = .cancelled
            label = code == .noError ? "connection_lost" : "client_reset"
            endTime = loop.measuredNow()
        }
        perform(state.streamClosed())
    }

    /// Ends the call with an error that is not the handler's: a broken rule, a deadline, a shutdown.
    package func fail(_ error: ServingError) {
        if !state.isAnswered { note?.callEnds(with: error) }
        perform(state.fail(), failing: error)
    }

    private func deadlineDidExpire() {
        deadlineTimer = nil
        fail(ServingError(.deadlineExceeded, "the deadline passed before the answer"))
    }

    // MARK: Actions

    /// Does what the state says, which is not the end of the call, or a good one.
    ///
    /// Why the ways of success are functions of their own: an error is large, and to pass on that there is none, from
    /// one function to the next, takes as long as all that they do.
    func perform(_ actions: ServerCallState.Actions) {
        if actions.isEmpty { return }
        begin(actions)
        if actions.contains(.refuseCardinality) {
            note?.callEnds(with: Self.cardinalityError)
            sendEnd(actions, Self.cardinalityError)
        } else if actions.contains(.sendTrailers) {
            sendTrailers()
        } else if actions.contains(.sendTrailersOnly) {
            sendTrailersOnly(nil)
        }
        end(actions)
    }

    private func perform(_ actions: ServerCallState.Actions, failing error: ServingError) {
        if actions.isEmpty { return }
        begin(actions)
        sendEnd(actions, error)
        end(actions)
    }

    private func begin(_ actions: ServerCallState.Actions) {
        if actions.contains(.deliverEnd), let reader {
            self.reader = nil
            reader.resume(returning: nil)
        }
        if actions.contains(.sendHeaders) { sendHeaders() }
    }

    private func sendEnd(_ actions: ServerCallState.Actions, _ error: ServingError) {
        if actions.contains(.sendTrailers) { sendTrailers(error) }
        if actions.contains(.sendTrailersOnly) { sendTrailersOnly(error) }
    }

    private func end(_ actions: ServerCallState.Actions) {
        if actions.contains(.cancelHandler) { cancelHandler() }
        if actions.contains(.dropRequest) {
            waitingMessages.removeAll()
            grantWindow()
        }
        if actions.contains(.release) { release() }
        // Last: a handler that does not wait runs the rest of the call inside this line.
        if actions.contains(.startHandler) { startHandler() }
    }

    private static let cardinalityError = ServingError(
        .internal, "the method takes exactly one request message", label: "cardinality")

    private func sendHeaders() {
        let format = agreedFormat()
        guard !initialMetadata.isEmpty || passedInitial != nil else {
            return submit(ResponseHeaders.initial(format))
        }
        submit(initialMetadata, passedInitial) { (session, metadata, passed) throws(HTTP2Error) in
            try session.submitHeaders(self.stream, ResponseHeaders.initial(metadata, format, passed: passed), .more)
        }
    }

    private func sendTrailers() {
        status = .ok
        label = "ok"
        noteEnd()
        guard trailingMetadata.isEmpty, passedTrailers == nil, let preparedTrailers else {
            return submit(trailingMetadata, passedTrailers) { (session, metadata, passed) throws(HTTP2Error) in
                try session.submitTrailers(self.stream, ResponseHeaders.trailers(metadata, passed: passed))
            }
        }
        _ = try? owner.session.submitTrailers(stream, preparedTrailers.headers)
        owner.outputIsReady()
    }

    private func sendTrailers(_ error: ServingError) {
        record(error)
        guard
            error.code != .deadlineExceeded || owner.session.hasWindowForPendingData(stream)
                || !deadline.isExpired(at: loop.now())
        else {
            // Trailers would wait behind data that the client is not taking; the reset says it now.
            owner.session.reset(stream, .cancel)
            return owner.outputIsReady()
        }
        submit(trailingMetadata, passedTrailers) { (session, metadata, passed) throws(HTTP2Error) in
            try session.submitTrailers(self.stream, ResponseHeaders.trailers(error, metadata, passed: passed))
        }
    }

    private func sendTrailersOnly(_ error: ServingError?) {
        record(error)
        submit(trailingMetadata, passedTrailers) { (session, metadata, passed) throws(HTTP2Error) in
            try session.submitHeaders(
                self.stream, ResponseHeaders.trailersOnly(error, metadata, passed: passed), .end)
        }
    }

    /// Gives headers to the session that certainly are short enough.
    private func submit(_ list: HeaderList) {
        _ = try? owner.session.submitHeaders(stream, list, .more)
        owner.outputIsReady()
    }

    /// Gives headers to the session; when HTTP/2 does not allow the metadata in them, without it.
    ///
    /// A session that is broken by then says so at its next drain.
    private func submit(
        _ metadata: Metadata, _ passed: PassedHeaders?,
        _ command: (HTTP2Session, Metadata, PassedHeaders?) throws(HTTP2Error) -> HTTP2Submission
    ) {
        do throws(HTTP2Error) {
            _ = try command(owner.session, metadata, passed)
        } catch {
            if !metadata.isEmpty || passed != nil { _ = try? command(owner.session, Metadata(), nil) }
        }
        owner.outputIsReady()
    }

    private func record(_ error: ServingError?) {
        if error != nil, note == nil, trailingMetadata.isEmpty { trailingMetadata = owner.trailersOfUnhandledCalls }
        status = error?.code ?? .ok
        label = error?.label ?? "ok"
        noteEnd()
    }

    /// Measured: most calls are answered within the turn in which they came.
    private func noteEnd() { endTime = loop.measuredNow() }

    private func cancelHandler() {
        handlerIsCancelled = true
        if let unfolding { owner.unfolder.cancel(unfolding) }
        wakeReader()
        wakeWriter()
        task?.cancel()
        pendingAnswer?.cancel()
    }

    private func release() {
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        deadlineTimer = nil
        task = nil
        pendingAnswer = nil
        // Only of a handler that left a task of its own behind, which still reads.
        if let unfolding { owner.unfolder.cancel(unfolding) }
        if heldByteCount > 0 { owner.letGo(requestByteCount: heldByteCount) }
        heldByteCount = 0
        takenByteCount = 0
        let record = CallRecord(
            requestID: requestID, method: method.path, status: status, label: label, peer: owner.peer,
            requestByteCount: requestByteCount, responseByteCount: responseByteCount,
            requestMessageCount: requestMessageCount, responseMessageCount: responseMessageCount,
            durationNanoseconds: (endTime ?? loop.measuredNow()).nanoseconds(since: startTime), headers: head.block,
            note: note)
        note = nil
        owner.callDidEnd(self, record)
    }

    /// Gives received bytes back to the stream's window, unless a message waits for the handler.
    private func grantWindow() {
        guard withheldByteCount > 0, waitingMessages.isEmpty else { return }
        owner.session.consume(stream, byteCount: withheldByteCount)
        withheldByteCount = 0
        owner.outputIsReady()
    }

    // MARK: The handler

    private func startHandler() {
        if let immediate = method.immediate, answerAtOnce(immediate) { return }
        let task = Task.immediate(executorPreference: loop) { await self.runHandler() }
        guard state.handler == .running else { return }
        self.task = task
        if handlerIsCancelled { task.cancel() }
    }

    /// Whether the method could answer without a task; it is answered then, or somebody has promised to.
    private func answerAtOnce(_ immediate: MethodTable.ImmediateHandler) -> Bool {
        do {
            guard let message = waitingMessages.first, !message.isCompressed else { return false }
            switch try immediate(ServerContext(call: self), message.bytes) {
            case .message(let answer)?:
                try send(frame(answer, .allowed))
                finishHandler(nil)
            case .later(let pending)?:
                // It may have been brought already.
                guard state.handler == .running else { return true }
                pendingAnswer = pending
                if handlerIsCancelled { pending.cancel() }
            case nil: return false
            }
        } catch {
            finishHandler(ServingError(handlerError: error))
        }
        return true
    }

    /// Ends a call whose handler has promised an answer.
    func finishLater(_ answer: Result<Bytes, any Error>) {
        pendingAnswer = nil
        do {
            try send(frame(answer.get(), .allowed))
            finishHandler(nil)
        } catch {
            finishHandler(ServingError(handlerError: error))
        }
    }

    private func runHandler() async {
        let context = ServerContext(call: self)
        do {
            var message = Bytes()
            if method.handler.takesOneMessage {
                let only = takeOnlyMessage()
                message = only.isCompressed ? try await unfold(only) : only.bytes
            }
            switch method.handler {
            case .unary(let handler):
                try send(frame(await handler(context, message), .allowed))
            case .serverStream(let handler):
                try await handler(context, message, ResponseWriter(call: self))
            case .clientStream(let handler):
                try send(frame(await handler(context, RequestStream(call: self)), .allowed))
            case .stream(let handler):
                try await handler(context, RequestStream(call: self), ResponseWriter(call: self))
            }
            finishHandler(nil)
        } catch {
            finishHandler(ServingError(handlerError: error))
        }
    }

    private func finishHandler(_ error: ServingError?) {
        loop.preconditionOnLoop()
        if let error { perform(state.handlerFinished(), failing: error) } else { perform(state.handlerFinished()) }
    }

    private func takeOnlyMessage() -> FramedMessage {
        guard let message = waitingMessages.popFirst() else {
            preconditionFailure("a handler of one message started without it")
        }
        countTaken(message)
        return message
    }

    /// Queues a message, whatever waits before it.
    ///
    /// - Returns: false when the stream has enough to send and did not take it.
    @discardableResult
    private func send(_ message: FramedMessage) -> Bool {
        let actions = state.handlerSendsMessage()
        perform(actions)
        guard actions.contains(.sendMessage) else { return true }
        let submission = MessagePrefix(message).withUnsafeBytes {
            owner.session.submitData(stream, prefix: $0, message.bytes, .more)
        }
        owner.outputIsReady()
        if case .queueFull = submission { return false }
        responseByteCount += message.bytes.count
        responseMessageCount += 1
        return true
    }

    // MARK: For the handles

    /// The next message, waiting for it; nil after the last.
    func nextMessage() async throws -> Bytes? {
        loop.preconditionOnLoop()
        letGoOfTakenMessage()
        let message: FramedMessage
        if let waiting = takeWaitingMessage() {
            grantWindow()
            countTaken(waiting)
            message = waiting
        } else {
            guard let arrived = try await arrivingMessage() else { return nil }
            message = arrived
        }
        guard message.isCompressed else { return message.bytes }
        do {
            return try await unfold(message)
        } catch let error as ServingError {
            fail(error)
            throw CancellationError()
        }
    }

    private func arrivingMessage() async throws -> FramedMessage? {
        guard !handlerIsCancelled else { throw CancellationError() }
        guard state.request == .open else { return nil }
        precondition(reader == nil, "two readers of one request stream")
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                reader = continuation
            }
        } onCancel: {
            onLoop { self.wakeReader() }
        }
    }

    /// Sends a message, first waiting until the stream has room.
    func write(_ message: Bytes, _ compression: MessageCompression) async throws {
        let message = try frame(message, compression)
        while true {
            guard !handlerIsCancelled else { throw CancellationError() }
            if send(message) { return }
            precondition(writer == nil, "two writers of one response stream")
            try await withTaskCancellationHandler {
                try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                    guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                    writer = continuation
                }
            } onCancel: {
                onLoop { self.wakeWriter() }
            }
        }
    }

    private func wakeReader() {
        guard let reader else { return }
        self.reader = nil
        reader.resume(throwing: CancellationError())
    }

    private func wakeWriter() {
        guard let writer else { return }
        self.writer = nil
        writer.resume(throwing: CancellationError())
    }

    /// Cancellation may come from any thread.
    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if loop.isCurrent { work() } else { loop.submit(work) }
    }
}
