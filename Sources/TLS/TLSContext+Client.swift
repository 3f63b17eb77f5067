import COpenSSL

/// What a client demands of a server during the handshake.
extension TLSContext {
    /// Demands a valid certificate, and the SPIFFE identity that a session asks for; OpenSSL itself compares names and
    /// addresses.
    func requireServerCertificate() {
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER) { isValid, verification in
            // Called once for each certificate, the root first, and the leaf last.
            guard isValid == 1, X509_STORE_CTX_get_error_depth(verification) == 0 else { return isValid }
            let ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx())
            guard let ssl, let leaf = X509_STORE_CTX_get0_cert(verification) else { return 0 }
            let session = TLSSession.of(OpaquePointer(ssl))
            guard let expected = session.expectedURI, uriNames(of: leaf) != [expected] else { return 1 }
            session.refusal = .peerRejected(.wrongServerName, "the server's one identity is not \(expected)")
            X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
            return 0
        }
    }
}

/// Whether a text can be the SPIFFE identity of a server: `spiffe://DOMAIN/PATH`, with neither query nor fragment.
///
/// - Source: SPIFFE ID specification, section 2.
func isServerIdentity(_ text: String) -> Bool {
    let scheme = "spiffe://"
    guard text.hasPrefix(scheme), text.utf8.count <= 2_048 else { return false }
    let parts = text.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 2 else { return false }
    return parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
            && part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
