import COpenSSL
import CRecordCipher

/// Whose AES-GCM encrypts the records of a connection.
///
/// - Isolation: any thread.
package enum RecordCipher: Hashable, Sendable {
    /// OpenSSL's own.
    case openSSL
    /// intel-ipsec-mb's, 512 bits at a time: a quarter of the time where OpenSSL is older than 3.1.
    case ipsecMB

    /// The fastest that this machine has.
    package static var best: RecordCipher { whyNotIPsecMB == nil ? .ipsecMB : .openSSL }

    /// The best, in words, and why it is not another: `intel-ipsec-mb 1.3.0`.
    package static var bestDescription: String {
        if let whyNotIPsecMB {
            return "OpenSSL \(String(cString: OpenSSL_version(OPENSSL_VERSION_STRING))): \(whyNotIPsecMB)"
        }
        return "intel-ipsec-mb \(String(cString: apus_record_cipher_version()))"
    }

    /// What a context asks OpenSSL for.
    var propertyQuery: String {
        switch self {
        case .openSSL: "provider!=apus-records"
        case .ipsecMB: APUS_RECORD_CIPHER_QUERY
        }
    }

    /// Why `ipsecMB` cannot be had, or nil; it is loaded for the first that asks.
    static let whyNotIPsecMB: String? = {
        // Source: OpenSSL's list of changes for 3.1.
        if (OPENSSL_version_major(), OPENSSL_version_minor()) >= (3, 1) { return "it uses VAES itself" }
        return apus_record_cipher_load().map { String(cString: $0) }
    }()
}
