@testable import TLS

/// A client and a server back to back: what one sends, the other receives, in pieces of `pieceByteCount`.
struct SessionPair {
    let client: TLSSession
    let server: TLSSession
    var pieceByteCount = Int.max

    init(
        client: TLSContext, server: TLSContext, serverName: String = "localhost", pieceByteCount: Int = .max
    ) throws {
        self.client = try TLSSession(connecting: client, serverName: serverName)
        self.server = try TLSSession(accepting: server)
        self.pieceByteCount = pieceByteCount
    }

    /// Carries everything that `sender` has to send to `receiver`, a piece at a time; after each, `turn` runs.
    func carry(from sender: TLSSession, to receiver: TLSSession, turn: () throws -> Void) throws {
        while sender.hasOutput {
            var piece: [UInt8] = []
            sender.drainOutput { bytes in
                piece = Array(bytes.prefix(pieceByteCount))
                return piece.count
            }
            try piece.withUnsafeBytes { try receiver.receive($0) }
            try turn()
        }
    }

    /// Runs both handshakes to the end.
    func handshake() throws {
        var (clientIsDone, serverIsDone) = (false, false)
        while !clientIsDone || !serverIsDone {
            clientIsDone = try client.handshake() == .complete
            try carry(from: client, to: server) { serverIsDone = try server.handshake() == .complete }
            try carry(from: server, to: client) { clientIsDone = try client.handshake() == .complete }
        }
    }

    /// Runs the handshake as two processes would: each side's failure is its own, and its alert still travels.
    func handshakeOutcomes() -> (client: TLSError?, server: TLSError?) {
        var outcomes: (client: TLSError?, server: TLSError?) = (nil, nil)
        for _ in 0..<8 {
            outcomes.client = outcomes.client ?? failure(of: client)
            try? carry(from: client, to: server) {}
            outcomes.server = outcomes.server ?? failure(of: server)
            try? carry(from: server, to: client) {}
        }
        return outcomes
    }

    /// The error of one turn: the handshake and, once complete, a read.
    private func failure(of session: TLSSession) -> TLSError? {
        do throws(TLSError) {
            guard try session.handshake() == .complete else { return nil }
            _ = try withUnsafeTemporaryBuffer { buffer throws(TLSError) in try session.read(into: buffer) }
            return nil
        } catch {
            return error
        }
    }

    /// Sends `bytes` from one end and returns what the other reads.
    func send(_ bytes: [UInt8], from sender: TLSSession, to receiver: TLSSession) throws -> [UInt8] {
        try bytes.withUnsafeBytes { try sender.write($0) }
        var received: [UInt8] = []
        try carry(from: sender, to: receiver) { try receiver.readAll(into: &received) }
        return received
    }
}

extension TLSSession {
    /// Reads until nothing is left and returns how it ended.
    @discardableResult
    func readAll(into bytes: inout [UInt8]) throws(TLSError) -> TLSReadResult {
        while true {
            var chunk: [UInt8] = []
            let result = try withUnsafeTemporaryBuffer { buffer throws(TLSError) in
                let result = try read(into: buffer)
                if case .bytes(let count) = result { chunk = Array(buffer[..<count]) }
                return result
            }
            guard case .bytes = result else { return result }
            bytes += chunk
        }
    }
}

/// 20 000 bytes: more than a record, and not a multiple of one.
private func withUnsafeTemporaryBuffer<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws(TLSError) -> Result
) throws(TLSError) -> Result {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 20_000, alignment: 16)
    defer { buffer.deallocate() }
    return try body(buffer)
}
