import COpenSSL
package import Vocabulary

/// How far a handshake is.
package enum TLSHandshakeProgress: Hashable, Sendable {
    /// Bytes from the peer are needed; there may be output to send first.
    case incomplete
    case complete
}

/// What a read brought.
package enum TLSReadResult: Hashable, Sendable {
    /// So many bytes, at least one, were decrypted into the buffer.
    case bytes(Int)
    /// Nothing to decrypt until more ciphertext comes.
    case wouldBlock
    /// The peer said that it sends no more.
    case closed
}

/// One end of a TLS connection, between ciphertext that the owner carries to and from a socket and plaintext.
///
/// The owner's turn: `receive` what the socket brought, `handshake` until it is complete, then `read` until
/// `.wouldBlock`, `write` the answers, and `drainOutput` to the socket. It never touches a socket itself.
///
/// In TLS 1.3 a client's handshake is complete before the server has looked at its certificate: a refusal comes as
/// `TLSError.alertReceived` from `read`.
///
/// - Isolation: the event loop that owns the connection.
/// - Source: SSL_do_handshake(3), SSL_read_ex(3), SSL_write_ex(3); RFC 8446.
package final class TLSSession {
    private let ssl: OpaquePointer
    /// For tests, which make it do what no session of ours does.
    var pointer: OpaquePointer { ssl }
    private let bio = SessionBIO()
    /// Plaintext that begins a record, while `write` is given the rest of it.
    private var partialRecord = RecordBuffer()
    // Keeps `role` at hand; the SSL holds its own reference to the SSL_CTX.
    let context: TLSContext
    private var failure: TLSError?
    private var isComplete = false

    private var limits = HandshakeLimits()

    /// Why a callback of ours refused the peer; the handshake fails with it.
    var refusal: TLSError?

    /// The subject of a client's certificate that was refused, in one line; anybody may have written it.
    package internal(set) var refusedSubject: String?

    /// The SPIFFE identity that the server must have; nil when a name or an address is asked for.
    private(set) var expectedURI: String?

    /// Whom the client's verified certificate names; set on a server, before its handshake completes.
    package internal(set) var peerIdentity: PeerIdentity?

    /// The plaintext of a full record.
    private static let recordByteCount = 16 << 10

    /// The most ciphertext that may wait between `receive` and `read`, in bytes.
    package static let unreadByteCountMax = 1 << 20

    /// The server's end of a new connection.
    ///
    /// - Precondition: `context` is a server's.
    package convenience init(accepting context: TLSContext) throws(TLSError) {
        precondition(context.role == .server, "a client's context cannot accept")
        try self.init(context: context)
        SSL_set_accept_state(ssl)
    }

    /// The client's end of a new connection, to a server whose certificate must name `serverName`.
    ///
    /// `serverName` is a DNS name, or an IPv4 or IPv6 address without brackets; it is matched against the certificate's
    /// alternative names, never its common name. Or it is a SPIFFE identity, `spiffe://DOMAIN/PATH`, which must be the
    /// certificate's only URI; its names do not matter then.
    ///
    /// - Throws: `TLSError.invalidServerName`.
    /// - Precondition: `context` is a client's.
    package convenience init(connecting context: TLSContext, serverName: String) throws(TLSError) {
        precondition(context.role == .client, "a server's context cannot connect")
        try self.init(context: context)
        SSL_set_connect_state(ssl)
        try expect(serverName: serverName)
    }

    private init(context: TLSContext) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else { throw .configuration(OpenSSLFailure.take().text) }
        guard let stream = bio.makeBIO() else {
            SSL_free(ssl)
            throw .configuration(OpenSSLFailure.take().text)
        }
        // One BIO for both directions; SSL_set_bio(3) then takes over the single reference.
        SSL_set_bio(ssl, stream, stream)
        self.ssl = ssl
        self.context = context
        // Unretained: callbacks run only inside calls on `ssl`, which this session owns and outlives.
        _ = apus_SSL_set_app_data(ssl, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { SSL_free(ssl) }

    /// The session a callback is called for.
    static func of(_ ssl: OpaquePointer) -> TLSSession {
        Unmanaged<TLSSession>.fromOpaque(apus_SSL_get_app_data(ssl)).takeUnretainedValue()
    }

    private func expect(serverName: String) throws(TLSError) {
        if serverName.hasPrefix("spiffe:") {
            guard isServerIdentity(serverName) else { throw .invalidServerName(serverName) }
            expectedURI = serverName
            return
        }
        let parameters = SSL_get0_param(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 { return }
        ERR_clear_error()
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard isHostName(serverName[...]), X509_VERIFY_PARAM_set1_host(parameters, serverName, 0) == 1,
            apus_SSL_set_tlsext_host_name(ssl, serverName) == 1
        else {
            throw .invalidServerName(serverName)
        }
    }

    // MARK: Ciphertext

    /// Takes ciphertext that came from the peer, and calls `body`, which decrypts it by `handshake` and `read`.
    ///
    /// What `body` leaves is kept for later: reading it all costs a copy less.
    ///
    /// - Throws: `TLSError.receiveBufferFull` when more than `unreadByteCountMax` bytes would wait; none is taken then.
    package func receive(
        _ ciphertext: UnsafeRawBufferPointer, while body: () throws(TLSError) -> Void = {}
    ) throws(TLSError) {
        if let failure { throw failure }
        guard bio.unreadByteCount + ciphertext.count <= TLSSession.unreadByteCountMax else {
            throw .receiveBufferFull(byteCountMax: TLSSession.unreadByteCountMax)
        }
        try bio.lend(ciphertext, while: body)
    }

    /// Says that the transport ended; reading past what it brought is `TLSError.truncated`, unless the peer had closed.
    package func receiveEnd() { bio.transportEnded = true }

    /// Whether ciphertext waits to be sent.
    package var hasOutput: Bool { !bio.outgoing.isEmpty }

    /// How many bytes of ciphertext wait to be sent.
    package var outputByteCount: Int { bio.outgoing.count }

    /// Hands all ciphertext that waits to `body`, which returns how much of it the socket took; the rest stays.
    package func drainOutput<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        guard hasOutput else { return }
        bio.outgoing.take(byteCount: try body(bio.outgoing.waiting))
    }

    // MARK: Handshake

    /// Goes on with the handshake as far as the received bytes allow; once complete, it stays so.
    ///
    /// - Throws: what is wrong with the peer. An alert for it may be waiting as output.
    package func handshake() throws(TLSError) -> TLSHandshakeProgress {
        if let failure { throw failure }
        if isComplete { return .complete }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            try checkAgreement()
            isComplete = true
            if context.role == .server { trimPeerCertificate() }
            return .complete
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ:
            try checkByteCount()
            return .incomplete
        case let code: throw fail(code)
        }
    }

    private func checkByteCount() throws(TLSError) {
        guard let byteCountMax = limits.exceededByteCountMax(after: bio.takenByteCount, role: context.role) else {
            return
        }
        let error = TLSError.handshakeTooLong(byteCountMax: byteCountMax)
        failure = error
        throw error
    }

    /// Notes that the ClientHello is read; false when it was too long.
    func clientHelloDidComplete() -> Bool {
        guard limits.exceededByteCountMax(after: bio.takenByteCount, role: .server) == nil else {
            refusal = .handshakeTooLong(byteCountMax: HandshakeLimits.clientHelloByteCountMax)
            return false
        }
        limits.clientHelloIsComplete = true
        return true
    }

    /// Counts a record with a handshake message or an alert, and ends the session at one too many.
    ///
    /// Called for every step of OpenSSL's with it, of which only the first finds that bytes were taken since the last.
    func handshakeDidStep() {
        guard isComplete, !limits.countRecord(endingAt: bio.takenByteCount) else { return }
        refusal = .handshakeFlood
        bio.isCut = true
    }

    /// Ends the session of a peer that asked for a second handshake, which OpenSSL has declined and would get over.
    ///
    /// - Source: RFC 9113, section 9.2.1: a connection error.
    func peerDidAskForRenegotiation() {
        refusal = .renegotiation
        bio.isCut = true
    }

    /// Whether it began with this context.
    package func isOf(_ context: TLSContext) -> Bool { self.context === context }

    /// `h2`, once the handshake is complete.
    package var negotiatedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &byteCount)
        guard let name else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(byteCount)), as: UTF8.self)
    }

    /// The TLS version and cipher in use, for logs: `TLSv1.3 TLS_AES_128_GCM_SHA256`.
    package var cipherDescription: String {
        let cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "no cipher"
        return "\(String(cString: SSL_get_version(ssl))) \(cipher)"
    }

    /// What must hold whatever OpenSSL agreed to.
    private func checkAgreement() throws(TLSError) {
        guard negotiatedProtocol == "h2" else {
            failure = .noCommonProtocol
            throw TLSError.noCommonProtocol
        }
        guard !context.requiresPeerIdentity || peerIdentity != nil else {
            let error = TLSError.peerRejected(.noIdentity, "the client's certificate gave no identity")
            failure = error
            throw error
        }
    }

    // MARK: Plaintext

    /// Decrypts what was received into `buffer`, as many records as fit.
    ///
    /// - Throws: the session's failure, after everything decrypted before it was delivered.
    /// - Precondition: the handshake is complete, and `buffer` is not empty.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> TLSReadResult {
        precondition(isComplete && !buffer.isEmpty, "read before the handshake was complete, or into nothing")
        var byteCount = 0
        if isDrained, failure == nil { return .wouldBlock }
        // Once: what succeeds leaves no error behind.
        ERR_clear_error()
        while failure == nil && byteCount < buffer.count {
            if byteCount > 0, isDrained { return .bytes(byteCount) }
            var read = 0
            let result = SSL_read_ex(ssl, buffer.baseAddress! + byteCount, buffer.count - byteCount, &read)
            if result == 1 {
                byteCount += read
                limits.count(plaintextByteCount: read)
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return byteCount > 0 ? .bytes(byteCount) : .wouldBlock
            case SSL_ERROR_ZERO_RETURN: return byteCount > 0 ? .bytes(byteCount) : .closed
            case let code: _ = fail(code)
            }
        }
        if byteCount > 0 { return .bytes(byteCount) }
        throw failure!
    }

    /// Whether there is nothing to decrypt, and nothing else that a read would find.
    ///
    /// Why look: OpenSSL takes a thousand instructions to say so, twice for nearly every piece of ciphertext.
    private var isDrained: Bool {
        bio.unreadByteCount == 0 && !bio.transportEnded && SSL_has_pending(ssl) == 0
            && SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN == 0
    }

    /// Encrypts all of `plaintext` into the output, in records of up to 16 KiB.
    ///
    /// Frames written together share records: one call a loop turn costs least.
    ///
    /// - Precondition: the handshake is complete, and `shutdown` was not called.
    package func write(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) {
        precondition(isComplete, "write before the handshake was complete")
        if let failure { throw failure }
        // Header, tag and nonce: at most 29 bytes a record in either version.
        bio.outgoing.reserve(byteCount: plaintext.count + (plaintext.count / (16 << 10) + 1) * 32)
        var written = 0
        ERR_clear_error()
        while written < plaintext.count {
            var count = 0
            let result = SSL_write_ex(ssl, plaintext.baseAddress! + written, plaintext.count - written, &count)
            guard result == 1 else { throw fail(SSL_get_error(ssl, result)) }
            written += count
        }
    }

    /// As `write`, for pieces that follow each other: records are full across their borders, and most of a long piece
    /// is encrypted where it is.
    ///
    /// - Returns: the bytes of all pieces.
    package func write(_ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>) throws(TLSError) -> Int {
        var byteCount = 0
        for (index, piece) in pieces.enumerated() {
            try write(piece, isFollowed: index + 1 < pieces.count)
            byteCount += piece.count
        }
        return byteCount
    }

    /// Encrypts a piece; of one that is followed by another, what does not fill a record waits for that.
    private func write(_ piece: UnsafeRawBufferPointer, isFollowed: Bool) throws(TLSError) {
        var rest = piece
        if !partialRecord.isEmpty || (isFollowed && rest.count < Self.recordByteCount) {
            let taken = min(rest.count, Self.recordByteCount - partialRecord.count)
            partialRecord.append(UnsafeRawBufferPointer(rebasing: rest[..<taken]))
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            guard partialRecord.count == Self.recordByteCount || !isFollowed else { return }
            try write(partialRecord.waiting)
            partialRecord.take(byteCount: partialRecord.count)
        }
        let whole = isFollowed ? rest.count / Self.recordByteCount * Self.recordByteCount : rest.count
        try write(UnsafeRawBufferPointer(rebasing: rest[..<whole]))
        partialRecord.append(UnsafeRawBufferPointer(rebasing: rest[whole...]))
    }

    /// Queues `close_notify`, which says that we send no more; late and repeated calls do nothing.
    package func shutdown() {
        guard isComplete, failure == nil else { return }
        ERR_clear_error()
        // 0 (ours sent, the peer's not seen) and 1 (both) are equally fine here.
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    // MARK: Memory

    /// Whether the two buffers of a record each stay between records; they do not at first.
    ///
    /// They cost 33 KB, which is most of an idle connection. Taking them anew for every record costs a busy one time.
    ///
    /// - Source: SSL_CTX_set_mode(3), SSL_MODE_RELEASE_BUFFERS.
    package var keepsBuffers = false {
        didSet { apus_SSL_set_releases_buffers(ssl, keepsBuffers ? 0 : 1) }
    }

    /// Gives back the memory that bytes on their way need, until there are some again.
    package func releaseBuffers() {
        // OpenSSL keeps a buffer with something in it.
        _ = SSL_free_buffers(ssl)
        bio.incoming.releaseIfEmpty()
        bio.outgoing.releaseIfEmpty()
        partialRecord.releaseIfEmpty()
    }

    // MARK: Failure

    /// Records why the session is over, from SSL_get_error(3)'s code and the error queue.
    private func fail(_ code: Int32) -> TLSError {
        let cause = OpenSSLFailure.take()
        let error: TLSError
        if let refusal {
            error = refusal
        } else if cause.alertNumber != nil {
            error = .alertReceived(cause.text)
        } else if bio.transportEnded && (cause.isUnexpectedEnd || code == SSL_ERROR_SYSCALL) {
            error = .truncated
        } else if !isComplete, let rejection = verificationFailure(cause) {
            error = rejection
        } else if cause.isVersionMismatch {
            error = .noCommonVersion
        } else if cause.isCipherMismatch {
            error = .noCommonCipher
        } else {
            error = .protocolViolation(cause.reason ?? "unknown failure \(code)")
        }
        failure = error
        return error
    }

    /// Why the peer's certificate was refused, in the verifier's words; nil when that is not what went wrong.
    private func verificationFailure(_ cause: OpenSSLFailure) -> TLSError? {
        let result = SSL_get_verify_result(ssl)
        if result != Int(X509_V_OK) {
            return .peerRejected(
                PeerRejection(verificationCode: Int32(result)), String(cString: X509_verify_cert_error_string(result)))
        }
        return cause.isMissingCertificate ? .peerRejected(.noCertificate, "the peer sent no certificate") : nil
    }
}
