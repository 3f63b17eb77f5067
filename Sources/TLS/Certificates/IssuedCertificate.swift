package import Vocabulary

/// A new certificate and its private key.
package struct IssuedCertificate: Sendable {
    /// The certificate as PEM text; the authority's own is not part of it, peers have that.
    package let certificate: Bytes
    /// The unencrypted private key as PKCS #8 PEM text; a secret.
    package let privateKey: Bytes
}
