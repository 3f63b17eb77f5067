import EventLoops
package import HTTP2
package import Vocabulary

/// What the maker of a call does with it, from any task.
///
/// Each method goes to the call's loop and comes back; from a task that runs on the loop there is no way to go. When
/// the task that waits in one of them is cancelled, the call is.
extension ClientCall {
    /// Sends a message; waits for a connection, and while the server is too far behind.
    ///
    /// When the call has ended meanwhile, the message is dropped: `next` says how it ended.
    ///
    /// - Throws: RESOURCE_EXHAUSTED for a message over the limit; it was not sent.
    package func write(_ message: Bytes, compression: MessageCompression = .allowed) async throws(RPCFailure) {
        let byteCountMax = min(options.requestByteCountMax, MessagePrefix.messageByteCountMax)
        guard message.count <= byteCountMax else {
            throw RPCFailure(
                .resourceExhausted, "a message of \(message.count) bytes is over the limit of \(byteCountMax)",
                label: "request_too_long")
        }
        try await loop.run { () async throws(RPCFailure) in
            // The connection's codec compresses, so a call that waits for one has nothing to do yet.
            while self.stream == nil, !self.isFinished { await self.waitToWrite() }
            let message = self.frame(message, compression)
            while !self.send(message) { await self.waitToWrite() }
        }
    }

    /// Says that no more messages follow; does nothing the second time.
    package func finishWriting() async throws(RPCFailure) {
        try await loop.run { () async throws(RPCFailure) in
            // The end must not overtake what the stream has no room for, so it waits for a stream as messages do.
            while self.stream == nil, !self.isFinished { await self.waitToWrite() }
            self.sendEnd()
        }
    }

    /// The next message; nil after the last, when the status is OK.
    ///
    /// - Throws: the call's status when it is another, after the messages that came before it.
    package func next() async throws(RPCFailure) -> Bytes? {
        try await loop.run { () async throws(RPCFailure) in
            while true {
                if let message = self.takeMessage() {
                    guard message.isCompressed else { return message.bytes }
                    if let bytes = await self.waitToUnfold(message) { return bytes }
                }
                if self.isFinished { return try self.checkStatus() }
                await self.waitToRead()
            }
        }
    }

    /// Whether the message that `next` returned last came compressed.
    package func responseWasCompressed() async -> Bool {
        await loop.run { self.takenMessageWasCompressed }
    }

    /// The custom headers of the response; waits for them, or for the end of the call.
    package func responseMetadata() async throws(RPCFailure) -> Metadata {
        try await loop.run { () async throws(RPCFailure) in
            while self.state.response == .waiting { await self.waitToRead() }
            return self.responseHeaders.map { Metadata($0) } ?? Metadata()
        }
    }

    /// The custom trailers; empty before the end of the call.
    package func responseTrailers() async throws(RPCFailure) -> Metadata {
        try await loop.run { () async throws(RPCFailure) in self.trailingMetadata }
    }

    /// The response's headers as they came, nil when none have; waits for them, or for the end of the call.
    package func responseHeadersToPass() async throws(RPCFailure) -> HeaderBlock? {
        try await loop.run { () async throws(RPCFailure) in
            while self.state.response == .waiting { await self.waitToRead() }
            return self.responseHeaders
        }
    }

    /// The trailers as they came; nil before the end of the call, and when none did.
    package func responseTrailersToPass() async -> HeaderBlock? {
        await loop.run { self.responseTrailerBlock }
    }

    private var trailingMetadata: Metadata {
        Metadata(trailers: responseTrailerBlock, of: error?.code ?? .ok)
    }

    /// Ends the call: the server is told, its answer ignored.
    ///
    /// Does nothing to a call that has ended.
    package func cancel() {
        let cancel: @Sendable () -> Void = { self.fail(ServingError(.cancelled, "the caller cancelled the call")) }
        if loop.isCurrent { cancel() } else { loop.submit(cancel) }
    }

    /// Sends one message, and waits for the one that answers it.
    package func exchange(_ message: Bytes) async throws(RPCFailure) -> UnaryResponse {
        try await loop.run { () async throws(RPCFailure) in
            try await self.write(message)
            try await self.finishWriting()
            let answer = try await self.next()
            // Only the status follows; it may still turn the answer into an error.
            guard let answer, try await self.next() == nil else {
                throw RPCFailure(.internal, "the method did not answer with one message", label: "cardinality")
            }
            return UnaryResponse(
                message: answer, initialMetadata: self.responseHeaders.map { Metadata($0) } ?? Metadata(),
                trailingMetadata: self.trailingMetadata)
        }
    }

    /// The message of a call that has ended well and answers with one; nil when it is compressed, for `next`.
    package func takeOnlyMessage() -> Bytes? {
        received.first?.isCompressed == false ? takeMessage()?.bytes : nil
    }

    private func checkStatus() throws(RPCFailure) -> Bytes? {
        guard let error else { return nil }
        throw RPCFailure(error, trailers: responseTrailerBlock)
    }

    private func waitToUnfold(_ message: FramedMessage) async -> Bytes? {
        await withTaskCancellationHandler {
            await unfold(message)
        } onCancel: {
            cancel()
        }
    }

    private func waitToRead() async {
        precondition(reader == nil, "two readers of one call")
        await withTaskCancellationHandler {
            guard !isFinished else { return }
            await withUnsafeContinuation { reader = $0 }
        } onCancel: {
            cancel()
        }
    }

    private func waitToWrite() async {
        precondition(writer == nil, "two writers of one call")
        await withTaskCancellationHandler {
            guard !isFinished else { return }
            await withUnsafeContinuation { writer = $0 }
        } onCancel: {
            cancel()
        }
    }
}
