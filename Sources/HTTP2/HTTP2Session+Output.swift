import CNghttp2

extension HTTP2Session {
    /// Hands the bytes for the peer to `body`, in pieces that follow each other, which returns how many it took.
    ///
    /// `body` is called again while it takes everything and there is more; what it leaves comes first next time, and
    /// until then no further frames are made, so that a slow peer holds back the streams instead of filling memory.
    ///
    /// - Throws: why the connection is over, if that shows only now; the output then still holds the GOAWAY.
    package func drainPieces(_ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> Int) throws(HTTP2Error) {
        while true {
            if state.pointee.output.count == 0 { try fillOutput() }
            if state.pointee.output.count == 0 { break }
            guard state.pointee.output.take(body) else { return }
        }
    }

    /// As `drainPieces`, one piece at a time.
    package func drainOutput(_ body: (UnsafeRawBufferPointer) -> Int) throws(HTTP2Error) {
        try drainPieces { pieces in
            var takenByteCount = 0
            for piece in pieces {
                let taken = body(piece)
                takenByteCount += taken
                if taken < piece.count { break }
            }
            return takenByteCount
        }
    }

    /// Gives back the memory that bytes on their way need, until there are some again.
    package func releaseBuffers() {
        state.pointee.output.releaseIfEmpty()
        state.pointee.events.releaseIfEmpty()
        if let frameBuffer = state.pointee.frameBuffer, !wantsWrite { LibraryMemory.emptyFrameBuffer(frameBuffer) }
        // A stream that is open may be in the middle of its header list.
        guard state.pointee.openStreamCount == 0 else { return }
        state.pointee.freeBlocks.deallocate()
        state.pointee.releaseHeaders()
        state.pointee.streams.releaseIfUnused()
    }

    /// Serialises frames until the output is full or there are no more.
    func fillOutput() throws(HTTP2Error) {
        guard !state.pointee.isSendingBroken else { return }
        let failedBefore = failure != nil
        while state.pointee.output.count < state.pointee.outputByteCountMax {
            var frame: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &frame)
            if count < 0 {
                // Out of memory, or trailers refused: there is no way to go on.
                state.pointee.isSendingBroken = true
                if !failedBefore { try fail(.library(code: Int32(count))) }
                return
            }
            if count == 0 { break }
            state.pointee.output.append(UnsafeRawBufferPointer(start: frame, count: count))
        }
        if let failure, !failedBefore { try fail(failure) }
    }
}
