import COpenSSL
import Vocabulary

extension PeerIdentity {
    /// The identity that a client's certificate, already verified against the authorities, stands for.
    ///
    /// Only `trustDomain` is let in, unless it is nil.
    ///
    /// - Throws: `TLSError.peerRejected` unless it is a leaf that may sign, with exactly one URI among its alternative
    ///   names, and that one an identity of ours.
    /// - Source: gRFC A87; SPIFFE X.509-SVID, sections 2 and 4.
    init(verifiedLeaf certificate: OpaquePointer, trustDomain: String? = nil) throws(TLSError) {
        guard X509_check_ca(certificate) == 0 else {
            throw .peerRejected(.wrongUsage, "a certificate authority's certificate cannot identify a client")
        }
        guard X509_get_key_usage(certificate) & UInt32(KU_DIGITAL_SIGNATURE) != 0 else {
            throw .peerRejected(.wrongUsage, "the certificate's key usage lacks digitalSignature")
        }
        let uris = uriNames(of: certificate)
        guard uris.count == 1 else {
            throw .peerRejected(
                uris.isEmpty ? .noIdentity : .severalIdentities,
                "expected exactly one URI (a SPIFFE identity) among the certificate's names, found \(uris.count)")
        }
        guard let uri = uris[0], let identity = PeerIdentity(spiffeURI: uri) else {
            throw .peerRejected(
                .unknownIdentity,
                "the certificate's URI is not spiffe://DOMAIN/tenant/NAME or spiffe://DOMAIN/role/router|admin")
        }
        guard trustDomain == nil || identity.trustDomain == trustDomain else {
            throw .peerRejected(
                .foreignTrustDomain,
                "the certificate is of the trust domain \(identity.trustDomain), not \(trustDomain ?? "")")
        }
        self = identity
    }
}

/// The URIs among a certificate's subject alternative names; nil stands for one that is not plain ASCII.
func uriNames(of certificate: OpaquePointer) -> [String?] {
    guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(list)
    defer { GENERAL_NAMES_free(names) }
    return (0..<apus_sk_GENERAL_NAME_num(names)).compactMap { index -> String?? in
        var type: Int32 = 0
        let value = GENERAL_NAME_get0_value(apus_sk_GENERAL_NAME_value(names, index), &type)
        guard type == GEN_URI, let value else { return .none }
        let string = value.assumingMemoryBound(to: ASN1_STRING.self)
        let bytes = UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
        // A NUL or any other control character could make two programs read two different names.
        let isPlain = bytes.allSatisfy { (0x21...0x7E).contains($0) }
        return .some(isPlain ? String(decoding: bytes, as: UTF8.self) : nil)
    }
}
