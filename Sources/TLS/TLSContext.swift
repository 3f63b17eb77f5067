import COpenSSL

/// Which end of the connection a context is for.
package enum TLSRole: Hashable, Sendable {
    case server
    case client
}

/// The settings, certificates and trust that the sessions of one server or one client share: one `SSL_CTX`.
///
/// Always TLS 1.3, or 1.2 with ECDHE and an AEAD cipher; ALPN `h2` required; no session tickets and no session cache,
/// because a resumed session would skip the client's certificate; no renegotiation, no compression.
///
/// A certificate is replaced by making a new context: sessions keep the one they began with.
///
/// - Isolation: any thread. It never changes after `init`.
/// - Source: RFC 9113, section 9.2 and appendix A; SSL_CTX_new(3).
package final class TLSContext: Sendable {
    /// Which end this context is for.
    package let role: TLSRole
    // An SSL_CTX counts its references atomically and locks what it changes inside; we set nothing after init.
    nonisolated(unsafe) let pointer: OpaquePointer
    /// Whether the other side must have shown an identity when the handshake is complete.
    let requiresPeerIdentity: Bool
    /// The only trust domain that a client's identity may be of; nil for any.
    let trustDomain: String?
    // The revocation lists; set by init only, and OpenSSL locks what a look-up sorts inside.
    nonisolated(unsafe) var revocationLists: [RevocationList] = []

    /// A context that requires a client certificate signed by `clientAuthorities` and naming one SPIFFE identity.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file, or `.configuration`.
    package convenience init(server configuration: TLSServerConfiguration) throws(TLSError) {
        try self.init(role: .server, requiresPeerIdentity: true, trustDomain: configuration.trustDomain)
        try use(certificateChain: configuration.certificateChain, privateKey: configuration.privateKey)
        try trust(configuration.clientAuthorities, revocationLists: configuration.revocationLists)
        try offerAuthorities(configuration.clientAuthorities)
        requireClientCertificate()
        requireHTTP2FromClient()
    }

    /// A context of a server that asks for no client certificate, and so never knows who calls.
    ///
    /// Why: the official interoperability clients have no certificate. No configuration of `apus serve` leads here.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file, or `.configuration`.
    package convenience init(serverOfAnyone certificateChain: PEM, privateKey: PEM) throws(TLSError) {
        try self.init(role: .server, requiresPeerIdentity: false)
        try use(certificateChain: certificateChain, privateKey: privateKey)
        requireHTTP2FromClient()
    }

    /// A context that believes servers signed by `serverAuthorities`.
    ///
    /// - Throws: `TLSError.unusableFile` naming the file, or `.configuration`.
    package convenience init(
        client configuration: TLSClientConfiguration, recordCipher: RecordCipher = .best
    ) throws(TLSError) {
        try self.init(role: .client, requiresPeerIdentity: false, recordCipher: recordCipher)
        switch (configuration.certificateChain, configuration.privateKey) {
        case (let chain?, let key?): try use(certificateChain: chain, privateKey: key)
        case (nil, nil): break
        case (_?, nil), (nil, _?): throw .configuration("a client certificate and its key come together or not at all")
        }
        try trust(configuration.serverAuthorities, revocationLists: configuration.revocationLists)
        requireServerCertificate()
        // Nonzero is failure, unlike everywhere else: SSL_CTX_set_alpn_protos(3).
        guard SSL_CTX_set_alpn_protos(pointer, alpnHTTP2, UInt32(alpnHTTP2.count)) == 0 else {
            throw .configuration("ALPN: \(OpenSSLFailure.take().text)")
        }
    }

    deinit { SSL_CTX_free(pointer) }

    private init(
        role: TLSRole, requiresPeerIdentity: Bool, trustDomain: String? = nil, recordCipher: RecordCipher = .best
    ) throws(TLSError) {
        ERR_clear_error()
        let method = role == .server ? TLS_server_method() : TLS_client_method()
        guard let pointer = SSL_CTX_new_ex(nil, recordCipher.propertyQuery, method) else {
            throw .configuration(OpenSSLFailure.take().text)
        }
        self.role = role
        self.pointer = pointer
        self.requiresPeerIdentity = requiresPeerIdentity
        self.trustDomain = trustDomain
        // 128-bit AES first: as strong as anything can break, and the fastest with AES instructions.
        let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        guard apus_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION) == 1,
            SSL_CTX_set_ciphersuites(pointer, suites) == 1,
            SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            apus_SSL_CTX_set1_groups_list(pointer, "X25519:P-256") == 1,
            SSL_CTX_set_num_tickets(pointer, 0) == 1
        else {
            throw .configuration(OpenSSLFailure.take().text)
        }
        apus_SSL_CTX_set_strict_options(pointer)
        apus_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        // No automatic chain: it would add certificates from the store of peers' authorities to ours.
        apus_SSL_CTX_set_mode(
            pointer,
            Int(
                SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN
                    | SSL_MODE_RELEASE_BUFFERS))
        // Leaf, three intermediates and the root.
        SSL_CTX_set_verify_depth(pointer, 4)
        // 112 bits of strength for every key and signature of a chain; no SHA-1.
        SSL_CTX_set_security_level(pointer, 2)
        limitHandshakes()
    }
}

/// ALPN's list of protocols, each with its length before it: just `h2`.
let alpnHTTP2: [UInt8] = [2, UInt8(ascii: "h"), UInt8(ascii: "2")]
