import COpenSSL

/// Why a peer's certificate was refused.
///
/// A closed set, so that it can be a metric's label; `TLSError.peerRejected` adds the verifier's words.
package enum PeerRejection: String, Hashable, Sendable, CaseIterable {
    /// The peer was asked for a certificate and sent none.
    case noCertificate = "no_certificate"
    case expired = "certificate_expired"
    case notYetValid = "certificate_not_yet_valid"
    /// It was issued for something else, such as a server's certificate in a client's hand.
    case wrongUsage = "certificate_wrong_usage"
    /// None of our authorities has signed it.
    case unknownAuthority = "unknown_authority"
    /// A revocation list names it, or one of those that signed it.
    case revoked = "certificate_revoked"
    /// Revocation lists are in use, and there is none for an issuer of the chain, or it has expired.
    case revocationUnknown = "revocation_unknown"
    /// No URI among the names of a client's certificate.
    case noIdentity = "no_spiffe_identity"
    /// More than one URI: which of them the client is, nobody could say.
    case severalIdentities = "several_spiffe_identities"
    /// One URI, and no SPIFFE identity of a form that we know.
    case unknownIdentity = "unknown_spiffe_identity"
    /// A SPIFFE identity of another trust domain than the server's.
    case foreignTrustDomain = "foreign_trust_domain"
    /// A server's certificate that does not name the server.
    case wrongServerName = "wrong_server_name"
    /// Anything else, such as an extension that no verifier may overlook.
    case malformed = "certificate_invalid"

    /// What a verification error of OpenSSL means.
    ///
    /// - Source: X509_STORE_CTX_get_error(3).
    init(verificationCode code: Int32) {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
        case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
        case X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_INVALID_CA, X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
            X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, X509_V_ERR_INVALID_NON_CA:
            self = .wrongUsage
        // A wrong signature is that of an authority with the right name and another key.
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_CERT_SIGNATURE_FAILURE,
            X509_V_ERR_AKID_SKID_MISMATCH, X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
            self = .unknownAuthority
        case X509_V_ERR_CERT_REVOKED: self = .revoked
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_HAS_EXPIRED,
            X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
            X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, X509_V_ERR_DIFFERENT_CRL_SCOPE,
            X509_V_ERR_CRL_PATH_VALIDATION_ERROR, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
            X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
            self = .revocationUnknown
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .wrongServerName
        case X509_V_ERR_APPLICATION_VERIFICATION: self = .noIdentity
        default: self = .malformed
        }
    }
}
