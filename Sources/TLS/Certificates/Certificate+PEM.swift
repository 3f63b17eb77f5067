import COpenSSL
import Vocabulary

extension Certificate {
    /// The certificate as PEM text.
    func pem() throws(TLSError) -> Bytes {
        guard let text = memoryText({ PEM_write_bio_X509($0, pointer) == 1 ? 0 : -1 }) else {
            throw issuingFailure("PEM of a certificate")
        }
        return Bytes(utf8: text)
    }
}

extension PrivateKey {
    /// A new key on the curve P-256: 128-bit strength, and several times cheaper to sign with than RSA.
    static func generate() throws(TLSError) -> PrivateKey {
        ERR_clear_error()
        guard let pointer = apus_EVP_EC_gen("P-256") else { throw issuingFailure("key") }
        return PrivateKey(owning: pointer)
    }

    /// The unencrypted key as PKCS #8 PEM text.
    func pem() throws(TLSError) -> Bytes {
        let text = memoryText { PEM_write_bio_PrivateKey($0, pointer, nil, nil, 0, nil, nil) == 1 ? 0 : -1 }
        guard let text else { throw issuingFailure("PEM of a key") }
        return Bytes(utf8: text)
    }
}
