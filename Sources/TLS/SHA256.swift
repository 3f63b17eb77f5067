import COpenSSL

/// A SHA-256 of bytes that come piece by piece.
///
/// - Source: FIPS 180-4; computed by OpenSSL.
/// - Isolation: none; one user at a time.
package final class SHA256 {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256, or no memory for one")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            preconditionFailure("a SHA-256 that was finished goes on")
        }
    }

    /// The digest of all that came, 64 digits of base 16; ends it.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var byteCount: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &digest, &byteCount) == 1 else {
            preconditionFailure("a SHA-256 that was finished is finished again")
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.prefix(Int(byteCount)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
