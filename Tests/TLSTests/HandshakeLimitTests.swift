import COpenSSL
import Testing
import Vocabulary

@testable import TLS

@Suite("What a peer may make a TLS session read")
struct HandshakeLimitTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    private func pair(_ change: (TLSContext) -> Void = { _ in }) throws -> SessionPair {
        let client = try fixtures.clientContext(fixtures.client)
        change(client)
        let pair = try SessionPair(client: client, server: fixtures.serverContext())
        try pair.handshake()
        return pair
    }

    /// Sends so many KeyUpdates, and data after each of them; the client reads no answers.
    private func sendKeyUpdates(
        _ count: Int, kind: Int32 = SSL_KEY_UPDATE_NOT_REQUESTED, dataByteCount: Int = 0, _ pair: SessionPair
    ) throws -> TLSError? {
        var received: [UInt8] = []
        do {
            for _ in 0..<count {
                #expect(SSL_key_update(pair.client.pointer, kind) == 1)
                #expect(SSL_do_handshake(pair.client.pointer) == 1)
                if dataByteCount > 0 {
                    let data = [UInt8](repeating: 1, count: dataByteCount)
                    try data.withUnsafeBytes { try pair.client.write($0) }
                }
                try pair.carry(from: pair.client, to: pair.server) { try pair.server.readAll(into: &received) }
            }
            return nil
        } catch {
            return error as? TLSError
        }
    }

    @Test(
        "ends at a flood of KeyUpdates, at one more than is allowed, whether they want an answer or not",
        arguments: [SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED])
    func keyUpdates(kind: Int32) throws {
        #expect(try sendKeyUpdates(HandshakeLimits.recordCountMax, kind: kind, pair()) == nil)
        #expect(try sendKeyUpdates(HandshakeLimits.recordCountMax + 1, kind: kind, pair()) == .handshakeFlood)
    }

    @Test("ends at a flood that comes at once, without reading all of it")
    func keyUpdatesAtOnce() throws {
        let pair = try pair()
        for _ in 0..<10_000 {
            #expect(SSL_key_update(pair.client.pointer, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
            #expect(SSL_do_handshake(pair.client.pointer) == 1)
        }
        var ciphertext: [UInt8] = []
        pair.client.drainOutput { bytes in
            ciphertext = Array(bytes)
            return bytes.count
        }
        try ciphertext.withUnsafeBytes { try pair.server.receive($0) }
        var received: [UInt8] = []
        #expect(throws: TLSError.handshakeFlood) { try pair.server.readAll(into: &received) }
        #expect(pair.server.outputByteCount < 10_000, "no pile of answers")
    }

    @Test("lets a peer that carries data renew its keys as often as it likes")
    func keyUpdatesWithData() throws {
        let count = HandshakeLimits.recordCountMax * 4
        #expect(try sendKeyUpdates(count, dataByteCount: HandshakeLimits.byteCountPerRecord, pair()) == nil)
    }

    @Test("binds a client too: its server may not flood it either")
    func floodedClient() throws {
        let pair = try pair()
        for _ in 0...HandshakeLimits.recordCountMax {
            #expect(SSL_key_update(pair.server.pointer, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
            #expect(SSL_do_handshake(pair.server.pointer) == 1)
        }
        var received: [UInt8] = []
        #expect(throws: TLSError.handshakeFlood) {
            try pair.carry(from: pair.server, to: pair.client) { try pair.client.readAll(into: &received) }
        }
    }

    /// A ClientHello's header that announces `byteCount` bytes, and so much of it.
    private func beginningOfHello(announcing byteCount: Int, sending sentByteCount: Int) -> [UInt8] {
        var rest = [1, UInt8(byteCount >> 16 & 255), UInt8(byteCount >> 8 & 255), UInt8(byteCount & 255), 3, 3]
        rest += [UInt8](repeating: 0, count: sentByteCount)
        var records: [UInt8] = []
        while !rest.isEmpty {
            let piece = rest.prefix(4_096)
            records += [22, 3, 1, UInt8(piece.count >> 8), UInt8(piece.count & 255)] + piece
            rest.removeFirst(piece.count)
        }
        return records
    }

    @Test("does not include a ClientHello without end")
    func longClientHello() throws {
        let session = try TLSSession(accepting: fixtures.serverContext())
        let hello = beginningOfHello(announcing: 100_000, sending: 20_000)
        try hello.withUnsafeBytes { try session.receive($0) }
        let expected = TLSError.handshakeTooLong(byteCountMax: HandshakeLimits.clientHelloByteCountMax)
        #expect(throws: expected) { try session.handshake() }
        #expect(throws: expected) { try session.handshake() }
    }

    @Test("waits for the rest of a ClientHello of a sensible length")
    func slowClientHello() throws {
        let session = try TLSSession(accepting: fixtures.serverContext())
        let hello = beginningOfHello(announcing: 8_000, sending: 4_000)
        for byte in hello {
            try [byte].withUnsafeBytes { try session.receive($0) }
            #expect(try session.handshake() == .incomplete)
        }
    }

    @Test("counts against the handshake's limit once the ClientHello is through")
    func limitsAsValues() {
        var limits = HandshakeLimits()
        let (hello, whole) = (HandshakeLimits.clientHelloByteCountMax, HandshakeLimits.handshakeByteCountMax)
        #expect(limits.exceededByteCountMax(after: hello, role: .server) == nil)
        #expect(limits.exceededByteCountMax(after: hello + 1, role: .server) == hello)
        #expect(limits.exceededByteCountMax(after: hello + 1, role: .client) == nil)
        limits.clientHelloIsComplete = true
        #expect(limits.exceededByteCountMax(after: whole, role: .server) == nil)
        #expect(limits.exceededByteCountMax(after: whole + 1, role: .server) == whole)
        #expect(limits.exceededByteCountMax(after: whole + 1, role: .client) == whole)
    }
}

@Suite("What TLS could do and we do not let it")
struct TLSPolicyTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    /// A client that would resume sessions, of TLS 1.3 or of 1.2.
    private func resumingContext(version: Int32) throws -> TLSContext {
        let context = try fixtures.clientContext(fixtures.client)
        _ = SSL_CTX_ctrl(context.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        _ = SSL_CTX_clear_options(context.pointer, SSL_CTX_get_options(context.pointer))
        apus_SSL_CTX_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_CLIENT))
        return context
    }

    @Test(
        "no session is resumed, so no handshake goes without a certificate",
        arguments: [TLS1_3_VERSION, TLS1_2_VERSION])
    func noResumption(version: Int32) throws {
        let (client, server) = (try resumingContext(version: version), try fixtures.serverContext())
        let first = try SessionPair(client: client, server: server)
        try first.handshake()
        _ = try first.send([1, 2, 3], from: first.server, to: first.client)
        let session = try #require(SSL_get1_session(first.client.pointer))
        defer { SSL_SESSION_free(session) }
        #expect(SSL_SESSION_has_ticket(session) == 0)
        let second = try SessionPair(client: client, server: server)
        _ = SSL_set_session(second.client.pointer, session)
        try second.handshake()
        #expect(SSL_session_reused(second.client.pointer) == 0)
        #expect(SSL_session_reused(second.server.pointer) == 0)
        #expect(second.server.peerIdentity != nil)
    }

    @Test("a client of TLS 1.2 that renegotiates is told that there is no such thing, and its session ends")
    func noRenegotiation() throws {
        let pair = try SessionPair(client: resumingContext(version: TLS1_2_VERSION), server: fixtures.serverContext())
        try pair.handshake()
        _ = SSL_renegotiate(pair.client.pointer)
        _ = SSL_do_handshake(pair.client.pointer)
        #expect(pair.client.hasOutput, "a second ClientHello is on its way")
        var received: [UInt8] = []
        #expect(throws: TLSError.renegotiation) {
            try pair.carry(from: pair.client, to: pair.server) { try pair.server.readAll(into: &received) }
        }
        #expect(received.isEmpty && pair.server.outputByteCount > 0)
        #expect(throws: TLSError.protocolViolation("no renegotiation")) {
            try pair.carry(from: pair.server, to: pair.client) { try pair.client.readAll(into: &received) }
        }
    }

    @Test("nothing is compressed")
    func noCompression() throws {
        let pair = try SessionPair(client: resumingContext(version: TLS1_2_VERSION), server: fixtures.serverContext())
        try pair.handshake()
        #expect(SSL_get_current_compression(pair.server.pointer) == nil)
    }
}
