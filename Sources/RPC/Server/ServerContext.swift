package import Compression
package import EventLoops
import HTTP2
package import Vocabulary

/// What a handler knows of its call, besides the messages.
///
/// A handle of the call: copies are the same call.
///
/// - Isolation: the call's loop, where handlers run.
package struct ServerContext: Sendable {
    let call: ServerCall

    /// The registered path of the method.
    package var path: String { call.method.path }
    /// The same as bytes, made once.
    package var pathBytes: Bytes { call.method.pathBytes }
    /// Who calls, as its certificate says; nil on a connection without TLS.
    package var peer: PeerIdentity? { call.owner.peer }
    /// When the answer stops being of use; the handler is cancelled then.
    package var deadline: Deadline { call.deadline }
    /// Options for calls that the handler makes on behalf of its caller: they end no later than this call.
    ///
    /// Cancellation needs no option: the handler's task is cancelled with its call, and with a task the calls that it
    /// waits for.
    package var optionsForCalls: CallOptions {
        var options = CallOptions()
        options.deadline = deadline
        return options
    }
    /// Names the call in logs.
    package var requestID: RequestID { call.requestID }
    /// The loop the handler runs on and its connection lives on.
    package var loop: EventLoop { call.loop }

    /// When the headers of the request came.
    package var arrivalTime: MonotonicTime { call.startTime }

    /// Room for what an upper layer remembers about the connection's peer from one call to the next.
    package var peerNote: (any AnyObject & Sendable)? {
        get { call.owner.peerNote }
        nonmutating set { call.owner.peerNote = newValue }
    }

    /// Room for what an upper layer remembers about this call; whoever observes the call's end finds it in the record.
    package var callNote: (any CallNote)? {
        get { call.note }
        nonmutating set { call.note = newValue }
    }

    /// The headers of the request, as received.
    package var requestHead: RequestHead { call.head }

    /// Room for what an upper layer finds out about headers that clients send again and again.
    ///
    /// These are all of a request's but its time, see `RequestPattern`. The note must refer neither to the call nor to
    /// who makes it.
    package var patternNote: (any AnyObject & Sendable)? {
        get { call.head.pattern.note }
        nonmutating set { call.head.pattern.note = newValue }
    }

    /// The text of the first header called `name` (lower case); decodes nothing else.
    package func requestText(of name: StaticString) -> String? {
        call.head.block.firstValue(of: name)?.utf8String
    }

    /// The custom headers of the request.
    ///
    /// - Complexity: decodes them all at each use.
    package var requestMetadata: Metadata { Metadata(call.head.block) }

    /// Whether the message that the handler took last came compressed.
    package var requestWasCompressed: Bool { call.takenMessageWasCompressed }

    /// Sets the custom headers of the response; without effect once a message or `sendInitialMetadata` sent them.
    package func setInitialMetadata(_ metadata: Metadata) {
        call.loop.preconditionOnLoop()
        call.initialMetadata = metadata
    }

    /// Sends the custom headers of another server's response in front of those of this one; without effect once the
    /// headers were sent.
    package func passInitialMetadata(_ headers: PassedHeaders) {
        call.loop.preconditionOnLoop()
        call.passedInitial = headers
    }

    /// Sends the custom trailers of another server's response in front of those of this one.
    package func passTrailingMetadata(_ trailers: PassedHeaders) {
        call.loop.preconditionOnLoop()
        call.passedTrailers = trailers
    }

    /// Answers a call whose handler has said `ImmediateAnswer.later`.
    package func finish(_ answer: Result<Bytes, any Error>) {
        call.loop.preconditionOnLoop()
        call.finishLater(answer)
    }

    /// Compresses the messages of the response with `format`, if the client accepts it; nil leaves them as they are.
    ///
    /// Without effect once the headers were sent. `ResponseWriter.write` can leave out single messages.
    package func setResponseCompression(_ format: CompressionFormat?) {
        call.loop.preconditionOnLoop()
        call.setResponseFormat(format)
    }

    /// Sends the response's headers now instead of with its first message.
    package func sendInitialMetadata() {
        call.loop.preconditionOnLoop()
        call.perform(call.state.handlerSendsHeaders())
    }

    /// Sets the custom trailers, which are sent with the status, be it OK or an error.
    package func setTrailingMetadata(_ metadata: Metadata) {
        call.loop.preconditionOnLoop()
        call.trailingMetadata = metadata
    }

    /// Sets trailers that many calls have in common: those of a call that succeeds without custom ones.
    package func setTrailers(_ trailers: PreparedTrailers) {
        call.loop.preconditionOnLoop()
        call.preparedTrailers = trailers
    }
}
