import COpenSSL
import Glibc

/// What a certificate says, for people and for logs.
package struct CertificateDescription: Hashable, Sendable {
    /// In one line: `O = Apus, CN = tenant/local`.
    package let subject: String
    /// Who signed it, in one line.
    package let issuer: String
    /// DNS names, addresses and URIs among the alternative names, in that order, such as `127.0.0.1`.
    package let names: [String]
    /// The URI among the names, when there is exactly one.
    package let spiffeURI: String?
    package let validity: CertificateValidity
    package let isAuthority: Bool
    /// Hexadecimal.
    package let serial: String

    /// Describes every certificate of a PEM text.
    ///
    /// - Throws: `TLSError.unusableFile`, also when it holds none.
    package static func list(in pem: PEM) throws(TLSError) -> [CertificateDescription] {
        let certificates = try Certificate.list(in: pem)
        guard !certificates.isEmpty else { throw .unusableFile(source: pem.source, reason: "holds no certificate") }
        var descriptions: [CertificateDescription] = []
        for certificate in certificates {
            guard let validity = certificate.validity else {
                throw .unusableFile(source: pem.source, reason: "a certificate with an unreadable validity")
            }
            descriptions.append(CertificateDescription(certificate, validity: validity))
        }
        return descriptions
    }

    private init(_ certificate: Certificate, validity: CertificateValidity) {
        subject = certificate.subject
        issuer = certificate.issuer
        let uris = uriNames(of: certificate.pointer).map { $0 ?? "(not plain text)" }
        names = certificate.hostNames + uris
        spiffeURI = uris.count == 1 ? uris[0] : nil
        self.validity = validity
        isAuthority = certificate.isAuthority
        serial = certificate.serial
    }

    /// Whether it holds at `now`, in seconds since 1970.
    package func isValid(at now: Int64) -> Bool { validity.notBefore <= now && now <= validity.notAfter }
}

extension Certificate {
    /// The issuer in one line.
    var issuer: String {
        memoryText { X509_NAME_print_ex($0, X509_get_issuer_name(pointer), 0, apus_XN_FLAG_ONELINE()) } ?? "?"
    }

    var serial: String {
        memoryText { i2a_ASN1_INTEGER($0, X509_get0_serialNumber(pointer)) } ?? "?"
    }

    /// Nil when a time does not parse, or the end lies before the beginning.
    var validity: CertificateValidity? {
        guard let begin = X509_get0_notBefore(pointer).flatMap(secondsSince1970),
            let end = X509_get0_notAfter(pointer).flatMap(secondsSince1970),
            begin <= end
        else { return nil }
        return CertificateValidity(notBefore: begin, notAfter: end)
    }

    /// DNS names and addresses, as OpenSSL prints them.
    var hostNames: [String] {
        guard let list = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(list)
        defer { GENERAL_NAMES_free(names) }
        return (0..<apus_sk_GENERAL_NAME_num(names)).compactMap { index in
            guard let text = memoryText({ GENERAL_NAME_print($0, apus_sk_GENERAL_NAME_value(names, index)) }) else {
                return nil
            }
            for prefix in ["DNS:", "IP Address:"] where text.hasPrefix(prefix) {
                return String(text.dropFirst(prefix.count))
            }
            return nil
        }
    }
}
