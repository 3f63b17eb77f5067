import CNghttp2

extension HTTP2Session {
    /// Memory an idle connection keeps for its output.
    private static let idleOutputByteCountMax = 32 << 10

    /// Hands the bytes for the peer to `body`, which returns how many it took.
    ///
    /// `body` is called again while it takes everything and there is more; what it leaves comes first next time, and
    /// until then no further frames are made, so that a slow peer holds back the streams instead of filling memory.
    ///
    /// - Throws: why the connection is over, if that shows only now; the output then still holds the GOAWAY.
    package func drainOutput(_ body: (UnsafeRawBufferPointer) -> Int) throws(HTTP2Error) {
        while true {
            if state.pointee.output.count == 0 { try fillOutput() }
            let bytes = state.pointee.output.bytes
            if bytes.count == 0 { break }
            let taken = body(bytes)
            state.pointee.output.removeFirst(taken)
            if taken < bytes.count { return }
        }
        state.pointee.output.shrink(to: Self.idleOutputByteCountMax)
    }

    /// Serialises frames until the output is full or there are no more.
    func fillOutput() throws(HTTP2Error) {
        let failedBefore = failure != nil
        while state.pointee.output.count < state.pointee.outputByteCountMax {
            var frame: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &frame)
            if count < 0 { return try failSending(Int32(count), failedBefore) }
            if count == 0 { break }
            state.pointee.output.append(UnsafeRawBufferPointer(start: frame, count: count))
        }
        if let failure, !failedBefore { try fail(failure) }
    }

    /// Out of memory or a refused trailer: there is no way to go on, and nothing more to send.
    private func failSending(_ code: Int32, _ failedBefore: Bool) throws(HTTP2Error) {
        if failedBefore { return }
        try fail(.library(code: code))
    }
}
