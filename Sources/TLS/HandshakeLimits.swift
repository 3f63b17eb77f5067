import COpenSSL

/// How much handshake a peer may make us read.
///
/// - Source: RFC 8446, sections 4.6.3 (KeyUpdate) and 6 (alerts); neither sets a limit.
struct HandshakeLimits {
    /// What a ClientHello may hold, in bytes with its record headers; one with keys for every group is about 4 KiB.
    static let clientHelloByteCountMax = 16 << 10
    /// What may be read until the handshake is complete: ClientHello, certificates, their proof.
    static let handshakeByteCountMax = 64 << 10
    /// What a peer's certificates may take together; a chain of four is about 8 KiB.
    static let certificatesByteCountMax = 32 << 10
    /// Records with handshake messages or alerts that a peer may send after the handshake without sending data.
    ///
    /// Why: a KeyUpdate of 27 bytes costs this end two derivations of keys and an answer.
    static let recordCountMax = 32
    /// For so many bytes of data, one more of them: who carries data may well renew its keys.
    static let byteCountPerRecord = 64 << 10

    /// Set by `SSL_CTX_set_client_hello_cb` once it has been read.
    var clientHelloIsComplete = false
    private var recordCount = 0
    private var lastRecordEnd = 0
    private var plaintextByteCount = 0

    /// Counts data that was read.
    mutating func count(plaintextByteCount byteCount: Int) { plaintextByteCount &+= byteCount }

    /// Counts a record with a handshake message or an alert after the handshake, which ends at `byteCount` of all that
    /// was taken from the wire; false when it is one too many.
    ///
    /// A record is told from the last one by where it ends: a KeyUpdate has one to itself (RFC 8446, section 5.1).
    mutating func countRecord(endingAt byteCount: Int) -> Bool {
        if byteCount != lastRecordEnd { recordCount += 1 }
        lastRecordEnd = byteCount
        return recordCount <= Self.recordCountMax + plaintextByteCount / Self.byteCountPerRecord
    }

    /// The limit that a handshake has passed which is not complete after `byteCount` bytes.
    func exceededByteCountMax(after byteCount: Int, role: TLSRole) -> Int? {
        if role == .server, !clientHelloIsComplete, byteCount > Self.clientHelloByteCountMax {
            return Self.clientHelloByteCountMax
        }
        return byteCount > Self.handshakeByteCountMax ? Self.handshakeByteCountMax : nil
    }
}

extension TLSContext {
    /// Ends sessions whose peer sends handshake messages for their own sake.
    ///
    /// Why this callback and not SSL_CTX_set_msg_callback(3), which sees every message: that one is called for every
    /// record of data too.
    func limitHandshakes() {
        apus_SSL_CTX_set_max_cert_list(pointer, HandshakeLimits.certificatesByteCountMax)
        SSL_CTX_set_info_callback(pointer) { ssl, event, value in
            guard let ssl, event & (SSL_CB_ALERT | SSL_CB_LOOP) != 0 else { return }
            let session = TLSSession.of(ssl)
            session.handshakeDidStep()
            // SSL_OP_NO_RENEGOTIATION answers a request with this warning, and nothing else is answered with it.
            let isWrittenAlert = event & SSL_CB_ALERT != 0 && event & SSL_CB_WRITE != 0
            if isWrittenAlert, value & 0xFF == SSL_AD_NO_RENEGOTIATION { session.peerDidAskForRenegotiation() }
        }
    }
}
