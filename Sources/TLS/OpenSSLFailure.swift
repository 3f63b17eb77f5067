import COpenSSL

/// The newest entry of this thread's OpenSSL error queue, taken right after a failed call.
struct OpenSSLFailure {
    /// The number of the alert that the peer sent, when that is what went wrong.
    let alertNumber: Int32?
    /// The reason in OpenSSL's words, such as `wrong version number`; nil when the queue was empty.
    let reason: String?
    let isUnexpectedEnd: Bool
    /// The peer was asked for a certificate and sent none.
    let isMissingCertificate: Bool
    /// The two ends have no version in common.
    let isVersionMismatch: Bool
    /// The two ends have no cipher, no group or no signature algorithm in common.
    let isCipherMismatch: Bool

    /// Takes the newest error and empties the queue.
    ///
    /// The queue is per thread, and a stale entry would be read as the failure of a later, successful call.
    static func take() -> OpenSSLFailure {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        return OpenSSLFailure(code: code)
    }

    private init(code: UInt) {
        guard code != 0 else {
            (alertNumber, reason, isUnexpectedEnd, isMissingCertificate) = (nil, nil, false, false)
            (isVersionMismatch, isCipherMismatch) = (false, false)
            return
        }
        let number = apus_ERR_GET_REASON(code)
        let isOfSSL = apus_ERR_GET_LIB(code) == ERR_LIB_SSL
        // SSL_AD_REASON_OFFSET: received alerts are reported as reasons from 1000 on.
        alertNumber = isOfSSL && number >= SSL_AD_REASON_OFFSET ? number - SSL_AD_REASON_OFFSET : nil
        isUnexpectedEnd = isOfSSL && number == SSL_R_UNEXPECTED_EOF_WHILE_READING
        isMissingCertificate = isOfSSL && number == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
        isVersionMismatch = isOfSSL && [SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW].contains(number)
        isCipherMismatch =
            isOfSSL
            && [
                SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_GROUPS,
                SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
            ].contains(number)
        reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "OpenSSL error \(code)"
    }

    /// The alert's or error's name, never empty.
    var text: String {
        if let alertNumber { return alertName(alertNumber) }
        return reason ?? "unknown failure"
    }

    private func alertName(_ number: Int32) -> String {
        switch number {
        // OpenSSL 3.0 calls the alerts that TLS 1.3 brought "unknown" (RFC 8446, section 6).
        case SSL_AD_MISSING_EXTENSION: "missing extension"
        case SSL_AD_CERTIFICATE_REQUIRED: "certificate required"
        default: String(cString: SSL_alert_desc_string_long(number))
        }
    }
}
